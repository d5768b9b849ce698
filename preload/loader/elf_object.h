/*
 * The loaded objects, read from their ELF headers: who defines a symbol, without asking the dynamic loader.
 *
 * libc's own dl_iterate_phdr is all it needs, so it works on glibc and musl, before constructors, and where dlsym
 * itself is what is being replaced.  No other function of libc is called: any of them may be one that is being
 * intercepted.
 */
#ifndef WINAPI_PRELOAD_LOADER_ELF_OBJECT_H
#define WINAPI_PRELOAD_LOADER_ELF_OBJECT_H

#include "spec/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_object {
    const char *path; /* "" for the program itself; lives as long as the object is loaded */
    uintptr_t base;
    uintptr_t lowest, highest; /* addresses of its loaded segments */
    const void *symbols;       /* tables of its dynamic section, NULL when absent or not inside its segments */
    const char *strings;
    const uint32_t *gnu_hash, *sysv_hash;
    const uint16_t *versions;
};

/*
 * Calls `visit` for each loaded object in load order until it returns non-zero, and returns that.  The kernel's vdso,
 * which no call reaches by name, is left out.  No lock may be taken in `visit` that dlopen's caller may hold.
 */
int elf_object_each(int (*visit)(const struct elf_object *object, void *context), void *context);

/* The address of a function or data symbol that the object defines and exports (hidden versions skipped, IFUNCs
 * resolved), or NULL. */
void *elf_object_find(const struct elf_object *object, const char *name);

bool elf_object_has_address(const struct elf_object *object, const void *address);

/* Whether the object is a stub (it exports STUB_SYMBOL), this library, or another copy of it. */
bool elf_object_is_ours(const struct elf_object *object);

/* Whether the address lies in any loaded object. */
bool elf_address_is_loaded(const void *address);

/*
 * Whether the address lies in an object that is loaded behind the first one that is ours, and not ours: what a native
 * function's address does.  An address in front of us belongs to the program itself (a definition of its own, or the
 * PLT entry that is a function's address in programs that are no PIE) or to somebody's wrapper.
 */
bool elf_address_is_behind_us(const void *address);

/* How many objects have been loaded in this process after its start (musl), or in all (glibc): it grows whenever a name
 * may be found that was not there before.  Takes the loader's lock for a moment (glibc). */
uint64_t elf_load_count(void);

/* How many objects have been unloaded in this process; always 0 where the loader unloads none (musl). */
uint64_t elf_unload_count(void);

/*
 * The definition that a call would have reached without us: the first in load order behind the first object that is
 * ours, in one that is not.  Where there is none, an old version that only references which name it reach.  NULL: none.
 * What lies before us is somebody else's wrapper (a sanitizer's, another preload's) that has called us; going back
 * there would never end.
 */
void *elf_find_native(const char *name);

#endif
