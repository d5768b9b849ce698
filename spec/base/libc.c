/* glibc and musl under one name. */
#include "spec/base/libc.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

/* Weak: the loader leaves out what its libc does not have. */
__attribute__((weak)) int __register_atfork(void (*prepare)(void), void (*in_parent)(void), void (*in_child)(void),
                                            void *object);
__attribute__((weak)) int musl_atfork(void (*prepare)(void), void (*in_parent)(void),
                                      void (*in_child)(void)) __asm__("pthread_atfork");

int libc_at_fork(void (*prepare)(void), void (*in_parent)(void), void (*in_child)(void))
{
    if (__register_atfork) /* NULL: this object is never unloaded */
        return -__register_atfork(prepare, in_parent, in_child, NULL);
    if (musl_atfork)
        return -musl_atfork(prepare, in_parent, in_child);
    return -ENOSYS;
}

char *libc_real_path(const char *path)
{
    char *real = malloc(PATH_MAX);
    int kept_errno;

    if (real && realpath(path, real))
        return real;
    kept_errno = errno;
    free(real);
    errno = kept_errno;
    return NULL;
}

/*
 * From 2.38 on, glibc's headers give some functions names that neither musl nor an older glibc knows.  They read
 * binary numbers ("0b1") besides, which nothing here is to take.
 */
unsigned long plain_strtoul(const char *text, char **end, int base) __asm__("strtoul");
long long plain_strtoll(const char *text, char **end, int base) __asm__("strtoll");
unsigned long long plain_strtoull(const char *text, char **end, int base) __asm__("strtoull");
unsigned long __isoc23_strtoul(const char *text, char **end, int base);
long long __isoc23_strtoll(const char *text, char **end, int base);
unsigned long long __isoc23_strtoull(const char *text, char **end, int base);

unsigned long __isoc23_strtoul(const char *text, char **end, int base)
{
    return plain_strtoul(text, end, base);
}

long long __isoc23_strtoll(const char *text, char **end, int base)
{
    return plain_strtoll(text, end, base);
}

unsigned long long __isoc23_strtoull(const char *text, char **end, int base)
{
    return plain_strtoull(text, end, base);
}
