#!/usr/bin/env python3
"""WINAPI_MODE=compare: what it finds, what it leaves out and why, and its reports, however a process ends."""
from lib_ways import *

host = WaysHost()
wrong = WaysHost(library=Where.wrong)
REPORT = folder + "/report"
ALL = ["add:1:2", "corner:4", "distance:3:-4", "third:1", "exact_third:1", "ticket", "touch:1", "color:3", "fail:2",
       "name:1", "name:7", "length:1", "length:0", "upper", "open:5", "value", "close"]
SAFE = {"ways_add", "ways_corner", "ways_distance", "ways_third", "ways_exact_third", "ways_ticket", "ways_next_color",
        "ways_fail", "ways_name", "ways_length", "ways_upper", "ways_open", "ways_value", "ways_close"}


def compare(*words, host=host, program=WAYS, report=REPORT, **variables):
    result = winapi_run(program, *words, host=host, WINAPI_MODE="compare", WINAPI_COMPARE_REPORT=report, **variables)
    result.report = read(report.replace("%p", str(result.pid)))
    result.functions = {row["function"]: row for row in result.report.get("functions", [])}
    return result


def read(path):
    """The report, once it is there and whole; the file goes."""
    found = {}

    def is_there():
        with contextlib.suppress(OSError, ValueError), open(path) as file:
            found.update(json.load(file))
        return bool(found)

    wait_until(is_there)
    with contextlib.suppress(OSError):
        os.unlink(path)
    return found


def differences(result):
    return {name: row["differences"] for name, row in result.functions.items() if row["differences"]}


# ---- nothing differs ----

bare = run([WAYS, *ALL])
same = compare(*ALL)
check("the program's output is the native one", same.out == bare.out and same.status == 0, bare, same)
check("nothing differs", same.report.get("differences") == 0 and differences(same) == {}, same.report)
check("every safe function was compared", {name for name, row in same.functions.items() if row["calls"]} == SAFE,
      same.functions)
check("the report names the process", same.report.get("pid") == same.pid)
check("it has both times", all(row["native_ns"] > 0 and row["remote_ns"] > 0 for row in same.functions.values()
                               if row["calls"]), same.functions)
check("the host has counted them too", host.calls("ways_add") == 1 and host.calls("ways_name") == 2)
check("what is not marked safe ran once, here", same.functions["ways_touch"]["calls"] == 0 and
      same.functions["ways_touch"]["not_compared"] == 1 and host.calls("ways_touch") == 0 and
      same.values("touch") == ["1"], same.functions["ways_touch"])
check("and the report says why", '"compare": "safe"' in same.functions["ways_touch"]["reason"], same.functions)
check("stderr has it in words", "compare: ways_add: 1 calls, 0 differences" in same.err and
      f"compare: process {same.pid}: 16 calls compared, 0 differences, 1 not compared" in same.err, same.err)

# ---- something differs ----

other = compare(*ALL, host=wrong)
check("a wrong host: the program still gets the native results", other.out == bare.out, other)
check("a wrong host: just its wrong functions are found", differences(other) == {
    "ways_add": 1, "ways_corner": 1, "ways_exact_third": 1, "ways_length": 1}, differences(other))
check("a value within its tolerance and a volatile one are none", {"ways_third", "ways_ticket"} <= set(other.functions))
first = other.functions["ways_add"]["first"]
check("the first difference: both values", first == {"where": "return", "native": "3", "remote": "4"}, first)
first = other.functions["ways_corner"]["first"]
check("a member of a struct is named", "corner" in first["where"] and first["where"].endswith("y") and
      (first["native"], first["remote"]) == ("8", "9"), first)
check("stderr says it too", "compare: ways_add: 1 calls, 1 differences" in other.err and
      "first: return: native 3, remote 4" in other.err, other.err)
check("the wrong host's remote results show in remote mode", winapi_run(WAYS, "add:1:2", host=wrong).lines == ["add 4"])

# ---- however it ends ----

for what, words, status in [("exit", ["exit:3"], 3), ("_exit", ["quit:4"], 4), ("SIGTERM", ["die:15"], -15),
                            ("SIGKILL", ["die:9"], -9), ("SIGSEGV", ["die:11"], -11)]:
    ended = compare("add:1:2", *words)
    check(f"{what}: the report is written", ended.status == status and ended.functions.get("ways_add", {}).get("calls")
          == 1 and ended.report["pid"] == ended.pid, ended, ended.report)
    check(f"{what}: once on stderr", ended.err.count("calls compared") == 1, ended.err)
quick = [compare("add:1:2", "die:9", report=f"{folder}/quick{number}") for number in range(10)]
check("killed right after its first call, ten times: ten reports", all(one.report for one in quick), *quick)

# ---- each process its own ----

forked = compare("add:1:2", "fork", "add:3:4", report=folder + "/forked.%p")
child = [name for name in os.listdir(folder) if name.startswith("forked.")]
check("parent of a fork: its calls", forked.functions["ways_add"]["calls"] == 2, forked.report)
check("child of a fork: a report of its own", len(child) == 1, child)
report = read(f"{folder}/{child[0]}") if child else {}
check("child of a fork: its calls only", report.get("pid") == int(child[0].split(".")[1]) != forked.pid and
      report["functions"][0]["calls"] == 1, report)
silent = winapi_run(
    WAYS, "pid", host=host, WINAPI_MODE="compare", WINAPI_COMPARE_REPORT=folder + "/silent")
check("a process that compared nothing says nothing", silent.err == "" and not os.path.exists(folder + "/silent"), silent)

# ---- where the report cannot go, and without a host ----

nowhere = winapi_run(WAYS, "add:1:2", host=host, WINAPI_MODE="compare", WINAPI_COMPARE_REPORT=folder + "/no/report")
check("a path that is none: an error that names the variable", any(
    line.startswith(f"WINAPI_COMPARE_REPORT={folder}/no/report: No such file") for line in nowhere.said), nowhere)
alone = winapi_run(WAYS, "add:1:2", WINAPI_MODE="compare", WINAPI_HOST=f"unix:{folder}/nobody",
                   WINAPI_COMPARE_REPORT=REPORT)
alone.report = read(REPORT)
check("without a host it runs here, and is not compared", alone.lines == ["add 3"] and
      alone.report["functions"][0]["not_compared"] == 1 and "host" in alone.report["functions"][0]["reason"], alone)

# ---- a native function that comes later ----

with open(folder + "/later.c", "w") as file:
    file.write(r'''
#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv)
{
    int (*only)(int) = (int (*)(int))dlsym(RTLD_DEFAULT, "ways_only_there");
    int sum = 0;

    for (int i = 0; only && argc > 1 && i < 5; i++) {
        if (i == 3 && !dlopen(argv[1], RTLD_NOW))
            return 1;
        sum += only(i);
    }
    printf("%d\n", sum);
    return 0;
}
''')
ran = host.calls("ways_only_there")
later = compare(Where.there + "/libways.so", program=compile("later", folder + "/later.c", "-ldl"))
only = later.functions.get("ways_only_there", {})
check("a function whose library is opened later is compared from then on", later.lines == ["100"] and
      (only.get("calls"), only.get("not_compared")) == (2, 3), later, later.report)
check("and all of its calls ran at the host", host.calls("ways_only_there") - ran == 5)

# ---- the seeds' program ----

def differences(report):
    """How many; but for an errno that ThreadSanitizer leaves behind in the host, once, of what tests/tsan.supp suppresses."""
    left = [row for row in report["functions"] if row["differences"]]
    if SANITIZER == "thread" and len(left) == 1 and left[0]["function"] == "winapi_buffer_test" and \
            left[0]["differences"] == 1 and left[0]["first"]["where"] == "errno":
        return 0
    return report["differences"]


for words in [], ["--integration"], ["--stress", "--iterations", "200"], ["--benchmark", "latency"], \
        ["--benchmark", "throughput", "--size", "20MB"]:
    result = run([BUILD + "/bin/test_client", *words], LD_PRELOAD=PRELOAD, WINAPI_HOST=host.address,
                 WINAPI_MODE="compare", WINAPI_COMPARE_REPORT=REPORT, patience=10 * PATIENCE)
    report = read(REPORT)
    check(f"test_client {' '.join(words)}: compared, and no difference", result.status == 0 and
          differences(report) == 0 and sum(row["calls"] for row in report["functions"]) > 0, result, report)
finish()
