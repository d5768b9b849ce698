#!/usr/bin/env python3
"""dlsym, dlvsym and dlopen: what a program finds by itself is remote too, at one address; everything else, the
loader's messages included, is as without us.
"""
from lib_ways import *

if SANITIZER == "thread":
    print("skipped: ThreadSanitizer keeps dlsym for itself")
    sys.exit(77)
host = WaysHost()
LIBRARY = Where.here + "/libways.so"
WORDS = [LIBRARY, "plain"] if SANITIZER else [LIBRARY]  # sanitizers refuse RTLD_DEEPBIND
LOOKUPS = compile("lookups", FIXTURES + "/lookups.c", "-ldl")

bare = run([LOOKUPS, *WORDS])
check("bare: everything is here", bare.lines[:3] == ["local here", "deepbind here", "self nothing"], bare)
before = host.calls("ways_where")
remote = winapi_run(LOOKUPS, *WORDS, host=host)
found = remote.lines[:5]
check("RTLD_LOCAL and a handle", found[:1] == ["local there"], remote)
check("RTLD_DEEPBIND", found[1:2] == ["deepbind there"], remote)
check("the program's own handle, and RTLD_DEFAULT: the stub has it", found[2:4] == ["self there", "default there"], remote)
check("one address, whichever way", found[4:] == ["one address 1"], remote)
check("the host has counted the calls", host.calls("ways_where") - before == 4, host.calls("ways_where") - before)
check("other names, RTLD_NEXT, and what dlerror says are as without us", remote.lines[5:] == bare.lines[5:],
      bare, remote)

native = winapi_run(LOOKUPS, *WORDS, host=host, options=("--spec", WAYS_SPEC, "--mode", "native"))
check("native mode reaches a library that only a handle knows", native.lines[:2] == ["local here", "deepbind here"], native)

# RTLD_NEXT belongs to whoever asks: a wrapper between program and library still finds the library.
with open(folder + "/wrapper.c", "w") as source:
    source.write("""
#include <dlfcn.h>
int ways_add(int left, int right)
{
    int (*next)(int, int) = (int (*)(int, int))dlsym(RTLD_NEXT, "ways_add");
    return next ? next(left, right) + 1000 : -1;
}
""")
WRAPPER = compile("wrapper/libwrapper.so", "-shared", "-fPIC", folder + "/wrapper.c", "-ldl")
before = host.calls("ways_add")
wrapped = run([WINAPI, "run", "--spec", WAYS_SPEC, WAYS, "add:1:2"], WINAPI_HOST=host.address, LD_PRELOAD=WRAPPER)
check("a wrapper behind the stub: the host answers", wrapped.lines == ["add 3"] and host.calls("ways_add") == before + 1,
      wrapped)
STUB = f"{folder}/kept.so"
run([WINAPI, "stubs", WAYS_SPEC, "-o", STUB])
wrapped = run([WAYS, "add:1:2"], WINAPI_HOST=host.address, LD_PRELOAD=f"{WRAPPER}:{STUB}:{PRELOAD}")
check("a wrapper in front of it: its RTLD_NEXT is the stub", wrapped.lines == ["add 1003"] and
      host.calls("ways_add") == before + 2, wrapped)
finish()
