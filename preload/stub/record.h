/*
 * Records: what a stub's code jumps through, one for each function that may run elsewhere.
 *
 * A stub (generated from the spec files, or built into this library for winapi_*) holds for each function
 *
 *     endbr64; lea record(%rip), %r10; jmp *(%r10)
 *
 * and one record, whose first three words are libffi's Go closure.  What `target` holds decides the mode:
 * winapi_stub_slow, or in a stub file what leads there (not bound yet), the native function (native mode: one jump more
 * than a direct call), or libffi's entry for Go closures, which calls `hook` with the arguments.  Binding and toggling
 * are single atomic stores, so no executable memory is made at run time and no thread ever sees half of it.
 */
#ifndef WINAPI_PRELOAD_STUB_RECORD_H
#define WINAPI_PRELOAD_STUB_RECORD_H

#include "spec/base/error.h"

#include <stdatomic.h>
#include <stdint.h>

struct binding; /* what is known of one function in this process: preload/binding.h */

struct record {
    _Atomic(void *) target;  /* ffi_go_closure.tramp */
    void *cif;               /* ffi_go_closure.cif */
    void *hook;              /* ffi_go_closure.fun */
    struct binding *binding; /* ours; NULL until bound */
};

_Static_assert(sizeof(struct record) == 32, "the stub writer and the assembly lay records out by hand");

/* A stub describes itself under the symbol __winapi_stub, in its writable segment. */
struct stub {
    char magic[8];    /* STUB_MAGIC */
    uint32_t version; /* STUB_VERSION */
    uint32_t count;   /* functions */
    uint64_t hash;    /* of the spec files it was made from: stub_file_hash() */
    struct record *records;
    const uint32_t *names; /* offsets into strings, as many as count, sorted by strcmp */
    const char *strings;   /* NUL-terminated names */
    const uint8_t *code;   /* the i-th function's code is at code + i * STUB_CODE_SIZE */
    const char *specs;     /* paths of the spec files it was made from, separated by ':'; "" for the built-in one */
};

enum { STUB_VERSION = 1, STUB_CODE_SIZE = 16 };

#define STUB_MAGIC       "WINASTUB"
#define STUB_SYMBOL      "__winapi_stub"
#define STUB_SLOW_SYMBOL "__winapi_stub_slow" /* winapi_stub_slow, as stubs import it */
#define STUB_DLSYM       "dlsym"              /* what stubs ask where this library is missing */

/*
 * Called by winapi_stub_slow with every argument register saved: binds the record and gives what to jump to, which is
 * the record's new target but for calls that come from inside of us.  Any thread, at any time, before constructors too.
 */
void *record_bind(struct record *record);

#endif
