#!/usr/bin/env python3
"""One LD_PRELOAD reaches programs of glibc and of musl, in one tree of processes: the library as gcc built it and as
musl-gcc did, each in programs of both, which call the host and start one another.
"""
import itertools

from lib_ways import *

if not MUSL:
    print("skipped: the programs of this build are all of one libc; the build for musl has both")
    sys.exit(77)

GLIBC_CC = shutil.which("gcc") or shutil.which("cc")
LIBRARIES = {"built by gcc": os.path.dirname(os.path.dirname(WINAPI_HOST)) + "/lib/libwinapi_preload.so",
             "built by musl-gcc": PRELOAD}
STUB = folder + "/stub.so"
made = run([WINAPI, "stubs", WAYS_SPEC, "-o", STUB])
check("a stub for both", made.status == 0, made)

SOURCE_TEXT = """
#include "libways.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Says what it calls, then starts the program that its arguments name. */
int main(int argc, char **argv)
{
    pid_t child;
    int status = 0;

    printf("%s %d %d\\n", strrchr(argv[0], '/') + 1, ways_add(20, 3), ways_where() != (int)getpid());
    fflush(stdout);
    if (argc < 2)
        return 0;
    child = fork();
    if (child == 0) {
        execv(argv[1], argv + 1);
        _exit(127);
    }
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
}
"""
with open(folder + "/chain.c", "w") as source:
    source.write(SOURCE_TEXT)


def build(name, compiler):
    path = f"{folder}/{name}"
    subprocess.run([*compiler, *FLAGS, "-o", path, folder + "/chain.c", *use_libraries(Where.here)], check=True)
    return path


def interpreter(program):
    headers = subprocess.run(["readelf", "-lW", program], capture_output=True, text=True, check=True).stdout
    return re.search(r"program interpreter: (\S+)\]", headers).group(1)


PROGRAMS = build("glibc", [GLIBC_CC]), build("musl", CC)
check("one program of each libc", "musl" not in interpreter(PROGRAMS[0]) and "musl" in interpreter(PROGRAMS[1]))
host = WaysHost()

for built, library in LIBRARIES.items():
    for first, second in itertools.product(PROGRAMS, repeat=2):
        for way, variables in {"kept stub": {"LD_PRELOAD": f"{STUB}:{library}"},
                               "started again": {"LD_PRELOAD": library, "WINAPI_SPEC": WAYS_SPEC}}.items():
            before = host.calls("ways_add")
            result = run([first, second, first], WINAPI_HOST=host.address, **variables)
            names = [os.path.basename(name) for name in (first, second, first)]
            check(f"{built}, {way}: {' starts '.join(names)}", result.lines == [f"{name} 23 1" for name in names] and
                  result.err == "" and result.status == 0, result)
            check("    the host has counted each", host.calls("ways_add") - before == 3, host.calls("ways_add"))
finish()
