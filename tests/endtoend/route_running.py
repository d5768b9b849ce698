#!/usr/bin/env python3
"""`winapi route PID` changes where a running process's functions run; what it says of it, and what it refuses."""
from lib_routes import *

host = RouteHost()
program = Toggled(host)

# ---- one function ----

check("a process without a call yet is told so", wait_until(lambda: "no call" in route(program.pid).err), route(program.pid))
check("at first it runs at the host", program.side() == REMOTE)
said = route(program.pid)
check("without routes the modes are shown", said.status == 0 and
      re.search(r"^toggled +toggled_next +remote$", said.out, re.M), said)
said = route(program.pid, "toggled_next=native")
check("an idle process switches with its next call", said.status == 0 and
      said.out == "toggled_next: remote now; native with the process's next call\n", said)
check("which it does", program.side() == NATIVE)
check("and no other function", program.side("other") == REMOTE)
check("the library's own process says the same", program.ask("where")[0] != program.pid)
route(program.pid, "toggled_where=native")
check("after its switch it runs here", program.ask("where")[0] == program.pid)
said = route(program.pid)
check("the modes show it", re.search(r"^toggled +toggled_next +native$", said.out, re.M), said)
before = host.calls("toggled_next")
check("no host hears of native calls", [program.side() for _ in range(20)] == [NATIVE] * 20 and
      host.calls("toggled_next") == before)
route(program.pid, "toggled_*=remote")
check("and back", program.side() == REMOTE and program.side("other") == REMOTE and
      host.calls("toggled_next") == before + 1)
check("errno is left alone", program.ask("next", 1)[1] == 77)

# ---- a busy process ----

program.ask("start", 2)
said = route(program.pid, "toggled_next=native,toggled_other=native")
check("a busy one switches at once", said.status == 0 and said.out == "toggled_next: native\ntoggled_other: native\n", said)
said = route(program.pid, "toggled_next=remote")
check("and at once back", said.status == 0 and said.out == "toggled_next: remote\n", said)
said = route(program.pid, "toggled_next=compare")
check("compare as well", said.status == 0 and said.out == "toggled_next: compare\n", said)
route(program.pid, "toggled_next=remote,toggled_other=remote")
native, remote, wrong, mixed = program.ask("stop")
check("every result was right", wrong == 0 and native > 0 and remote > 0, native, remote, wrong)

# ---- what is refused ----

for routes, expected in {
    "toggled_next": 'winapi route: "toggled_next": write FUNCTION=remote, =native or =compare; nothing was changed\n',
    "toggled_next=here": 'winapi route: "toggled_next=here": write FUNCTION=remote, =native or =compare; nothing was changed\n',
    "toggled_nix=native": 'winapi route: "toggled_nix" is no function of the process\'s tables; nothing was changed\n',
    "toggled_next=native,nix=native": 'winapi route: "nix" is no function of the process\'s tables; nothing was changed\n',
}.items():
    said = route(program.pid, routes)
    check(f"{routes}: refused", said.status == 1 and said.err == expected and program.side() == REMOTE, said)
said = route(program.pid, "toggled_value=native")
check("a split family is refused, and all of it named", said.status == 1 and "would split a family" in said.err and
      all(name in said.err for name in FAMILY), said)
program.ask("start", 1)
said = route(program.pid, "toggled_only_there=native")
check("so is what has no native function", said.status == 1 and
      said.out == "toggled_only_there: stays remote: the process has no native function of that name\n", said)
said = route(program.pid, "toggled_o*=native,toggled_open=remote")
check("matched by a pattern it is no failure", said.status == 0 and "toggled_other: native" in said.out and
      "1 function: no native function of that name in the process; as before" in said.out, said)
program.ask("stop")
said = route(1 << 22, "toggled_next=native")
check("there is no such process", said.status == 1 and "there is no such process" in said.err, said)
bare = subprocess.Popen(["sleep", "60"], env={"PATH": os.environ["PATH"]})
ending.append(lambda: (bare.kill(), bare.wait()))
wait_until(lambda: open(f"/proc/{bare.pid}/comm").read() == "sleep\n")
said = route(bare.pid, "toggled_next=native")
check("one without the library", said.status == 1 and "does not run under libwinapi_preload.so" in said.err, said)
for words in [], ["x"], ["0"], ["-1"], ["1", "a=native", "b"]:
    check(f"winapi route {' '.join(words)}: usage", winapi("route", *words).status == 2)
check("winapi stat x: usage", winapi("stat", "x").status == 2)
if os.getuid() == 0 and shutil.which("runuser"):
    nobody = ["runuser", "-u", "nobody", "--"]
    os.chmod(folder, 0o755)
    if subprocess.run([*nobody, WINAPI, "--version"], capture_output=True).returncode == 0:
        said = route(program.pid, "toggled_next=native", before=nobody)
        check("another user may not", said.status == 1 and "not permitted" in said.err, said)
        check("nor look", winapi("stat", program.pid, before=nobody).status == 1)

# ---- started native ----

program = Toggled(host, WINAPI_MODE="native")
check("started native it runs here", program.side() == NATIVE)
route(program.pid, "*=remote")
check("and is switched to remote", program.side() == REMOTE and program.ask("where")[0] != program.pid)
program = Toggled(host, WINAPI_MODE="compare")
program.side()
route(program.pid, "*=remote")
check("compare is left too", program.side() == REMOTE)

# ---- a program that closes what it finds ----

program.ask("shut")
said = route(program.pid, "toggled_next=native")
if os.getuid() == 0:
    check("root reaches one that has closed every descriptor", said.status == 0 and program.side() == NATIVE, said)
else:
    check("one that has closed every descriptor is told so", "has closed the descriptor" in said.err, said)
child = program.ask("fork")[0]
check("its forked child has one again", program.side() == (NATIVE if os.getuid() == 0 else REMOTE) and
      route(child, "toggled_next=native").status == 0 and program.side() == NATIVE)
program.send("end")
check("nothing was said", program.said() == "", program.said())
finish()
