/*
 * What differs between the C libraries, and is used here: this file and libc.c say all of it.
 *
 * One libwinapi_preload.so serves programs of glibc and of musl.  It asks for symbols without versions, and for none
 * that only one of them has (preload/libc_symbols.txt lists what it may ask for).  glibc answers a name without a
 * version with its oldest one.
 */
#ifndef WINAPI_SPEC_BASE_LIBC_H
#define WINAPI_SPEC_BASE_LIBC_H

#include "spec/base/error.h"

/*
 * pthread_atfork(3).  glibc has it only as a static part of every object, which calls something that musl lacks.
 * -ENOMEM; -ENOSYS: a libc that has neither.
 */
MUST_CHECK int libc_at_fork(void (*prepare)(void), void (*in_parent)(void), void (*in_child)(void));

/* realpath(3) into memory that the caller frees; NULL with errno.  glibc's oldest one makes no memory of its own,
 * and memory that libc makes is not to be freed by the library (preload/own_heap.c). */
char *libc_real_path(const char *path);

#endif
