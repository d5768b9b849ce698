/*
 * memcpy() for what is linked into libwinapi_preload.so, and nobody else.
 *
 * The library asks libc for names without versions, and glibc's oldest memcpy is the one that moves 16 bytes at a
 * time, for programs that relied on overlapping copies.  Its memmove is of one version, and chosen for the processor.
 */
#include <string.h>

void *memcpy(void *to, const void *from, size_t size)
{
    return memmove(to, from, size);
}
