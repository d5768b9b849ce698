#!/usr/bin/env python3
"""The interception matrix: however a program is linked, its calls are remoted, in every moment of its life, and a
function has one address.  What a link leaves that nobody can catch is run as without us.
"""
from lib_matrix import *

MOMENTS_LIBRARY = os.path.dirname(build_shared("moments/libmoments.so", "libmoments.c", *HERE))
MOMENTS = f"-L{MOMENTS_LIBRARY}", "-lmoments", f"-Wl,-rpath,{MOMENTS_LIBRARY}", *HERE, "-pthread", "-ldl"
NO_PIE = "-fno-pie", "-no-pie"
HOW_LINKED = {
    "lazily bound": ["-Wl,-z,lazy"],
    "bound at start": ["-Wl,-z,now", "-Wl,-z,norelro"],
    "full RELRO": ["-Wl,-z,now", "-Wl,-z,relro"],
    "no PLT": ["-fno-plt"],
    "IBT and shadow stack": ["-fcf-protection=full"],
    "no PIE": [*NO_PIE, "-Wl,-z,lazy"],
    "no PIE, full RELRO": [*NO_PIE, "-Wl,-z,now", "-Wl,-z,relro"],
    "no PIE, no PLT": [*NO_PIE, "-fno-plt"],
    "SysV hash only": ["-Wl,--hash-style=sysv"],
    "packed relocations": ["-Wl,-z,pack-relative-relocs"],
    "exporting all of itself": ["-rdynamic"],
    "gold": ["-fuse-ld=gold"],
    "lld": ["-fuse-ld=lld"],
}


def can_link(flags):
    """And run what comes of it."""
    text = "int number, *pointer = &number; int main(void) { return pointer != &number; }"
    done = subprocess.run([*CC, "-o", f"{folder}/try", "-x", "c", "-", *flags], input=text, capture_output=True, text=True)
    return done.returncode == 0 and "warning" not in done.stderr and run([f"{folder}/try"]).status == 0


CAN = {name: flags for name, flags in HOW_LINKED.items()
       if has(name, can_link(flags), "this compiler, linker or loader cannot")}

# ---- what the program does, and when ----

LIBRARY_START = ["library-constructor", "library-lookup"]
BEFORE_MAIN = ["preinit-lookup", "preinit"] if has("calls from preinit_array", LIBC == "glibc") else []
IN_MAIN = ["main", "data", "constant-data", "taken", "library", "library-data", "library-address", "thread",
           "thread-end", "same-data 1", "same-library 1", "same-default 1", "same-self 1"]
AFTER_MAIN = ["atexit", "destructor", "library-atexit", "library-destructor"]
MOMENTS_LINES = [*LIBRARY_START, *BEFORE_MAIN, "constructor", *IN_MAIN, *AFTER_MAIN]
has("lazy binding of programs", LIBC == "glibc", "musl binds them at start, so -z lazy changes nothing")

for name, flags in CAN.items():
    program = compile("moments_" + name, *flags, MATRIX + "/moments.c", *MOMENTS)
    try_case(Case(name, [program], MOMENTS_LINES, early=LIBRARY_START))

program = compile("moments_variables", MATRIX + "/moments.c", *MOMENTS)
for variable in "LD_BIND_NOW", "LD_BIND_NOT":
    if has(variable, LIBC == "glibc"):
        try_case(Case(variable, [program], MOMENTS_LINES, early=LIBRARY_START, variables={variable: "1"}))
if has("LD_AUDIT", LIBC == "glibc" and not SANITIZER, "musl has none, and sanitizers do not work in an auditor's space"):
    auditor = build_shared("auditor.so", "auditor.c")
    try_case(Case("under an auditor", [program], MOMENTS_LINES, early=LIBRARY_START, variables={"LD_AUDIT": auditor}))

# ---- functions that no library here has ----


def try_unresolved(name, program, expected, calls):
    bare = run(program)
    check(f"{name}: by itself it does not get far", bare.status != 0 and bare.out == "", bare)
    try_case(Case(name, program, expected, calls=calls, is_whole=False, ways=("winapi run", "kept stub")))


for name, flags in CAN.items():
    lazily = build_program("undefined_" + name, "-DONLY_THERE", *flags, *HERE, *GONE)
    try_unresolved(f"unresolved, {name}", [lazily, "only:4", "add:1:2"], ["only 40", "add 3"], 2)
    everywhere = compile("unresolved_" + name, *flags, MATRIX + "/unresolved.c", *HERE, *GONE)
    try_unresolved(f"unresolved everywhere, {name}", [everywhere], ["call 40", "taken 50", "data 60"], 3)

# The program has all it asks for, a library of its does not; glibc binds that before any code of ours can run.
for name, flags in {"bound at start": ["-Wl,-z,now"], "full RELRO without PLT": ["-Wl,-z,now,-z,relro", "-fno-plt"]}.items():
    needy = os.path.dirname(build_shared(f"needy_{name}/libneedy.so", "needy.c", *flags))
    program = compile("needs_" + name, "-DPROGRAM", MATRIX + "/needy.c", f"-L{needy}", "-lneedy", f"-Wl,-rpath,{needy}",
                      "-Wl,--allow-shlib-undefined")
    try_unresolved(f"a library of the program's, unresolved, {name}", [program],
                   ["needy-constructor 30", "needy 40", "needy-data 50"], 3)

for name, flags in {"PIE": ["-fpie", "-pie"], "PIE, no PLT": ["-fpie", "-pie", "-fno-plt"]}.items():
    program = compile("weak_" + name, *flags, MATRIX + "/weak.c")
    bare = run([program])
    check(f"weak and undefined, {name}: bare", bare.lines == ["weak absent"], bare)
    try_case(Case(f"weak and undefined, {name}", [program], ["weak 40"], calls=1, is_whole=False))

# ---- what cannot be caught: no relocation, or no call from one object to another ----


def same_as_bare(name, program, status=None):
    bare, before = run(program), counted()
    result = winapi_run(*program, host=host)
    check(f"{name}: as without us", result.status == bare.status and result.lines == bare.lines and
          counted() == before and status in (None, bare.status), bare, result)


def cannot_be_caught(name, program, status=0):
    """Native in every way in, with what comes of it."""
    bare = run(program)
    check(f"{name}: bare", bare.status == status, bare)
    for way in WAYS_IN:
        before = counted()
        result = start(Case(name, program, []), way)
        check(f"{name}: {way}: as without us", result.status == bare.status and counted() == before and
              [line for line in result.lines if " there" in line] == [], bare, result)


# GNU's linker leaves no relocation for these; lld does, and then the functions are caught.
if has("what GNU's linker makes", can_link(["-fuse-ld=bfd"]), "this compiler cannot use it"):
    program = compile("weak_bfd", *NO_PIE, "-fuse-ld=bfd", MATRIX + "/weak.c")
    cannot_be_caught("weak and undefined, no PIE, GNU ld", [program])
    for flag in "--unresolved-symbols=ignore-all", "--warn-unresolved-symbols", "-z,undefs":
        program = compile("ignored_bfd", "-w", "-fuse-ld=bfd", f"-Wl,{flag}", MATRIX + "/unresolved.c")
        cannot_be_caught(f"{flag}, GNU ld", [program], -signal.SIGSEGV)
if "lld" in CAN:
    program = compile("ignored_lld", "-fuse-ld=lld", "-Wl,--unresolved-symbols=ignore-all", MATRIX + "/unresolved.c")
    try_case(Case("ignore-all, lld", [program], ["call 40", "taken 50", "data 60"], calls=3, is_whole=False,
                  ways=("winapi run", "kept stub")))

HOW_BOUND = {
    "through the dynamic linker": ([], "native_own"),
    "-z interpose": (["-Wl,-z,interpose"], "native_own"),
    "-z nodelete, -z initfirst": (["-Wl,-z,nodelete,-z,initfirst"], "native_own"),
    "DF_1_GLOBAL, full RELRO": (["-Wl,-z,global,-z,now,-z,relro"], "native_own"),
    "no PLT": (["-fno-plt"], "native_own"),
    "-Bsymbolic-functions": (["-Wl,-Bsymbolic-functions"], "native_own here"),
    "protected": (['-DWHERE_IS=__attribute__((visibility("protected")))'], "native_own here"),
    "no semantic interposition, inlined": (["-O2", "-fno-semantic-interposition"], "native_own here"),
}
for name, (flags, line) in HOW_BOUND.items():
    library = build_shared(f"bound_{name.replace(' ', '_')}/libways.so", "native.c", *flags)
    line = line.replace("native_own", "default")
    program = compile(f"inside_{name.replace(' ', '_')}", "-DLINKED", MATRIX + "/loader.c", "-Wl,--no-as-needed",
                      f"-L{os.path.dirname(library)}", "-lways", "-ldl")
    try_case(Case(f"a library's calls of its own function, {name}", [program, "call", "default:native_own",
                                                                     "default:native_static"],
                  ["call", line, "default here"], library=os.path.dirname(library)))

# A program's own function by a table's name is what its own calls, its libraries' and dlsym reach.
program = compile("own", MATRIX + "/own.c", *MOMENTS)
try_case(Case("a function of the program's own", [program], ["library-constructor here", "library-lookup here",
                                                             "call here", "library here",
                                                             "default here", "self here", "same 1",
                                                             "library-atexit here", "library-destructor here"],
              early=LIBRARY_START, warning="runs native: the program has and exports ways_where itself"))

# ---- C++ ----

CXX = shlex.split(os.environ.get("CXX", "c++"))
if has("C++", shutil.which(CXX[0]) and LIBC == "glibc", "there is no compiler for it with this libc"):
    program = f"{folder}/plus"
    subprocess.run([*CXX, "-D_GNU_SOURCE", f"-I{FIXTURES}", f"-I{MATRIX}", "-o", program, MATRIX + "/plus.cpp", *HERE,
                    "-pthread"], check=True)
    try_case(Case("C++", [program], [
        "object-constructor", "initialised", "function-local", "function-object", "lambda", "virtual", "unwound",
        "handler", "thread", "thread-local-destructor", "sum 6", "object-destructor"], calls=14))
finish()
