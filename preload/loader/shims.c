/*
 * What dlsym, dlvsym and dlopen are to do differently.
 *
 * A function found through an explicit handle is replaced by the stub's, so that its address is the same whichever way
 * it was asked for.  RTLD_DEFAULT and RTLD_NEXT are left alone: the stub is in the global scope, and gives the right
 * answer by itself.  So is what lies in front of us, in the program itself or in another preload: that is what calls
 * reach too; and what is in no object of the program's own namespace.
 */
#include "preload/loader/shims.h"

#include "preload/core.h"
#include "preload/loader/elf_object.h"
#include "preload/loader/unloaded.h"
#include "preload/stub/stub_list.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#ifndef RTLD_DEEPBIND
#define RTLD_DEEPBIND 8 /* of glibc, whose programs this may serve also when it was compiled for musl */
#endif

typedef void *dlsym_function(void *handle, const char *name);
typedef void *dlvsym_function(void *handle, const char *name, const char *version);
typedef void *dlopen_function(const char *path, int flags);

/* Found at the first use.  Threads that race find the same and store the same. */
static _Atomic(void *) real_dlsym, real_dlvsym, real_dlopen;

/* For a libc whose loader interface is in a library that is not loaded (libdl.so.2, before glibc 2.34). */
static void *find_nothing(void)
{
    return NULL;
}

static void *real(_Atomic(void *) *slot, const char *name, void *otherwise)
{
    void *found = atomic_load_explicit(slot, memory_order_relaxed);

    if (found)
        return found;
    found = elf_find_native(name);
    if (!found)
        found = otherwise;
    atomic_store_explicit(slot, found, memory_order_relaxed);
    return found;
}

static dlsym_function *find_dlsym(void)
{
    return (dlsym_function *)real(&real_dlsym, "dlsym", (void *)find_nothing);
}

/* musl has no dlvsym: dlsym then answers, which takes the same first arguments. */
static dlvsym_function *find_dlvsym(void)
{
    return (dlvsym_function *)real(&real_dlvsym, "dlvsym", (void *)find_dlsym());
}

static dlopen_function *find_dlopen(void)
{
    return (dlopen_function *)real(&real_dlopen, "dlopen", (void *)find_nothing);
}

static bool is_explicit(void *handle)
{
    return handle != RTLD_DEFAULT && handle != RTLD_NEXT;
}

/*
 * Every function of a stub, like a call of it: should its spec file not be active, it goes on to the native one.  So no
 * table is read here, and none is missed while this thread is in the middle of reading them.
 */
static void *find_code(const char *name)
{
    void *code;

    core_enter();
    code = stub_list_code(name);
    core_leave();
    return code;
}

/* What was found is an answer in itself, which saves the second look-up. */
static uintptr_t answer_for(const char *name, void *found)
{
    void *instead = found ? find_code(name) : NULL;

    return (uintptr_t)(instead && elf_address_is_behind_us(found) ? instead : found);
}

struct shim_answer shim_dlsym(void *handle, const char *name)
{
    int saved_errno = errno;
    struct shim_answer answer = {.real = (void *)find_dlsym()};

    if (is_explicit(handle))
        answer.value = answer_for(name, find_dlsym()(handle, name));
    errno = saved_errno;
    return answer;
}

struct shim_answer shim_dlvsym(void *handle, const char *name, const char *version)
{
    int saved_errno = errno;
    struct shim_answer answer = {.real = (void *)find_dlvsym()};

    if (is_explicit(handle))
        answer.value = answer_for(name, find_dlvsym()(handle, name, version));
    errno = saved_errno;
    return answer;
}

/*
 * A library opened with RTLD_DEEPBIND would find the native functions before the stub's.  Natives that have been
 * unloaded are forgotten before there can be another copy of them, whose constructors call them.
 */
struct shim_answer shim_dlopen(const char *path, int flags)
{
    int saved_errno = errno;
    struct shim_answer answer = {.value = (unsigned)(flags & ~RTLD_DEEPBIND), .real = (void *)find_dlopen()};

    (void)path;
    unloaded_forget();
    errno = saved_errno;
    return answer;
}
