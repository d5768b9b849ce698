/* /etc/ld.so.cache, whoever wrote it: every path of one name, which must end inside the file. */
#include "preload/command/loader_cache.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static volatile size_t sink;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path;

    for (size_t i = 0; i < 64 && (path = loader_cache_find(data, size, "libc.so.6", i)); i++)
        sink += strlen(path);
    return 0;
}
