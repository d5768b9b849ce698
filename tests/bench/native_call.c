/*
 * What native mode costs: one function called directly, and through its record in native mode.
 *
 * Starts itself once more under `winapi run --mode native` with a row for toupper().  There the program's call goes
 * through the stub, and what the record points to is the direct call.
 */
#include "preload/binding.h"

#include <ctype.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CALLS = 20000000, ROUNDS = 9 };

static const char spec[] = "{\"table\": \"native_call\", \"version\": 1, \"library\": \"libc.so.6\", \"functions\": [\n"
                           "    {\"prototype\": \"int toupper(int c)\", \"failure\": -1}]}\n";

typedef int function(int c);

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* The best of several rounds, in ns a call: whatever disturbs makes it slower only. */
static double measure(function *volatile called)
{
    double best = 0;

    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns(), took;

        for (int i = 0; i < CALLS; i++)
            called('a');
        took = (now_ns() - start) / CALLS;
        if (round == 0 || took < best)
            best = took;
    }
    return best;
}

static int report(const struct stub *stub)
{
    function *volatile through_stub = toupper;
    double direct, native;

    through_stub('a'); /* binds the record */
    direct = measure((function *)atomic_load(&stub->records[0].binding->native));
    native = measure(through_stub);
    printf("direct %.2f ns, native mode %.2f ns: %.2f ns more, %.2f times\n", direct, native, native - direct,
           native / direct);
    return 0;
}

static int start_again(void)
{
    char own[PATH_MAX], winapi[PATH_MAX + 16], path[] = "/tmp/native_call.XXXXXX.json";
    ssize_t size = readlink("/proc/self/exe", own, sizeof(own) - 1);
    int fd = mkstemps(path, (int)strlen(".json"));
    char command[2 * PATH_MAX + 128];
    int status;

    if (size < 0 || fd < 0 || write(fd, spec, strlen(spec)) < 0)
        return 1;
    close(fd);
    own[size] = '\0';
    snprintf(winapi, sizeof(winapi), "%.*s/../winapi", (int)(strrchr(own, '/') - own), own);
    snprintf(command, sizeof(command), "'%s' run --mode native --spec %s -- '%s'", winapi, path, own);
    status = system(command);
    unlink(path);
    return status == 0 ? 0 : 1;
}

int main(void)
{
    const struct stub *stub = dlsym(RTLD_DEFAULT, STUB_SYMBOL);

    return stub ? report(stub) : start_again();
}
