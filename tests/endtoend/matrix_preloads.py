#!/usr/bin/env python3
"""The interception matrix: other preloads in front of us and behind, with wrappers of the same functions and of dlsym
and dlopen themselves; programs with a sanitizer.
"""
from lib_matrix import *

if SANITIZER == "thread":
    print("skipped: ThreadSanitizer keeps dlsym for itself")
    sys.exit(77)
WRAPPED = compile("wrapped", MATRIX + "/wrapped.c", *HERE, "-ldl")
NO_PIE = compile("wrapped_no_pie", "-fno-pie", "-no-pie", MATRIX + "/wrapped.c", *HERE, "-ldl")
PROGRAM = [WRAPPED, Where.here + "/libways.so"]
HAS_HOOKS = has("a preload that wraps dlsym", LIBC == "glibc" and not SANITIZER,
                "without dlvsym it must read the loader's tables; sanitizers call it too early")


def build_wrapper(more, *flags):
    return build_shared(f"wrapper{more}{''.join(flags)}/libwrapper{more}.so", "wrapper.c", f"-DMORE={more}", *flags, "-ldl")


def lines(default, found, call=None):
    """What is printed with wrappers; each number as the bare, native and remote runs print it."""
    def line(name, numbers):
        return tuple(f"{name} {number}" for number in numbers)

    return ["where", line("call", call or default), line("default", default), line("self", default), line("found", found)]


def try_preloads(what, expected, **more):
    for name, program in {"PIE": WRAPPED, "no PIE": NO_PIE}.items():
        try_case(Case(f"{what}, {name}", [program, Where.here + "/libways.so"], expected, calls=5, **more))


# ---- wrappers that go on to the next one ----

# `winapi run` puts us in front of what LD_PRELOAD has.
IN_FRONT = "kept stub", "LD_PRELOAD"
SMALL, LARGE = build_wrapper(100), build_wrapper(1000)
try_preloads("a wrapper in front", lines((1003, 1003, 1003), (3, 3, 3)), before=LARGE, ways=IN_FRONT)
try_preloads("two wrappers in front", lines((1103, 1103, 1103), (3, 3, 3)), before=f"{LARGE}:{SMALL}", ways=IN_FRONT)
# What a handle has is the stub's function, and the native one is the next behind it.
try_preloads("a wrapper behind", lines((1003, 1003, 3), (3, 1003, 3)), behind=LARGE)
try_preloads("wrappers in front and behind", lines((1103, 1103, 1003), (3, 103, 3)), before=LARGE, behind=SMALL,
             ways=IN_FRONT)

# ---- wrappers of dlsym and dlopen ----

if HAS_HOOKS:
    # They change whose RTLD_NEXT the next one sees, without us too, so there is one of them at a time.
    hooks = build_wrapper(1000, "-DHOOKS")
    hooked = ["hooked 1"]
    try_preloads("hooks behind", lines((1003, 1003, 3), (3, 1003, 3)) + hooked, behind=hooks)
    # dlvsym, by which they find the next dlsym, passes by a library whose symbols have versions.
    if has("hooks in front", b"GLIBC_2." not in open(PRELOAD, "rb").read(),
           "this libwinapi_preload.so has symbol versions"):
        try_preloads("hooks in front", lines((1003, 1003, 1003), (3, 3, 3)) + hooked, before=hooks, ways=IN_FRONT)

# Those that find the next one by walking the objects, one in front of us and one behind: a chain, and no circle.
if has("preloads that hook dlsym", not SANITIZER, "sanitizers call them too early"):
    front, back = (build_shared(f"hooks/lib{name}.so", "hooks.c", f'-DNAME="{name}"', "-ldl") for name in ("front", "back"))
    here = lines((3, 3, 3), (3, 3, 3))
    try_preloads("dlsym hooked in front", here + ["front 1"], before=front, ways=IN_FRONT)
    try_preloads("dlsym hooked behind", here + ["back 1"], behind=back)
    try_preloads("dlsym hooked in front and behind", here + ["front 1", "back 1"], before=front, behind=back, ways=IN_FRONT)
    try_preloads("dlsym hooked twice in front", here + ["front 1", "back 1"], before=f"{front}:{back}", ways=IN_FRONT)
    try_preloads("dlsym hooked twice behind", here + ["front 1", "back 1"], behind=f"{front}:{back}")

# ---- dl_iterate_phdr, by which we find the objects, in other hands that ask us for the next one ----

if has("dl_iterate_phdr of others", not SANITIZER, "sanitizers have their own"):
    walker = build_shared("walker.so", "walker.c", "-ldl")
    for where, ways in ("before", IN_FRONT), ("behind", WAYS_IN):
        try_preloads(f"dl_iterate_phdr wrapped, {where}", lines((3, 3, 3), (3, 3, 3)) + ["walker right"], ways=ways,
                     **{where: walker})
    program = compile("walker_inside", MATRIX + "/wrapped.c", MATRIX + "/walker.c", *HERE, "-ldl")
    try_case(Case("dl_iterate_phdr wrapped in the program", [program, PROGRAM[1]],
                  lines((3, 3, 3), (3, 3, 3)) + ["walker right"], calls=5))

# ---- a preload whose functions we call, and which looks functions up in them ----

if has("a preload with malloc and getenv", not SANITIZER, "a sanitizer has its own"):
    meddler = build_shared("meddler.so", "meddler.c", "-ldl")
    for where, ways in ("before", IN_FRONT), ("behind", WAYS_IN):
        for name, program in {"PIE": WRAPPED, "no PIE": NO_PIE}.items():
            case = Case(f"malloc and getenv that look functions up, {where}, {name}", [program, PROGRAM[1]],
                        lines((3, 3, 3), (3, 3, 3)), ways=ways, **{where: meddler})
            bare = try_bare(case)
            for way in ways:
                try_native(case, way, bare)
                before = counted()
                remote = start(case, way, "remote")
                check(f"{case.name}: {way}, remote, counted by the host", remote.lines == case.lines("remote") and
                      remote.status == 0 and remote.err == "" and counted() - before >= 5, counted() - before, remote)

# ---- ourselves, twice ----

try_preloads("our library named twice", lines((3, 3, 3), (3, 3, 3)), behind=PRELOAD)

# ---- programs with a sanitizer ----


def sanitizer(name, *flags):
    """The program, if it can be built and run here, and the library that has to be first; "" when there is none."""
    try:
        program = compile(name, *flags, MATRIX + "/wrapped.c", *HERE, "-ldl")
    except subprocess.CalledProcessError:
        return None, ""
    if run([program, PROGRAM[1]]).status != 0:
        return None, ""
    needed = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
    found = re.search(r"=> (\S*/lib[at]san\.so\S*)", needed)
    return program, found.group(1) if found else ""


SANITIZED = {
    "ASan": ["-fsanitize=address"],
    "ASan, linked statically": ["-fsanitize=address", "-static-libasan"],
    "TSan": ["-fsanitize=thread"],
    "UBSan": ["-fsanitize=undefined"],
    "LSan": ["-fsanitize=leak"],
}
for name, flags in SANITIZED.items():
    program, first = sanitizer("wrapped_" + name, *flags) if LIBC == "glibc" and not SANITIZER else (None, "")
    if has(name, program, "no such program can be made for this libc, or the tests are under one themselves"):
        # ASan refuses to start behind a preload.  winapi run puts it in front by itself.
        ways = {first: WAYS_IN, "": ("winapi run",) if "libasan" in first else WAYS_IN}
        for before, some_ways in ways.items():
            what = f"{name}, first in LD_PRELOAD" if before else name
            more = dict(calls=5, before=before, ways=some_ways, variables={"ASAN_OPTIONS": "detect_leaks=0",
                                                                         "LSAN_OPTIONS": "detect_leaks=0"})
            words = [program, PROGRAM[1]]
            try_case(Case(what, words, lines((3, 3, 3), (3, 3, 3)), **more))
            if some_ways == WAYS_IN:  # else it does not start behind a wrapper without us
                try_case(Case(what + ", a wrapper behind", words, lines((1003, 1003, 3), (3, 1003, 3)), behind=LARGE, **more))
finish()
