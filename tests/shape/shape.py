#!/usr/bin/env python3
"""The rules of CONTRIBUTING.md that a program can check: "The house", and what may leave the preload library.

Every check gives lines that name the file, the line and the rule.  The checks look at text, not at a parse: comments
and strings are blanked first, and that is enough for the way this tree is written.
"""
import fnmatch
import os
import pathlib
import re
import subprocess
import sys

SPEC = ["spec/base", "spec/table", "spec/wire", "spec/call"]

# A room, and the rooms it may include; host/libwinapi stands by itself, as what any program links to.
ROOMS = {
    "spec/base": ["spec/base"],
    "spec/table": ["spec/table", "spec/base"],
    "spec/wire": ["spec/wire", "spec/base"],
    "spec/call": SPEC,
    "host/libwinapi": ["host/libwinapi", "spec/base"],
    "host": ["host", "host/libwinapi"] + SPEC,
    "preload": ["preload"] + SPEC,
}

# What has one door: its name, the pattern of its use, and the files that may use it.
DOORS = [
    ("JSON text", r"\bcJSON_Parse\w*\s*\(", ["spec/table/table_json.c", "spec/wire/channel.c"]),
    ("calling through libffi", r"\bffi_call(_plan_invoke)?\s*\(", ["spec/call/invoke.c", "preload/command/bench/bench_ffi.c"]),
    ("libffi's call interfaces", r"\bffi_prep_cif\w*\s*\(", ["spec/call/*.c", "preload/command/bench/bench_ffi.c"]),
    ("libffi's closures", r"\bffi_prep_(go_)?closure\w*\s*\(", ["preload/*.c", "spec/call/entry_words.c"]),
    ("the dynamic loader", r"\bdl(open|sym|vsym|mopen|addr)\s*\(", ["preload/loader/shims.[ch]", "host/native_library.c"]),
    ("the list of loaded objects", r"\bdl_iterate_phdr\s*\(", ["preload/loader/elf_object.c"]),
    ("shared memory", r"\bmemfd_create\s*\(", ["spec/wire/memory.c"]),
    ("the name of a libc", r"\b__GLIBC", ["spec/base/libc.[ch]"]),
    ("content hashes", r"#\s*include <xxhash\.h>", ["spec/base/hash.c"]),
]

# What a guest in somebody else's program leaves alone, and what only glibc has.
GUEST_ROOMS = ["spec/*.c", "preload/*.c"]
# The command, a build-time program, and the child that becomes the host.
NOT_THE_GUEST = ["preload/command/*", "preload/builtin/*", "preload/lane/host_process.c"]
FORBIDDEN_IN_GUEST = (r"(?<![\w.>])(exit|printf|puts|putchar|sigaction|signal|atexit|longjmp|dlmopen|error|"
                      r"opendir|scandir|fopen|fdopen|getline|open_memstream|tsearch)\s*\(")  # the last line's allocate


def blanked(text):
    """The text without comments and strings, each line where it was; the names in #include lines stay."""
    def blank(match):
        return match.group(0) if match.group(1) else re.sub(r"[^\n]", " ", match.group(0))
    return re.sub(r'^([ \t]*#\s*include[^\n]*)|/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'',
                  blank, text, flags=re.S | re.M)


def sources(root):
    for room in ("spec", "host", "preload"):
        for path in sorted((root / room).rglob("*")):
            if path.suffix in (".c", ".h", ".S"):
                yield path.relative_to(root).as_posix()


def room_of(path):
    """The longest room that the path lies in: host/libwinapi before host."""
    return max((room for room in ROOMS if path.startswith(room + "/")), key=len, default=None)


def matches(path, patterns):
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def uses(root, path, pattern):
    text = blanked((root / path).read_text())
    for match in re.finditer(pattern, text, flags=re.M):
        yield text.count("\n", 0, match.start()) + 1, match


def check_includes(root):
    for path in sources(root):
        room = room_of(path)
        for line, match in uses(root, path, r'^[ \t]*#\s*include\s+"([^"]+)"'):
            target = match.group(1)
            if not (root / target).is_file():
                yield f"{path}:{line}: \"{target}\" is not a path from the root of the repository"
            elif room_of(target) not in ROOMS.get(room, []):
                yield f"{path}:{line}: {room} may not include {target}"


def check_names(root):
    """A file and its header share a name and a directory; otherwise a name occurs once."""
    directories = {}
    for path in sources(root):
        stem = os.path.splitext(os.path.basename(path))[0]
        directories.setdefault(stem, set()).add(os.path.dirname(path))
    for stem, found in directories.items():
        if len(found) > 1:
            yield f"{stem}: a file of this name is in {' and in '.join(sorted(found))}"


def check_doors(root):
    for path in sources(root):
        for thing, pattern, doors in DOORS:
            if not matches(path, doors):
                for line, _ in uses(root, path, pattern):
                    yield f"{path}:{line}: {thing} may be used in {', '.join(doors)} only"


def check_guest(root):
    for path in sources(root):
        if matches(path, GUEST_ROOMS) and not matches(path, NOT_THE_GUEST):
            for line, match in uses(root, path, FORBIDDEN_IN_GUEST):
                yield f"{path}:{line}: {match.group(1)}() is not for code inside somebody else's program"


def map_patterns(text):
    """The names after "global:" of a version script."""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    return re.findall(r"[\w*]+(?=\s*;)", text.split("global:")[1].split("local:")[0])


def check_exports(names, patterns):
    for name in names:
        if not matches(name, patterns):
            yield f"libwinapi_preload.so exports {name}, which preload/preload.map does not name"
    for pattern in patterns:
        if not any(matches(name, [pattern]) for name in names):
            yield f"libwinapi_preload.so exports nothing for {pattern}, which preload/preload.map names"


# Weak, so a libc may lack them: what gcc's start files ask for, and the two ways to fork handlers (spec/base/libc.c).
MAY_BE_MISSING = ["_ITM_deregisterTMCloneTable", "_ITM_registerTMCloneTable", "__gmon_start__", "__cxa_finalize",
                  "__register_atfork", "pthread_atfork"]


def check_imports(symbols, allowed):
    """`symbols` are lines of nm: a name, perhaps with a version, and the letter of its kind."""
    for symbol in symbols:
        name, kind = symbol.split()[:2]
        if "@" in name:
            yield f"libwinapi_preload.so asks for {name}, with a version: it is for one libc then"
        elif kind in "wv" and name not in MAY_BE_MISSING:
            yield f"libwinapi_preload.so asks for {name} weakly, which nothing says is right"
        elif kind == "U" and name not in allowed:
            yield f"libwinapi_preload.so asks for {name}, which preload/libc_symbols.txt does not name"


TLS_MOST = 128  # bytes: all that is preloaded or opened late shares what the loader has to spare


def check_loading(text):
    """`text` is what readelf says of segments and the dynamic section: what a loader would refuse, or run short of."""
    for kind, size, flags in re.findall(r"^\s*(TLS|GNU_STACK|LOAD)(?:\s+0x\w+){4}\s+0x(\w+)\s+([RWE ]{3})", text, re.M):
        if kind == "TLS" and int(size, 16) > TLS_MOST:
            yield f"libwinapi_preload.so has {int(size, 16)} bytes of static TLS, more than {TLS_MOST}"
        if "E" in flags and (kind == "GNU_STACK" or "W" in flags):
            yield f"libwinapi_preload.so has a segment {kind} that is {flags.strip()}: SELinux and others refuse that"
    for name in re.findall(r"\(NEEDED\).*\[(.*)\]", text):
        if name != "libc.so.6":
            yield f"libwinapi_preload.so needs {name}: where it is missing no program starts"
    if "(TEXTREL)" in text or re.search(r"\(FLAGS\).*TEXTREL", text):
        yield "libwinapi_preload.so has relocations in its code"


def read_list(text):
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def dynamic_symbols(library, which):
    command = ["nm", "--dynamic", which, "--format=posix", library]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def exported_names(library):
    return [line.split()[0].split("@")[0] for line in dynamic_symbols(library, "--defined-only")]


def main():
    root = pathlib.Path(os.environ.get("WINAPI_SOURCE", "."))
    library = pathlib.Path(os.environ.get("WINAPI_BUILD", "build")) / "lib/libwinapi_preload.so"
    faults = [fault for check in (check_includes, check_names, check_doors, check_guest) for fault in check(root)]
    if not os.environ.get("WINAPI_SANITIZER"):  # which exports and imports others: preload/CMakeLists.txt
        faults += check_exports(exported_names(library), map_patterns((root / "preload/preload.map").read_text()))
        faults += check_imports(dynamic_symbols(library, "--undefined-only"),
                                read_list((root / "preload/libc_symbols.txt").read_text()))
        faults += check_loading(subprocess.run(["readelf", "--wide", "--segments", "--dynamic", library], check=True,
                                               capture_output=True, text=True).stdout)
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
