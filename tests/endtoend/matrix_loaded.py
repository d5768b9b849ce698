#!/usr/bin/env python3
"""The interception matrix: libraries that are opened at run time, however that is done, and functions that are looked
up.  Their calls are remoted, from their constructors and destructors too; what the loader says is as without us.
"""
from lib_matrix import *

if SANITIZER == "thread":
    print("skipped: ThreadSanitizer keeps dlsym for itself")
    sys.exit(77)
LIBRARY = Where.here + "/libways.so"
LOADER = compile("loader", MATRIX + "/loader.c", "-ldl")
LINKED = compile("loader_linked", "-DLINKED", MATRIX + "/loader.c", *HERE, "-ldl")
NO_PIE = compile("loader_no_pie", "-DLINKED", "-fno-pie", "-no-pie", MATRIX + "/loader.c", *HERE, "-ldl")
PROGRAMS = {"not linked to the library": LOADER, "linked": LINKED, "linked, no PIE": NO_PIE}
PLUGIN = build_shared("plugins/libplugin.so", "plugin.c", *HERE)
LAZY_PLUGIN = build_shared("plugins/liblazy.so", "plugin.c", "-Wl,-z,lazy", *HERE)
LOOSE_PLUGIN = build_shared("plugins/libloose.so", "plugin.c")  # it does not say where its functions are
ONE_PLUGIN = ["plugin-constructor", "find", "find", "address 1", "plugin-destructor"]
USE = "find:plugin_call", "find:plugin_pointer", "address"
HAS_DEEPBIND = has("RTLD_DEEPBIND", LIBC == "glibc" and not SANITIZER, "musl has none, and sanitizers refuse it")

# ---- plugins, by how they are opened ----

FLAGS_OF_OPENING = {"lazily, local": "l", "now, local": "n", "lazily, global": "lg", "now, global": "ng"}
if HAS_DEEPBIND:
    FLAGS_OF_OPENING["RTLD_DEEPBIND"] = "nd"
for how, flags in FLAGS_OF_OPENING.items():
    for name, plugin in {"plugin": PLUGIN, "lazily bound plugin": LAZY_PLUGIN}.items():
        try_case(Case(f"{name}, opened {how}", [LOADER, f"open:{plugin}:{flags}", *USE, "close"], ONE_PLUGIN))
for name, program in PROGRAMS.items():
    if program != LOADER:
        try_case(Case(f"plugin of a program that is {name}", [program, "call", f"open:{PLUGIN}:n", *USE[:2],
                                                              "default-address", "close"],
                      ["call", *ONE_PLUGIN[:3], "default-address 1", *ONE_PLUGIN[4:]]))
try_case(Case("a plugin that needs what the program has opened globally", [
    LOADER, f"open:{LIBRARY}:ng", f"open:{LOOSE_PLUGIN}:n", "find:plugin_call", "close"],
    ["plugin-constructor", "find", "plugin-destructor"]))

again = [word for flags in ("n", "lg", "n") for word in (f"open:{PLUGIN}:{flags}", *USE, "close")]
destructors = 3 if LIBC == "glibc" else 1
has("unloading at dlclose", LIBC == "glibc", "musl keeps every library until the end")
try_case(Case("a plugin that is closed and opened again", [LOADER, *again],
              ONE_PLUGIN * 3 if LIBC == "glibc" else ["plugin-constructor", *ONE_PLUGIN[1:-1] * 3, "plugin-destructor"]))

# Something else lies where the library was when it is opened the second time.
OTHER = build_shared("other/libother.so", "native.c", "-Wl,-soname,libother.so")
try_case(Case("a library that lies elsewhere when it is opened again", [
    LOADER, f"open:{LIBRARY}:n", "find:ways_where", "close", f"open:{OTHER}:n", f"open:{LIBRARY}:n", "find:ways_where",
    "close", "close"], ["find", "find"]))

# ---- opened and looked up while dlopen has not come back ----

DRIVER = build_shared("driver/libdriver.so", "driver.c", *HERE, "-ldl")
INSIDE = ["driver-itself", "driver-library", "driver-call"]
for name, program in PROGRAMS.items():
    try_case(Case(f"a library whose constructor opens and looks up, {name}", [program, f"open:{DRIVER}:n", "find:driver_call"],
                  [*INSIDE, "find"], variables={"LIBRARY": LIBRARY}))
if has("a preload with malloc and getenv", not SANITIZER, "a sanitizer has its own"):
    # Each of its functions opens and looks up, too: whoever calls getenv in dlopen comes back to dlopen.
    meddler = build_shared("meddler.so", "meddler.c", "-ldl")
    for where, ways in ("before", ("kept stub", "LD_PRELOAD")), ("behind", WAYS_IN):
        for way in ways:
            before = host.calls("ways_where")
            case = Case("", [LINKED, f"open:{DRIVER}:n", "find:driver_call"], [*INSIDE, "find"],
                        variables={"LIBRARY": LIBRARY}, **{where: meddler})
            result = start(case, way)
            check(f"the same with a getenv that opens and looks up, {where}: {way}", result.lines == case.lines("remote") and
                  result.status == 0 and result.err == "" and host.calls("ways_where") - before == 4, result)
NEEDY = build_shared("needy/libneedy.so", "needy.c", "-Wl,-z,now")
bare = run([LOADER, f"open:{NEEDY}:n", "find:needy_call"])
check("a plugin that asks for what nobody has: bare, it is not opened", "no handle" in bare.out, bare)
for way in WAYS_IN:
    before = host.calls("ways_only_there")
    result = start(Case("", [LOADER, f"open:{NEEDY}:n"], []), way)
    check(f"a plugin that asks for what only the host has: {way}", result.lines == ["needy-constructor 30"] and
          result.err == "" and host.calls("ways_only_there") == before + 1, result)

# ---- found through the program's RUNPATH ----

for name, tags in {"RUNPATH": "--enable-new-dtags", "RPATH": "--disable-new-dtags"}.items():
    if not has(f"the program's {name}", not SANITIZER, "a sanitizer's dlopen asks in its own name"):
        continue
    program = compile(f"origin_{name}", MATRIX + "/loader.c", f"-Wl,{tags},-rpath,$ORIGIN/plugins", "-ldl")
    try_case(Case(f"opened through the program's {name} with $ORIGIN", [program, "open:libplugin.so:n", *USE, "close"],
                  ONE_PLUGIN))

# ---- looked up ----

for name, program in PROGRAMS.items():
    try_case(Case(f"looked up in an RTLD_LOCAL library, {name}", [
        program, f"open:{LIBRARY}:n", "find:ways_where", "find:ways_where"], ["find", "find"]))
    words = [program, f"open:{LIBRARY}:ng", "self", "find:ways_where", "default:ways_where", "default-address"]
    try_case(Case(f"looked up in the program itself, before any call, {name}", words,
                  ["find", "default", "default-address 1"]))
    try_case(Case(f"looked up without a handle, {name}", [program, f"open:{LIBRARY}:ng", "default:ways_where",
                                                         "next:ways_where"], ["default", "next"]))
if HAS_DEEPBIND:
    try_case(Case("looked up in an RTLD_DEEPBIND library", [LOADER, f"open:{LIBRARY}:nd", "find:ways_where"], ["find"]))

# ---- what is not there, and what the loader says about it ----

MISSING = {
    "a function that only the host has": [f"open:{LIBRARY}:n", "find:ways_only_there", "error"],
    "a function that nobody has": [f"open:{LIBRARY}:n", "find:ways_nothing", "error", "default:ways_nothing", "error"],
    "a library that nobody has": ["open:libways_nothing.so:n", "error"],
    "a file that is no library": [f"open:{WAYS_SPEC}:n", "error"],
    "a library that is not loaded": [f"open:{LIBRARY}:no", "error", "find:ways_nothing", "error"],
    "no error": [f"open:{LIBRARY}:n", "find:getpid", "error"],
}
if has("dlvsym", LIBC == "glibc", "musl has none; ours answers there as dlsym"):
    MISSING["a version that nobody has"] = [f"open:{LIBRARY}:n", "version:ways_where:WAYS_9", "error"]
for name, words in MISSING.items():
    bare = run([LOADER, *words])
    for way in WAYS_IN:
        result = start(Case(name, [LOADER, *words], []), way)
        check(f"{name}: {way}, as without us", "error" in bare.out and result.out == bare.out and result.err == "", bare,
              result)

# The first call of all, with the tables, the host and a lane, comes between what fails and the question why.
words = [LINKED, f"open:{LIBRARY}:n", "find:ways_nothing", "call", "error", "open:libways_nothing.so:n", "call", "error"]
bare = run(words)
for way in WAYS_IN:
    result = start(Case("", words, []), way)
    check(f"dlerror after a call: {way}, as without us", bare.out.count("error ") == 2 and "error none" not in bare.out and
          result.out == bare.out.replace("call here", "call there") and result.err == "", bare, result)

# ---- IFUNCs and versions ----

if has("IFUNC", LIBC == "glibc" and not SANITIZER, "musl has none; a sanitizer's code cannot run in a resolver"):
    ifunc = os.path.dirname(build_shared("ifunc/libways.so", "native.c", "-DIFUNC"))
    for name, program in PROGRAMS.items():
        words = [program, f"open:{ifunc}/libways.so:n", "find:ways_where", "default:getpid"]
        try_case(Case(f"an IFUNC, {name}", words, ["find", "default here"], library=ifunc))


def versions(name, text, *flags):
    """libways with these versions of its functions, and the program linked to it."""
    with open(f"{folder}/{name}.map", "w") as script:
        script.write(text)
    library = build_shared(f"{name}/libways.so", "native.c", *flags, f"-Wl,--version-script,{folder}/{name}.map")
    directory = os.path.dirname(library)
    program = None
    if "-DOLD_VERSION" not in flags:  # nothing can be linked to that
        program = compile("loader_" + name, "-DLINKED", MATRIX + "/loader.c", f"-L{directory}", "-lways", "-ldl")
    return directory, program


first, linked_to_old = versions("first", "WAYS_1 { global: ways_where; };")
both, linked_to_new = versions("both", "WAYS_1 { };\nWAYS_2 { global: ways_where; } WAYS_1;", "-DVERSIONS")
only_old, _ = versions("only_old", "WAYS_1 { };", "-DOLD_VERSION")
try_case(Case("versions: linked to the new one", [linked_to_new, "call", "default:ways_where"], ["call", "default"],
              library=both))
try_case(Case("versions: linked to the first one", [linked_to_old, "call", "default:ways_where"], ["call", "default"],
              library=first))
if has("versions", LIBC == "glibc", "musl ignores them"):
    # The stub's functions have no version, so the new one is what native calls of an old one get.
    try_case(Case("versions: linked to an old one", [linked_to_old, "call"],
                  [("call lost", "call here", "call there")], library=both))
    try_case(Case("versions: linked to an old one that is alone", [linked_to_old, "call"], ["call"], library=only_old))
if LIBC == "glibc":
    words = [f"open:{both}/libways.so:n", "version:ways_where:WAYS_2", "default-version:ways_where:WAYS_2"]
    try_case(Case("versions: dlvsym", [linked_to_new, *words], ["version", "default-version"], library=both))
    words = [f"open:{both}/libways.so:n", "version:ways_where:WAYS_1", "version:ways_where:WAYS_2", "call"]
    try_case(Case("versions: looking up the old one changes nothing for the new one", [linked_to_new, *words],
                  [("version lost", "version here", "version there"), "version", "call"], library=both))

# ---- a namespace of its own: nothing in it is caught ----

if has("dlmopen", LIBC == "glibc" and not SANITIZER, "musl has none, and sanitizers do not work in it"):
    alone = [f"plugin-{part} here" for part in ("constructor", "destructor")]
    for name, program in PROGRAMS.items():
        try_case(Case(f"dlmopen, {name}", [program, f"space:{PLUGIN}", *USE, "close"],
                      [alone[0], "find here", "find here", "address 1", alone[1]]))
finish()
