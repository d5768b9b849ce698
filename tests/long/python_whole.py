#!/usr/bin/env python3
"""CPython's own tests of processes, threads, signals and zlib, whole, give the same result bare and each way with the
preload; as root also as nobody, where other tests are skipped.  Two bare runs tell which tests are stable by themselves.
"""
import os
import sys

sys.path.insert(0, os.environ["WINAPI_SOURCE"] + "/tests/endtoend")
from lib_cpython import *

for user in users():
    who = user or "the tester"
    ways = ("alone", "remote", "restarted", "kept", "native", "own_host") if not user else ("alone", "remote")
    bare, again, remote = together((suite, "bare", None, user), (suite, "bare", None, user), (suite, "remote", None, user))
    unstable = sorted(name for name in bare[1].keys() | again[1].keys() if bare[1].get(name) != again[1].get(name))
    print(f"{who}: not the same twice without the preload:", unstable or "none", flush=True)
    check(f"{who}, bare: nine in ten tests are stable", len(unstable) < len(bare[1]) / 10 and len(bare[1]) > 900,
          len(bare[1]), bare[0].out[-3000:])
    results = {"remote": remote}
    for pair in zip(ways[::2], ways[1::2]):
        fresh = [way for way in pair if way not in results]
        results.update(zip(fresh, together(*((suite, way, None, user) for way in fresh))))
    for way in ways:
        compare(f"{who}, {way}", bare, results[way], unstable)
    check_counts(f"{who}, remote", user)
finish()
