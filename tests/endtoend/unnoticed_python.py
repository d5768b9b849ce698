#!/usr/bin/env python3
"""CPython's own tests of processes, threads, signals and zlib give the same result bare and with remoted checksums.  Left
out are those that mostly sleep; the long set runs the files whole, each way and as another user too.
"""
from lib_cpython import *

SLOW = ("test_siginterrupt_*", "test_without_siginterrupt", "test_interprocess_signal", "test_sigwait*", "test_sigtimedwait*",
        "test_wakeup_fd_*", "test_setitimer_tiny", "test_itimer_*", "test_stress_*", "test_check_output_timeout",
        "test_communicate_*timeout*", "test_communicate_repeated_*", "test_*_dead", "test_wait",
        "test_join_nondaemon_on_shutdown", "test_default_timeout", "test_timeout", "test_acquire_timeout")

bare, remote = together((suite, "bare", SLOW), (suite, "remote", SLOW))
check("bare: all pass", bare[0].status == 0, bare[0].out[-3000:], bare[0].err)
compare("remote", bare, remote)
check_counts("remote")
finish()
