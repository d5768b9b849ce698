#!/usr/bin/env python3
"""A signal handler forks in the midst of calls, posted and answered, and the child returns to them: the parent notices
nothing, and the child's calls are made in a session of its own, or fail, but never hang.
"""
from lib_posts import *

# A handler that interrupts a call may open a lane, which allocates.
os.environ["TSAN_OPTIONS"] = os.environ.get("TSAN_OPTIONS", "") + ":report_signal_unsafe=0:die_after_fork=0"

FORKED = "forked in the midst of it"

for medium in MEDIA:
    host = posts_host()
    program = Posts(host, WINAPI_TRANSPORT=medium)
    check(f"{medium}: parent and children have all their calls, in order", program.result("among_forks", 0) == 0)
    check(f"{medium}: the parent's lane is as before", program.result("post_and_ask", 100) == 100 and
          program.result("wrong", 0) == 0)
    check(f"{medium}: it ends as it wants to", program.stop() == 0)
    check(f"{medium}: no line but of calls whose answer is the parent's", all(FORKED in line for line in program.lines()),
          *program.lines())
    check(f"{medium}: no worker has crashed", host.stat()["crashed_clients"] == 0, host.stat())
    check(f"{medium}: all workers go", wait_until(lambda: host.workers() == []), host.workers())
    host.stop()
finish()
