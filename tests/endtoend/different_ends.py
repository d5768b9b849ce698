#!/usr/bin/env python3
"""Guest and host that do not agree: tables, rows, spec files, protocols.  Each line names what differs, and what to do."""
import errno

from lib_trouble import *

# ---- one row differs ----

spec = read_spec()
for row in spec["functions"]:
    if row["prototype"].startswith("int trouble_next_other("):
        row["prototype"] = "int trouble_next_other(long value)"
different = write_spec(spec)
host = Host(spec=different)
program = Program(host)
check("a row that differs: the others work", program.call("next", 1)[:2] == (2, 77))
answer = program.call("other", 1)
check("a row that differs: the declared failure", answer and answer[:2] == (-1, errno.ENOSYS), answer)
check("a row that differs: the line has both rows", program.new_lines() == [
    f"trouble_next_other: guest and host have different rows for it; the guest's ({SPEC}) is: s4 (s4); the host's is: "
    "s4 (s8); returned -1"], *program.lines())
check("a row that differs: it was not called", host.calls("trouble_next_other") == 0)
check("a row that differs: the others go on", program.call("native", 1)[:2] == (2, 77))

# ---- a row is missing ----

spec = read_spec()
spec["functions"] = [row for row in spec["functions"] if "trouble_next_native(" not in row["prototype"]]
host = Host(spec=write_spec(spec))
program = Program(host)
check("a row that the host lacks: the others work", program.call("next", 1)[:2] == (2, 77))
check("a row that the host lacks: it says native, so it runs here", program.call("native", 1)[:2] == (2, 77))
check("a row that the host lacks: the line says so", program.new_lines() == [
    "trouble_next_native: the host's table trouble has no such row; ran here instead"], *program.lines())

# ---- the table is missing ----

host = Host(spec=None)
program = Program(host)
check("a table that the host lacks: the declared failure", program.call("next", 1)[:2] == (-1, errno.ENOSYS))
check("a table that the host lacks: the line says how to give it", program.new_lines() == [
    f"trouble_next: the host at {host.address} has no table trouble; start it with: winapi-host --spec {SPEC}; "
    "returned -1"], *program.lines())
check("a table that the host lacks: the program ends as it wants to", program.stop() == 0)

# ---- a library is missing, or lacks the function ----

spec = read_spec()
spec["library"] = "/nonexistent/library.so"
path = write_spec(spec)
host = Host(spec=path)
program = Program(host, spec=path)
check("a library that is missing: the declared failure", program.call("next", 1)[0] == -1)
check("a library that is missing: the line says where to look", program.new_lines() == [
    "trouble_next: the host cannot call it: its log says why; returned -1"], *program.lines())
check("a library that is missing: the log names it", host.has_logged(
    "trouble: trouble_next: cannot be called: library /nonexistent/library.so: "), host.log())

# ---- spec files that are no good ----


def run_with(path):
    """The program with WINAPI_SPEC alone; what it prints is then nobody's business but ours."""
    return subprocess.run([TROUBLE], input="1 wait 1\n", text=True, capture_output=True, timeout=PATIENCE,
                          env=environment(LD_PRELOAD=preload(), WINAPI_SPEC=path, WINAPI_HOST="unix:/nonexistent"))


def preload():
    return sanitizer_library() + ":" + PRELOAD if SANITIZER else PRELOAD


bad = {
    "missing": (folder + "/missing.json", r"WINAPI_SPEC: .*missing\.json: No such file or directory"),
    "not JSON": (write_spec("{ this is no JSON"), r".*trouble\.json:\d+:\d+: .*JSON.*"),
    "no table": (write_spec("[1, 2]"), r".*trouble\.json:\d+:\d+: .*"),
    "wrong": (write_spec({"table": "trouble", "version": 1, "library": "x", "functions": [
        {"prototype": "int f(char *text)"}]}), r".*trouble\.json:\d+:\d+: table trouble: function f: parameter text: .*"),
}
for what, (path, pattern) in bad.items():
    process = run_with(path)
    lines = [re.sub(r"^winapi\[\d+\]: ", "", line) for line in process.stderr.splitlines()]
    check(f"a spec file that is {what}: the program lives", process.returncode == 0 and
          process.stdout.startswith("1 -1 "), process.returncode, process.stdout, process.stderr)
    check(f"a spec file that is {what}: a line names it", any(re.fullmatch(pattern, line) for line in lines), *lines)
    process = subprocess.run([WINAPI, "run", "--spec", path, "--", TROUBLE], input="", text=True, capture_output=True,
                             env=environment(), timeout=PATIENCE)
    check(f"a spec file that is {what}: winapi run exits 1 and names it",
          process.returncode == 1 and path in process.stderr, process.returncode, process.stderr)

# ---- other protocols ----


def check_host_of(major, what):
    path = f"{folder}/protocol{major}"
    serve(path, lambda hello: [{
        "message": "welcome", "protocol": {"major": major, "minor": 3}, "program": "winapi-host 9.9", "pid": 1,
        "system": "Linux", "data_model": "LP64", "medium": "socket", "limits": {"lanes": 1}, "tables": []}])
    program = Program("unix:" + path)
    check(f"a host of protocol {major}: the declared failure", program.call("next", 1)[:2] == (-1, errno.EPROTO))
    check(f"a host of protocol {major}: both versions, and what to update", program.new_lines() == [
        f"trouble_next: unix:{path}: protocol 2.0 of this program's side (winapi 0.1.0) and protocol {major}.3 of the "
        f"host (winapi-host 9.9) do not fit: update {what}; returned -1"], *program.lines())
    check(f"a host of protocol {major}: the program ends as it wants to", program.stop() == 0)


check_host_of(1, "winapi-host")
check_host_of(3, "libwinapi_preload.so")

serve(folder + "/refusing", lambda hello: [
    {"message": "error", "code": "protocol", "text": f"this host speaks 7.0, not {hello['protocol']['major']}.0"}])
program = Program(f"unix:{folder}/refusing")
program.call("next", 1)
check("a host that refuses: its own words", program.new_lines() == [
    f"trouble_next: unix:{folder}/refusing: the host refuses: this host speaks 7.0, not 2.0; returned -1"],
    *program.lines())

host = Host()
for major, what in ((1, "the client"), (3, "winapi-host")):
    with Peer(host.path) as peer:
        answer = peer.ask({**HELLO, "protocol": {"major": major, "minor": 5}})
        check(f"a client of protocol {major}: both versions, and what to update", answer == {
            "message": "error", "code": "protocol", "text": f"protocol {major}.5 of the client (test 1) and protocol 2.0 "
            f"of this host (winapi-host 0.1.0) do not fit: update {what}"}, answer)
        check(f"a client of protocol {major}: the connection is closed", peer.is_closed())

for what, messages in (("an array", [[1]]), ("a number", [5]), ("text that is no JSON", [b"hello"]), ("nothing", []),
                       ("a welcome without members", [{"message": "welcome"}]),
                       ("another answer", [{"message": "stat"}])):
    path = f"{folder}/odd.{len(os.listdir(folder))}"
    serve(path, lambda hello, messages=messages: messages)
    program = Program("unix:" + path, WINAPI_CONNECT_TIMEOUT="300ms")
    answer = program.call("next", 1)
    check(f"a host that answers {what}: the declared failure, and a line", answer and answer[0] == -1 and
          len(program.new_lines()) == 1, answer, *program.lines())
    check(f"a host that answers {what}: the program ends as it wants to", program.stop() == 0)
finish()
