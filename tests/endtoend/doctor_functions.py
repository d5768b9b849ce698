#!/usr/bin/env python3
"""What winapi doctor says of a function comes true: each program is looked at, then run, and the host's counts decide.

Programs are linked in all the ways that decide whether a call passes the loader.
"""
from lib_ways import *

host = WaysHost()


def doctor(program, *arguments, options=("--spec", WAYS_SPEC), library=Where.here, **variables):
    """The report and the exit status."""
    variables.setdefault("WINAPI_HOST", host.address)
    result = run([WINAPI, "doctor", "--json", *options, "--", program, *arguments], library=library, **variables)
    try:
        report = json.loads(result.out)
    except ValueError:
        report = {}
    return report, result


def function(report, name):
    return next((entry for entry in report.get("functions", []) if entry["name"] == name), {})


def counted(name, start):
    """How often the host ran the function meanwhile, and what came of it."""
    before = host.calls(name)
    result = start()
    return host.calls(name) - before, result


def write(name, text):
    with open(f"{folder}/{name}", "w") as source:
        source.write(text)
    return f"{folder}/{name}"


def check_function(what, program, name, outcome, kinds, calls, status, words=(), library=Where.here):
    """`calls`: what the host counts when the program is run, and so what the forecast has to be."""
    report, said = doctor(program, library=library)
    entry = function(report, name)
    check(f"{what}: {name} is {outcome}", entry.get("outcome") == outcome and
          {use["kind"] for use in entry.get("uses", [])} == set(kinds), json.dumps(entry, indent=1), said.err)
    check(f"{what}: exit status {status}", said.status == status, said.status, report.get("summary"))
    count, result = counted(name, lambda: winapi_run(program, *words, host=host, library=library))
    check(f"{what}: run, the host counts {calls}", count == calls, count, result)
    check(f"{what}: a line says it exactly when nothing is caught", ("winapi doctor" in result.err) ==
          (outcome == "missed"), result.err)
    return report, entry


# ---- caught, however it is linked ----

HERE = use_libraries(Where.here)
for number, (shape, flags) in enumerate({"lazily bound": ["-Wl,-z,lazy"], "full RELRO": ["-Wl,-z,now", "-Wl,-z,relro"],
                                         "no PLT": ["-fno-plt"], "no PIE": ["-fno-pie", "-no-pie"]}.items()):
    program = build_program(f"defined{number}", *flags, *HERE)
    report, entry = check_function(shape, program, "ways_add", "caught", ["import"], 1, 0, ["add:1:2"])
    check(f"{shape}: every way in catches it", entry.get("ways") == ["run", "stub", "preload"], entry)
    count, result = counted("ways_add", lambda: run([program, "add:1:2"], LD_PRELOAD=PRELOAD, WINAPI_SPEC=WAYS_SPEC,
                                                    WINAPI_HOST=host.address))
    check(f"{shape}: so does plain LD_PRELOAD", count == 1, count, result)

# ---- a function that only a table has ----

for number, flags in enumerate((["-Wl,-z,now"], ["-Wl,-z,lazy"])):
    program = build_program(f"only{number}", "-DONLY_THERE", *flags, *HERE, *GONE)
    report, entry = check_function(f"only there {flags}", program, "ways_only_there", "caught", ["import"], 1, 0,
                                   ["only:1"])
    count, result = counted("ways_only_there", lambda: run([program, "only:1"], LD_PRELOAD=PRELOAD, WINAPI_SPEC=WAYS_SPEC,
                                                           WINAPI_HOST=host.address))
    check(f"only there {flags}: plain LD_PRELOAD as foretold", ("preload" in entry.get("ways", [])) == (count == 1) and
          not entry.get("defined"), entry.get("ways"), count)
report, said = doctor(program, options=("--spec", "zlib"))
check("a name that no table has either: told by name", any("ways_only_there" in line and "row" in line
                                                         for line in report.get("advice", [])), report.get("advice"))
check("a name that no table has either: status 1", said.status == 1, said)

# ---- not caught, each for its reason ----

CALLER = write("caller.c", '#include <stdio.h>\nint ways_add(int, int);\n'
               'int main(void) { printf("add %d\\n", ways_add(1, 2)); return 0; }\n')
OWN = write("own.c", "__attribute__((noinline)) VISIBLE int ways_add(int a, int b) { __asm__ volatile(\"\"); return a + b; }\n")
program = compile("hidden", CALLER, OWN, "-DVISIBLE=__attribute__((visibility(\"hidden\")))")
report, entry = check_function("hidden", program, "ways_add", "missed", ["hidden"], 0, 1)
check("hidden: what to do names the file", any(program in line for line in report["advice"]), report["advice"])
subprocess.run(["strip", program], check=True)
report, said = doctor(program)
check("hidden and stripped: it cannot be seen, and that is said", said.status == 3 and report["verdict"] == "untold",
      report.get("verdict"), said.status)
program = compile("own", CALLER, OWN, "-DVISIBLE=", "-rdynamic")
check_function("the program's own", program, "ways_add", "missed", ["own"], 0, 1)

INNER = write("inner.c", "VISIBLE int ways_add(int a, int b) { __asm__ volatile(\"\"); return a + b; }\n"
              "int inner(int a) { return ways_add(a, 2); }\n")
OUTER = write("outer.c", '#include <stdio.h>\nint inner(int);\n'
              'int main(void) { printf("add %d\\n", inner(1)); return 0; }\n')
for name, kind, flags in (("symbolic", "symbolic", ["-Wl,-Bsymbolic", "-DVISIBLE="]),
                          ("protected", "protected", ["-DVISIBLE=__attribute__((visibility(\"protected\")))"]),
                          ("bound inside", "inside", ["-Wl,-Bsymbolic-functions", "-DVISIBLE="])):
    place = name.replace(" ", "_")
    compile(place + "/libinner.so", "-shared", "-fPIC", "-fno-inline", *flags, INNER)
    program = compile("outer_" + place, OUTER, f"-L{folder}/{place}", "-linner", f"-Wl,-rpath,{folder}/{place}")
    report, entry = check_function(name, program, "ways_add", "missed", [kind], 0, 1)
    check(f"{name}: the reason names the library", "libinner.so" in entry["uses"][0]["why"], entry)
compile("plain/libinner.so", "-shared", "-fPIC", "-fno-inline", "-DVISIBLE=", INNER)
program = compile("outer_plain", OUTER, f"-L{folder}/plain", "-linner", f"-Wl,-rpath,{folder}/plain")
check_function("inside, but by the loader", program, "ways_add", "caught", ["import"], 1, 0)

program = compile("outer_own", OUTER, OWN, "-DVISIBLE=", "-rdynamic", f"-L{folder}/plain", "-linner",
                  f"-Wl,-rpath,{folder}/plain")
check_function("the program's own, called by a library", program, "ways_add", "missed", ["own"], 0, 1)

# Called by the program, and inside its library too: what the program calls is caught.
BOTH = write("both.c", '#include <stdio.h>\nint inner(int), ways_add(int, int);\n'
             'int main(void) { printf("%d %d\\n", inner(1), ways_add(3, 4)); return 0; }\n')
program = compile("both", BOTH, f"-L{folder}/symbolic", "-linner", f"-Wl,-rpath,{folder}/symbolic")
check_function("inside and outside", program, "ways_add", "caught", ["import", "symbolic"], 1, 0)

WEAK = write("weak.c", '#include <stdio.h>\n__attribute__((weak)) int ways_add(int, int);\n'
             'int main(void) { printf("add %d\\n", ways_add ? ways_add(1, 2) : -1); return 0; }\n')
program = compile("weak", WEAK, "-fPIE", "-pie")
check_function("weak, with a relocation", program, "ways_add", "caught", ["import"], 1, 0)
program = compile("ignored", CALLER, "-fno-pie", "-no-pie", "-Wl,--unresolved-symbols=ignore-all")
report, said = doctor(program)
check("ignored by the link editor: found by its calls of address 0", said.status == 1 and
      any("address 0" in line for line in report["advice"]), report.get("advice"))
count, result = counted("ways_add", lambda: winapi_run(program, host=host))
check("ignored by the link editor: nothing can catch it", count == 0 and result.status < 0 and
      "winapi doctor" in result.err, result)

# ---- dlsym, and nothing at all ----

program = compile("looks", write("looks.c", '#include <dlfcn.h>\n#include <stdio.h>\nint main(void) { void *library = '
                                 'dlopen("libways.so", RTLD_NOW); int (*add)(int, int) = (int (*)(int, int))dlsym(library,'
                                 ' "ways_add"); printf("add %d\\n", add(1, 2)); return 0; }\n'), "-ldl")
check_function("asked of dlsym", program, "ways_add", "named", ["named"],
               0 if SANITIZER == "thread" else 1, 3)  # ThreadSanitizer keeps dlsym for itself
program = compile("nothing", write("nothing.c", "int main(void) { return 0; }\n"))
report, said = doctor(program)
check("nothing to catch: status 3", said.status == 3 and report["verdict"] == "untold", report, said.err)
result = winapi_run(program, host=host)
# A sanitizer's run-time library calls dlsym, so that it cannot be told of a program that has it.
check("nothing to catch: run says so in one line, and runs it", result.status == 0 and (SANITIZER or
      len(result.err.splitlines()) == 1 and "runs native" in result.err), result)
result = winapi_run(program, options=("--spec", WAYS_SPEC, "--mode", "native"), host=host)
check("nothing to catch, and native was asked for: no line", result.err == "", result)
result = winapi_run("/bin/sh", "-c", f"{WAYS} add:1:2", host=host)
check("a shell, whose children matter: no line", result.err == "" and result.lines == ["add 3"], result)

# ---- through the loader as a command ----

loader = subprocess.run(["readelf", "-l", WAYS], capture_output=True, text=True).stdout
loader = re.search(r"interpreter: (\S+)\]", loader).group(1)
report, said = doctor(loader, WAYS)
check("through the loader: the program is what is judged", report["program"]["chain"] == [loader, WAYS] and
      said.status == 0, report.get("program"), said.err)
check("through the loader: plain LD_PRELOAD is not offered", function(report, "ways_add")["ways"] == ["run", "stub"],
      function(report, "ways_add"))
count, result = counted("ways_add", lambda: winapi_run(loader, WAYS, "add:1:2", host=host))
check("through the loader: caught", count == 1 and result.lines == ["add 3"], count, result)

# ---- modes ----

report, said = doctor(WAYS, WINAPI_ROUTE="ways_add=native")
check("a route that keeps it here is told", function(report, "ways_add")["mode"] == "native" and
      any("ways_add" in line and "natively" in line for line in report["advice"]), report["advice"])
count, result = counted("ways_add", lambda: winapi_run(WAYS, "add:1:2", host=host, WINAPI_ROUTE="ways_add=native"))
check("a route that keeps it here: not counted", count == 0 and result.lines == ["add 3"], result)

# ---- the text ----

text = run([WINAPI, "doctor", "--spec", WAYS_SPEC, WAYS], WINAPI_HOST=host.address)
check("text: the verdict is the first line, and no line is too wide",
      text.lines[0].startswith("all is well: ") and not [line for line in text.lines if len(line) > 120 and " " in
                                                        line.strip()[:100]], text)
check("text: it ends with what to do", "what to do" in text.lines and text.err == "", text)
finish()
