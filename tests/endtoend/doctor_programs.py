#!/usr/bin/env python3
"""winapi doctor says what a program is and which libraries it lacks; winapi run agrees."""
from lib_ways import *

host = WaysHost()
with open(folder + "/hello.c", "w") as source:
    source.write("int main(void) { return 0; }\n")
with open(folder + "/caller.c", "w") as source:
    source.write('#include <stdio.h>\nint ways_add(int, int);\n'
                 'int main(void) { printf("add %d\\n", ways_add(1, 2)); return 0; }\n')


def doctor(*program, options=("--spec", WAYS_SPEC), library=Where.here, **variables):
    variables.setdefault("WINAPI_HOST", host.address)
    result = run([WINAPI, "doctor", "--json", *options, "--", *program], library=library, **variables)
    try:
        return json.loads(result.out), result
    except ValueError:
        return {}, result


def build(name, *flags, source="hello.c"):
    path = f"{folder}/{name}"
    done = subprocess.run([*CC, "-o", path, f"{folder}/{source}", *flags], capture_output=True, text=True)
    return path if done.returncode == 0 else None


def refuse(what, *program, kind, words, status=126, advice=None):
    """The doctor refuses it, with these words and one thing to do at least; so does winapi run, in one line."""
    report, said = doctor(*program)
    about = report.get("program", {})
    check(f"{what}: the doctor says what it is", said.status == 1 and about.get("kind") == kind and
          all(word in about.get("refusal", "") for word in words), about, said.err)
    check(f"{what}: and what to do", advice is None or any(advice in line for line in report["advice"]),
          report.get("advice"))
    result = winapi_run(*program, host=host)
    check(f"{what}: winapi run says the same in one line", result.status == status and result.out == "" and
          len(result.err.splitlines()) == 1 and all(word in result.err for word in words), result)


# ---- programs in which the loader ignores LD_PRELOAD ----

for name, flag in ("static", "-static"), ("static-pie", "-static-pie"):
    program = build(name, flag)
    # musl-gcc takes -static-pie and makes a dynamic program.
    if program and "INTERP" not in subprocess.run(["readelf", "-l", program], capture_output=True, text=True).stdout:
        refuse(name, program, kind=name, words=("statically linked",), advice="dynamically")
    else:
        print("skipped", name, "this compiler cannot make one")
for name, mode in ("setuid", 0o4755), ("setgid", 0o2755):
    program = shutil.copy(WAYS, f"{folder}/{name}")
    os.chmod(program, mode)
    refuse(name, program, kind="dynamic", words=(name, "ignores LD_PRELOAD"), advice="copy")
program = shutil.copy(WAYS, f"{folder}/capable")
if shutil.which("setcap") and subprocess.run(["setcap", "cap_net_raw+ep", program], capture_output=True).returncode == 0:
    refuse("file capabilities", program, kind="dynamic", words=("capabilities",), advice="copy")
else:
    print("skipped: file capabilities cannot be given here")

# The kernel sees to it that nobody gains a privilege: then the loader has no reason to ignore LD_PRELOAD.
if shutil.which("setpriv"):
    before = host.calls("ways_add")
    result = run(["setpriv", "--no-new-privs", WINAPI, "run", "--spec", WAYS_SPEC, "--", f"{folder}/setuid", "add:1:2"],
                 WINAPI_HOST=host.address)
    check("setuid without new privileges: caught", result.lines == ["add 3"] and host.calls("ways_add") == before + 1,
          result)

# ---- Go: a real one where there is a compiler; else a file with the note that its linker leaves ----

go = shutil.which("go")
if go:
    with open(folder + "/main.go", "w") as source:
        source.write('package main\n\nfunc main() { println("go") }\n')
    made = subprocess.run([go, "build", "-o", folder + "/gopher", folder + "/main.go"], capture_output=True, text=True,
                          env={**os.environ, "HOME": folder, "GOCACHE": folder + "/go", "CGO_ENABLED": "0",
                               "GO111MODULE": "off", "GOFLAGS": ""}, timeout=100)
    if made.returncode:
        go = None
with open(folder + "/note.s", "w") as source:
    source.write('.section .note.go.buildid, "a", %note\n.balign 4\n.long 3, 4, 4\n.asciz "Go"\n.byte 0\n.ascii "none"\n'
                 '.section .note.GNU-stack, "", %progbits\n')
subprocess.run([*CC, "-c", "-o", folder + "/note.o", folder + "/note.s"], check=True)
program = folder + "/gopher" if go else build("gopher", "-static", folder + "/note.o")
print("Go:", "compiled by go" if go else "a C program with Go's note in it: nothing of Go's own start is in it")
refuse("Go", program, kind="static", words=("Go program",), advice="CGO_ENABLED=1")
program = build("cgo", folder + "/note.o", *use_libraries(Where.here), source="caller.c")
report, said = doctor(program)
check("Go that is linked to libc: told, and not refused", report["program"]["go"] and said.status == 0, report["program"])

# ---- what is no program ----

report, said = doctor("cd")
check("a command of the shell: told", "shell itself" in report["program"]["refusal"] and said.status == 1, said)
refuse("a library", PRELOAD, kind="library", words=("shared library",))
report, said = doctor(folder + "/hello.c")
check("not executable: told, and how to change it", said.status == 1 and
      any("chmod +x" in line for line in report["advice"]), report)
report, said = doctor("no-such-program-at-all")
check("not there: told", said.status == 1 and report["program"]["kind"] == "missing", report)
with open(f"{folder}/foreign", "wb") as file:
    with open(WAYS, "rb") as native:
        data = bytearray(native.read())
    data[18:20] = struct.pack("<H", 243)
    file.write(data)
os.chmod(f"{folder}/foreign", 0o755)
refuse("another machine", f"{folder}/foreign", kind="foreign", words=("another kind of machine",))
with open(f"{folder}/cut", "wb") as file:
    file.write(bytes(data[:70]))
os.chmod(f"{folder}/cut", 0o755)
report, said = doctor(f"{folder}/cut")
check("a file that is cut off: told, and nothing breaks", said.status == 1 and report["advice"], said)
program = build("lost_loader", "-Wl,--dynamic-linker=/nonexistent/ld-linux-none.so.1")
report, said = doctor(program)
check("a loader that is missing: told by name", said.status == 1 and
      any("/nonexistent/ld-linux-none.so.1" in line for line in report["advice"]), report["advice"])

# ---- scripts: judged by their interpreter ----


def script(name, first):
    path = f"{folder}/{name}"
    with open(path, "w") as file:
        file.write(first + "\n")
    os.chmod(path, 0o755)
    return path


def check_script(what, path, chain, *words):
    report, said = doctor(path, PATH=f"{folder}:{os.environ['PATH']}")
    check(f"{what}: its chain", report["program"]["chain"] == [path, *chain] and report["program"]["script"] and
          not report["program"].get("refusal"), report["program"])
    before = host.calls("ways_add")
    result = winapi_run(path, *words, host=host, PATH=f"{folder}:{os.environ['PATH']}")
    check(f"{what}: run, the host has counted", host.calls("ways_add") == before + 1 and "add 3" in result.lines, result)


sh = shutil.which("sh")
plain = script("plain_script", f"#!/bin/sh\nexec {WAYS} add:1:2")
check_script("a script", plain, ["/bin/sh"])
check_script("a script of a script", script("second", f"#!{plain}"), [plain, "/bin/sh"])
check_script("env", script("by_env", f"#!/usr/bin/env sh\nexec {WAYS} add:1:2"), [sh])
check_script("env -S", script("by_env_s", f"#!/usr/bin/env -S A=1 sh -e\nexec {WAYS} add:1:2"), [sh])
check_script("no first line", script("no_first_line", f"exec {WAYS} add:1:2"), ["/bin/sh"])
refuse("env -i", script("by_env_i", f"#!/usr/bin/env -iS {WAYS} add:1:2"), kind="dynamic", words=("env", "LD_PRELOAD"),
       advice="interpreter")
refuse("a script of a static program", script("static_script", f"#!{folder}/static"), kind="static",
       words=(f"{folder}/static", "statically linked"))

# ---- libraries ----

compile("lib one/libone.so", "-shared", "-fPIC", folder + "/hello.c", "-Dmain=one")
compile("two/libtwo.so", "-shared", "-fPIC", folder + "/hello.c", "-Dmain=two", f"-L{folder}/lib one", "-Wl,--no-as-needed",
        "-lone", "-Wl,-rpath,$ORIGIN/../lib one")
for name, tags in ("runpath", "-Wl,--enable-new-dtags"), ("rpath", "-Wl,--disable-new-dtags"):
    program = build(name, "-Wl,--no-as-needed", f"-L{folder}/two", "-ltwo", tags, "-Wl,-rpath,$ORIGIN/two",
                    f"-Wl,-rpath-link,{folder}/lib one", *use_libraries(Where.here), source="caller.c")
    report, said = doctor(program)
    found = {library["name"]: library["path"] for library in report["libraries"]}
    mapped = run([program], LD_TRACE_LOADED_OBJECTS="1")
    loader = dict(re.findall(r"^\s*(\S+) => (\S.*?) \(0x", mapped.out, re.MULTILINE))
    check(f"{name}: the libraries are those of the loader", (loader or "musl" in CC[0]) and
          all(os.path.realpath(found.get(name, "/")) == os.path.realpath(path) for name, path in loader.items()
              if name in found or "/" not in name), loader, found)
    check(f"{name}: nothing is missing", report["missing"] == [] and said.status == 0, report["missing"])
os.rename(folder + "/lib one", folder + "/gone one")
report, said = doctor(program)
check("a missing library: by name, and who needs it", said.status == 1 and
      report["missing"] == [{"name": "libone.so", "needed_by": "libtwo.so"}], report["missing"])
check("a missing library: what to do", any("libone.so" in line and "LD_LIBRARY_PATH" in line for line in report["advice"]),
      report["advice"])
report, said = doctor(program, library=f"{Where.here}:{folder}/gone one")
check("LD_LIBRARY_PATH finds it", report["missing"] == [] and said.status == 0, report["missing"])
check("usage: status 2", run([WINAPI, "doctor"]).status == 2 and run([WINAPI, "doctor", "--wrong", "x"]).status == 2)

# ---- musl, by its own compiler: what is said holds when it is run ----

musl = shutil.which("musl-gcc")
if musl and "musl" not in CC[0] and not SANITIZER:
    os.makedirs(folder + "/musl", exist_ok=True)
    subprocess.run([musl, "-shared", "-fPIC", "-D_GNU_SOURCE", "-DNATIVE", "-I" + FIXTURES, "-o", folder + "/musl/libways.so",
                    FIXTURES + "/libways.c"], check=True)
    program = folder + "/musl/caller"
    subprocess.run([musl, "-o", program, folder + "/caller.c", f"-L{folder}/musl", "-lways", f"-Wl,-rpath,{folder}/musl"],
                   check=True)
    report, said = doctor(program, library="None")
    check("musl: told", report["program"]["libc"] == "musl", report["program"])
    # The doctor knows by the symbols of the library whether it would load there.
    plain = run([program], library="None", LD_PRELOAD=PRELOAD, WINAPI_HOST=host.address)
    check("musl: whether the library fits", report["preload"].get("fits", plain.status == 0) == (plain.status == 0),
          report["preload"], plain)
    before = host.calls("ways_add")
    result = run([WINAPI, "run", "--spec", WAYS_SPEC, "--", program], library="None",
                 WINAPI_HOST=host.address)
    check("musl: caught exactly when the doctor says so", (host.calls("ways_add") == before + 1) == (said.status == 0) and
          (result.status == 0) == (said.status == 0), said.status, result, report.get("advice"))
else:
    print("skipped: musl, as there is no musl-gcc, or it is what all is built with")
finish()
