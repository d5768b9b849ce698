#!/usr/bin/env python3
"""Real input: the system's own python3, unmodified, whose zlib module calls the system's libz, computes checksums of
one bytes object of 100 MB in the host.
"""
from lib_ways import *

PYTHON = "/usr/bin/python3"
MEDIA = [os.environ["WINAPI_TRANSPORT"]] if "WINAPI_TRANSPORT" in os.environ else ["memory", "socket"]
CHECKSUMS = """
import os, zlib
data = (bytes(range(251)) * 400000)[:100_000_000]
print(len(data), zlib.crc32(data), zlib.adler32(data), zlib.crc32(data, 17), zlib.crc32(b""), os.getpid())
"""
COMPRESSION = """
import zlib
data = bytes(range(256)) * 4000
print(zlib.ZLIB_RUNTIME_VERSION, zlib.crc32(data), len(zlib.compress(data)), zlib.decompress(zlib.compress(data)) == data)
"""
LIBZ = subprocess.run([PYTHON, "-sEc", "import zlib; print('libz.so.1' in open('/proc/self/maps').read())"],
                      capture_output=True, text=True) if os.path.exists(PYTHON) else None
if not LIBZ or LIBZ.stdout != "True\n":
    print("skipped: there is no", PYTHON, "whose zlib is the system's")
    sys.exit(77)


def python(program, *options, **variables):
    return winapi_run(PYTHON, "-sEc", program, options=("--spec", "zlib", *options), library="", **variables)


native = run([PYTHON, "-sEc", CHECKSUMS], library="")
checksums = native.out.split()[:5]
check("bare: a bytes object of 100 MB", checksums[:1] == ["100000000"] and native.status == 0, native)

for medium in MEDIA:
    host = Host(spec="zlib")
    remote = python(CHECKSUMS, host=host, WINAPI_TRANSPORT=medium)
    check(f"{medium}: the native checksums", remote.out.split()[:5] == checksums and remote.err == "", native, remote)
    rows = {row["name"]: row for row in host.stat()["functions"]}
    check(f"{medium}: the host has counted the calls", rows["adler32"]["calls"] == 1 and rows["crc32"]["calls"] >= 2 and
          not any(row["errors"] for row in rows.values()), rows)
    check(f"{medium}: and the bytes", rows["adler32"]["bytes_in"] >= 100_000_000, rows["adler32"])

    report = folder + "/report." + medium
    compared = python(CHECKSUMS, "--mode", "compare", host=host, WINAPI_TRANSPORT=medium, WINAPI_COMPARE_REPORT=report)
    with open(report) as file:
        found = json.load(file)
    calls = {row["function"]: row["calls"] for row in found["functions"]}
    check(f"{medium}, compare: 0 differences", found["differences"] == 0 and calls.get("adler32") == 1 and
          calls.get("crc32", 0) >= 2 and not any(row["not_compared"] for row in found["functions"]), found)
    check(f"{medium}, compare: both ran, and the program has the native result", compared.out.split()[:5] == checksums and
          host.calls("adler32") == 2 and "0 differences" in compared.err, compared)
    host.stop()

# ---- another process, seen from outside: while the host computes, the worker is a process of its own ----

host = Host(spec="zlib")
process = subprocess.Popen([WINAPI, "run", "--spec", "zlib", "--", PYTHON, "-sEc",
                            "import sys, zlib; print(zlib.crc32(b'hello'), flush=True); sys.stdin.read()"],
                           env=environment(WINAPI_HOST=host.address), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
said = process.stdout.readline()
clients = [client for client in host.stat()["clients"] if client["pid"] == process.pid]
check("the worker is not the program", said == b"907060870\n" and len(clients) == 1 and
      clients[0]["worker"] not in (process.pid, host.process.pid) and clients[0]["calls"] >= 1, said, clients)
process.communicate(b"", timeout=PATIENCE)

bare, remote = (way(COMPRESSION) for way in (lambda text: run([PYTHON, "-sEc", text], library=""),
                                            lambda text: python(text, host=host)))
check("what has no row goes on here, beside what is remote", bare.out == remote.out != "" and remote.err == "", bare, remote)
finish()
