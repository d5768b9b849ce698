#!/usr/bin/env python3
"""A shell script with hundreds of children prints the same and ends the same each way; bash and dash; some children
call remoted functions.  Limits that it sets on descriptors and file sizes hold for what is ours too, in silence.
"""
from lib_unnoticed import *

need_no_sanitizer()
need("bash", "dash", "gcc", "xargs", "find")
CC = os.environ.get("CC", "cc").split()
CHECKSUM = folder + "/checksum"
with open(CHECKSUM + ".c", "w") as file:
    file.write("""
#include <stdio.h>
#include <zlib.h>
int main(void)
{
    static unsigned char data[65536];
    unsigned long sum = crc32(0, 0, 0);
    size_t size;

    while ((size = fread(data, 1, sizeof(data), stdin)) > 0)
        sum = crc32(sum, data, (uInt)size);
    printf("%08lx\\n", sum);
    return 0;
}
""")
built = subprocess.run([*CC, "-O1", "-o", CHECKSUM, CHECKSUM + ".c", "-lz"], capture_output=True, text=True)
if built.returncode:
    print("skipped:", " ".join(CC), "cannot build with zlib:", built.stderr)
    sys.exit(77)


def normalise(text):
    """Without the number of a job, which depends on how soon bash hears of earlier ones' ends, and process ids."""
    return re.sub(r"^\[\d+\]", "[JOB]", re.sub(r"line \d+: +\d+ (Killed|Terminated)", r"\1", text), flags=re.MULTILINE)


CALLS = 13 + 13  # a checksum of nothing first, then one of the data
for shell, ways in ("bash", ("alone", "remote", "restarted", "native")), ("dash", ("remote", "kept", "own_host")):
    before = counted()
    outcomes = same(shell, [shell, SOURCE + "/tests/fixtures/unnoticed/children.sh"], ways, normalise,
                    CHECKSUM=CHECKSUM)
    bare = outcomes["bare"]
    check(f"{shell}, bare: it runs to its end", bare.status == 42 and "3610a686" in bare.out and
          "wrong" not in bare.out and bare.out.count("descriptors\n") == 2, bare.status, bare.out, bare.err)
    check(f"{shell}: the host has counted the calls", counted() - before == 2 * CALLS, counted() - before, CALLS)
finish()
