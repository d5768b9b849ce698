#!/usr/bin/env python3
"""However a program is linked, its calls are remoted: lazily bound or not, with read-only relocations, without PLT, as
PIE or not, with symbols that nothing here defines, from constructors, through libraries.
"""
from lib_ways import *

host = WaysHost()
HERE = use_libraries(Where.here)
SHAPES = {
    "lazily bound": ["-Wl,-z,lazy"],
    "bound at start": ["-Wl,-z,now", "-Wl,-z,norelro"],
    "full RELRO": ["-Wl,-z,now", "-Wl,-z,relro"],
    "no PLT": ["-fno-plt"],
    "no PIE": ["-fno-pie", "-no-pie"],
    "no PIE, full RELRO": ["-fno-pie", "-no-pie", "-Wl,-z,now", "-Wl,-z,relro"],
    "IBT and shadow stack": ["-fcf-protection=full"],
}


def try_program(what, program, words, expected, ways=("run", "restart")):
    for way in ways:
        before = host.calls("ways_only_there") + host.calls("ways_add")
        if way == "run":
            result = winapi_run(program, *words, host=host)
        elif way == "stub":
            result = run([program, *words], LD_PRELOAD=f"{STUB}:{PRELOAD}", WINAPI_HOST=host.address)
        else:
            result = run([program, *words], LD_PRELOAD=PRELOAD, WINAPI_SPEC=WAYS_SPEC, WINAPI_HOST=host.address)
        counted = host.calls("ways_only_there") + host.calls("ways_add") - before
        check(f"{what}, {way}: right, and counted by the host", result.lines == expected and counted == len(expected) and
              result.status == 0, result, counted)


STUB = f"{folder}/kept.so"
run([WINAPI, "stubs", WAYS_SPEC, "-o", STUB])

for number, (shape, flags) in enumerate(SHAPES.items()):
    program = build_program(f"defined{number}", *flags, *HERE)
    try_program(shape, program, ["add:1:2", "add:3:4"], ["add 3", "add 7"])
    program = build_program(f"undefined{number}", "-DONLY_THERE", *flags, *HERE, *GONE)
    bare = run([program, "only:1"])
    check(f"{shape}, a symbol that nobody has: by itself it fails", bare.status != 0 and bare.lines == [], bare)
    try_program(f"{shape}, a symbol that nobody has", program, ["only:4", "add:1:2"], ["only 40", "add 3"],
                ways=("run", "stub"))

# ---- calls before main (musl runs no preinit_array), and through libraries ----

with open(folder + "/early.c", "w") as source:
    source.write("""
#include "libways.h"
#include <stdio.h>
int early_result, array_result;
__attribute__((constructor)) static void early(void) { early_result = ways_add(10, 1); }
int through(int value) { return ways_add(value, 100); }
int (*address(void))(int, int) { return ways_add; }
""")
with open(folder + "/early_main.c", "w") as source:
    source.write("""
#include "libways.h"
#include <dlfcn.h>
#include <stdio.h>
extern int early_result;
int through(int value);
int (*address(void))(int, int);
static int array_result;
static void first(int argc, char **argv, char **variables)
{
    (void)argc, (void)argv, (void)variables;
    array_result = ways_add(20, 1);
}
__attribute__((section(".preinit_array"), used)) static void (*const array)(int, char **, char **) = first;
__attribute__((destructor)) static void last(void) { printf("last %d\\n", ways_add(30, 1)); }
int main(void)
{
    printf("preinit %d\\nconstructor %d\\nthrough %d\\n", array_result, early_result, through(1));
    printf("same %d %d\\n", address() == ways_add, dlsym(RTLD_DEFAULT, "ways_add") == (void *)ways_add);
    return 0;
}
""")
compile("early/libearly.so", "-shared", "-fPIC", folder + "/early.c", *HERE)
for name, flags in {"PIE": [], "no PIE": ["-fno-pie", "-no-pie"]}.items():
    program = compile("early_" + name.replace(" ", "_"), folder + "/early_main.c", *flags, f"-L{folder}/early",
                      "-learly", f"-Wl,-rpath,{folder}/early", *HERE, "-ldl")
    before = host.calls("ways_add")
    result = winapi_run(program, host=host)
    check(f"{name}: calls from preinit, constructor, library, destructor are remote", result.lines == [
        "preinit 0" if MUSL else "preinit 21", "constructor 11", "through 101", "same 1 1", "last 31"], result)
    check(f"{name}: the host has counted them", host.calls("ways_add") - before == 4 - MUSL, host.calls("ways_add") - before)
finish()
