#!/usr/bin/env python3
"""The compiled form of the tables in the cache: used when it fits, and never when it is stale, damaged or another's.

The host's own counter and process id say each time that the call ran there, and its answer which function was called.
"""
import stat

from lib_compile import *

# Library, command and host of one build share the compiled form; a host of another build has its own.
if os.path.islink(BUILD + "/bin/winapi-host"):
    print("skipped: the host is of another build, so each end compiles the tables for itself")
    sys.exit(77)

# How many compiled tables this process has mapped.
COUNT_MAPPED = r"""
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int count_mapped(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[4096], last[4096] = "";
    int count = 0;

    while (maps && fgets(line, sizeof(line), maps)) {
        const char *name = strstr(line, "/winapi/tables-");

        count += name && strcmp(name, last) != 0;
        if (name)
            strcpy(last, name);
    }
    if (maps)
        fclose(maps);
    return count;
}
"""

LIBRARY = COUNT_MAPPED + r"""
int two_answer(int value) { return value + 1; }
int two_other(int value) { return value + 2; }
int two_process(void) { return (int)getpid(); }
int two_mapped(void) { return count_mapped(); }
"""

# Prints the answer, where it ran, and how many are mapped: by the host, and here before the first call and afterwards.
PROGRAM = COUNT_MAPPED + r"""
int two_answer(int value);
int two_process(void);
int two_mapped(void);

int main(void)
{
    int before = count_mapped(), answer = two_answer(40), is_remote = two_process() != (int)getpid();

    printf("%d %s %d %d %d\n", answer, is_remote ? "remote" : "native", two_mapped(), before, count_mapped());
    return 0;
}
"""


def write(path, text, mode="w"):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, mode) as file:
        file.write(text)
    return path


def read(path):
    with open(path, "rb") as file:
        return file.read()


two = compile("libtwo.so", *SHARED, write(folder + "/libtwo.c", LIBRARY))
program = compile("two", write(folder + "/two.c", PROGRAM), "-L" + folder, "-ltwo", "-Wl,-rpath," + folder)
spec = folder + "/two.json"


def write_two(handler="two_answer", more=()):
    table = {"table": "two", "version": 1, "library": two, "failure": -1, "functions": [
        {"prototype": "int two_answer(int value)", "handler": handler}, {"prototype": "int two_process(void)"},
        {"prototype": "int two_mapped(void)"}, *more]}
    write(spec, json.dumps(table))


def compiled(cache=folder + "/cache"):
    with contextlib.suppress(OSError):
        return sorted(f"{cache}/winapi/{name}" for name in os.listdir(cache + "/winapi") if name.startswith("tables-"))
    return []


FILES = (1, 2) if MUSL else (1,)  # a host of glibc and a guest that was built for musl have one each


def run(command=(program,), **variables):
    """Through winapi run, with a host that it starts."""
    return subprocess.run([WINAPI, "run", "--spec", spec, "--", *command], text=True, capture_output=True,
                          env=environment(**variables), timeout=3 * PATIENCE)


def says(result, answer, host_maps, before, after):
    return result.stderr == "" and result.stdout.split() == [str(answer), "remote", *map(str, (host_maps, before, after))]


# ---- it is written, found, and shared ----

write_two()
first = run()
check("the first run reads the text once, and all others find it", says(first, 41, 1, 1, 1), first)
check("one file, of the user's alone", len(compiled()) in FILES and
      all(stat.S_IMODE(os.stat(path).st_mode) & 0o022 == 0 for path in compiled()), compiled())
kept = {path: (os.stat(path).st_ino, read(path)) for path in compiled()}
again = run()
check("the second run maps it, at both ends, and leaves it alone", says(again, 41, 1, 1, 1) and
      {path: (os.stat(path).st_ino, read(path)) for path in compiled()} == kept, again)
check("nothing else is left beside it", not [name for name in os.listdir(folder + "/cache/winapi")
                                             if not re.fullmatch(r"tables-[0-9a-f]{16}|stub-[0-9a-f]{16}\.so", name)])
own = subprocess.run([program], env=environment(LD_PRELOAD=":".join(filter(None, [
    environment().get("LD_PRELOAD"), PRELOAD])), WINAPI_SPEC=spec), text=True, capture_output=True)
check("a program that is started again finds it too", says(own, 41, 1, 1, 1), own)

# ---- damage: every kind of place ----

HEADER = [("the magic number", 0), ("the checksum", 8), ("the code's number", 16), ("the contents' number", 24),
          ("the size", 32), ("the address", 40), ("the end of the pointers", 48), ("the marks' place", 56),
          ("the tables' place", 64), ("their count", 72), ("the names' place", 80), ("their count", 88)]


def changed(whole, place):
    return whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1:]


def damages(whole):
    words, marks = struct.unpack_from("<QQ", whole, 48)
    for what, place in HEADER:
        yield f"{what} is wrong", changed(whole, place)
    yield "a pointer is wrong", changed(whole, 96)
    yield "the last pointer is wrong", changed(whole, words - 8)
    yield "a letter is wrong", changed(whole, words + (marks - words) // 2)
    yield "a mark is wrong", changed(whole, marks)
    yield "the last byte is wrong", changed(whole, len(whole) - 1)
    for size in 0, 1, 95, 96, len(whole) // 2, len(whole) - 1:
        yield f"{size} bytes are left", whole[:size]
    yield "a byte too many", whole + b"\0"
    yield "twice as long", whole * 2
    yield "zeros", bytes(len(whole))


whole = read(compiled()[0])
for what, damaged in damages(whole):
    for path in compiled():
        write(path, damaged, "wb")
    plain = subprocess.run([WINAPI, "run", "--spec", spec, "--", program], text=True, capture_output=True,
                           env=environment(), timeout=3 * PATIENCE)
    check(f"{what}: the text is read, and it is mended", says(plain, 41, 1, 1, 1) and
          all(read(path) != damaged for path in compiled()), plain)

# The guest alone finds it damaged, at its first call: the host has been started before.
host = Host(spec=spec)
loaded = environment(LD_PRELOAD=run(["sh", "-c", "echo $LD_PRELOAD"]).stdout.strip(), WINAPI_SPEC=spec, WINAPI_HOST=host.address)
for what, place in ("the checksum", 8), ("a pointer", 96), ("a letter", len(whole) // 2):
    for path in compiled():  # in place of the other, which the host has mapped
        write(path + ".new", changed(whole, place), "wb")
        os.replace(path + ".new", path)
    calls = host.calls("two_answer")
    said = [subprocess.run([program], text=True, capture_output=True, timeout=3 * PATIENCE, env=loaded) for _ in range(2)]
    check(f"{what} is wrong, for the guest alone: it is mapped, found out and mended, and the call is remote",
          says(said[0], 41, 1, 1, 0) and says(said[1], 41, 1, 1, 1) and host.calls("two_answer") == calls + 2, said)
host.stop()

# ---- stale ones ----

before = {path: read(path) for path in compiled()}
write_two("two_other")
stale = run()
check("a changed spec file of the same name: the old form is not used, and is replaced", says(stale, 42, 1, 1, 1) and
      sorted(before) == compiled() and all(read(path) != before[path] for path in before), stale)
for path, whole in before.items():
    write(path, whole, "wb")
put_back = run()
check("the old form put back: it is not used", says(put_back, 42, 1, 1, 1) and
      all(read(path) != before[path] for path in before), put_back)
write_two()
check("the old spec file put back: its own form is made", says(run(), 41, 1, 1, 1))

other = folder + "/other.json"
write(other, json.dumps({"table": "others", "version": 1, "library": two, "failure": -1,
                         "functions": [{"prototype": "int two_other(int value)"}]}))
subprocess.run([WINAPI, "run", "--spec", other, "--", "true"], env=environment(), capture_output=True, check=True)
foreign = [path for path in compiled() if path not in before]
check("another spec file has a file of its own", len(foreign) >= 1, compiled())
for path in before:
    write(path, read(foreign[0]), "wb")
swapped = run()
check("another spec file's form under this name: it is not used", says(swapped, 41, 1, 1, 1) and
      all(read(path) != read(foreign[0]) for path in before), swapped)

# ---- spec files that are wrong, alone or together ----

for name, text in ("broken", '{"table": "broken"}'), ("clash", json.dumps({
        "table": "clash", "version": 1, "library": two, "failure": -1, "functions": [{"prototype": "int two_process(void)"}]})):
    wrong = write(f"{folder}/{name}.json", text)
    lines = set()
    for turn in range(2):
        cache = f"{folder}/cache-{name}"
        result = subprocess.run([program], text=True, capture_output=True, env=environment(
            LD_PRELOAD=":".join(filter(None, [environment().get("LD_PRELOAD"), PRELOAD])), WINAPI_SPEC=f"{spec}:{wrong}",
            XDG_CACHE_HOME=cache))
        lines.add(re.sub(r"winapi\[\d+\]", "winapi", result.stderr))
        check(f"a {name} spec file beside a good one: that one is remoted, a line each time, nothing is compiled for both",
              result.stdout.split()[:2] == ["41", "remote"] and f"/{name}.json:" in result.stderr and
              result.stdout.split()[3:] == ["0", "0"], result, compiled(cache))
    check(f"a {name} spec file: the same lines each time", len(lines) == 1, lines)

# ---- where it cannot lie ----

for what, variables in {"a cache that cannot be made": {"XDG_CACHE_HOME": "/proc/nowhere"},
                        "a cache that is a file": {"XDG_CACHE_HOME": spec}}.items():
    runtime = tempfile.mkdtemp(dir=folder)
    result = run(XDG_RUNTIME_DIR=runtime, **variables)
    check(f"{what}: it lies in the run-time directory", says(result, 41, 1, 1, 1) and len(compiled(runtime)) in FILES,
          result, compiled(runtime))

cache = tempfile.mkdtemp(dir=folder)
open_to_all = tempfile.mkdtemp(dir=folder)
os.mkdir(cache + "/winapi")
for path, whole in before.items():
    write(f"{cache}/winapi/{os.path.basename(path)}", whole, "wb")
os.chmod(cache + "/winapi", 0o777)
result = run(XDG_CACHE_HOME=cache, XDG_RUNTIME_DIR=open_to_all)
check("a cache that others can write to: nothing is taken from it", says(result, 41, 1, 1, 1) and
      len(compiled(open_to_all)) in FILES, result)
os.chmod(cache + "/winapi", 0o755)
for path in compiled(cache):
    os.chmod(path, 0o666)
inodes = [os.stat(path).st_ino for path in compiled(cache)]
result = run(XDG_CACHE_HOME=cache, XDG_RUNTIME_DIR=tempfile.mkdtemp(dir=folder))
check("a file that others can write to is not used, and is replaced", says(result, 41, 1, 1, 1) and
      [os.stat(path).st_ino for path in compiled(cache)] != inodes, result)
for path in compiled(cache):
    os.unlink(path)
    os.mkdir(path)
result = run(XDG_CACHE_HOME=cache, XDG_RUNTIME_DIR=tempfile.mkdtemp(dir=folder))
check("a directory in its place does no harm", says(result, 41, 1, 1, 1), result)

# ---- many at once ----

cache = tempfile.mkdtemp(dir=folder)
results = []
threads = [threading.Thread(target=lambda: results.append(run(XDG_CACHE_HOME=cache))) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
check("eight programs that all write it: each has its answer", len(results) == 8 and
      all(result.stdout.split()[:2] == ["41", "remote"] and result.stderr == "" for result in results), results)
inodes = [os.stat(path).st_ino for path in compiled(cache)]
result = run(XDG_CACHE_HOME=cache)
check("eight programs that all write it: one file, which is good, and nothing beside it", says(result, 41, 1, 1, 1) and
      [os.stat(path).st_ino for path in compiled(cache)] == inodes and
      len(os.listdir(cache + "/winapi")) == len(inodes) + 1, result, os.listdir(cache + "/winapi"))
finish()
