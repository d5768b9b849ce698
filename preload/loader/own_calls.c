/* This object's relocations, through the symbols that the link editor provides. */
#include "preload/loader/own_calls.h"

#include "preload/loader/elf_object.h"

#include <elf.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#if defined(__x86_64__)
enum { RELOCATION_CALL = R_X86_64_JUMP_SLOT, RELOCATION_ADDRESS = R_X86_64_GLOB_DAT };
#elif defined(__aarch64__)
enum { RELOCATION_CALL = R_AARCH64_JUMP_SLOT, RELOCATION_ADDRESS = R_AARCH64_GLOB_DAT };
#endif

extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));
extern ElfW(Dyn) _DYNAMIC[] __attribute__((visibility("hidden")));

enum { STUBS_MOST = 8 };

struct stubs {
    struct elf_object objects[STUBS_MOST];
    size_t count;
};

struct relocations {
    const ElfW(Rela) * first;
    size_t size;
};

static uintptr_t base(void)
{
    return (uintptr_t)&__ehdr_start;
}

static ElfW(Addr) dynamic_value(ElfW(Sxword) tag)
{
    const ElfW(Dyn) *entry = _DYNAMIC;

    while (entry->d_tag != DT_NULL && entry->d_tag != tag)
        entry++;
    return entry->d_tag == tag ? entry->d_un.d_val : 0;
}

/* glibc has made the addresses absolute, musl leaves them relative. */
static const void *dynamic_table(ElfW(Sxword) tag)
{
    ElfW(Addr) value = dynamic_value(tag);

    return (const void *)(value < base() ? base() + value : value);
}

/* Its page may have been made read-only once the loader was done with it, and is so again afterwards. */
static void store(void **slot, void *native)
{
    const ElfW(Phdr) *segments = (const void *)(base() + __ehdr_start.e_phoff);
    uintptr_t page = (uintptr_t)slot & ~((uintptr_t)getauxval(AT_PAGESZ) - 1);
    size_t size = (size_t)((uintptr_t)(slot + 1) - page);
    bool is_closed = false;

    for (unsigned i = 0; i < __ehdr_start.e_phnum; i++) {
        uintptr_t start = base() + segments[i].p_vaddr;

        if (segments[i].p_type == PT_GNU_RELRO)
            is_closed = (uintptr_t)slot >= start && (uintptr_t)slot < start + segments[i].p_memsz;
    }
    if (is_closed && mprotect((void *)page, size, PROT_READ | PROT_WRITE) < 0)
        return;
    __atomic_store_n(slot, native, __ATOMIC_RELEASE);
    if (is_closed)
        mprotect((void *)page, size, PROT_READ);
}

static int note_stub(const struct elf_object *object, void *context)
{
    struct stubs *stubs = context;

    if (elf_object_is_ours(object) && !elf_object_has_address(object, &__ehdr_start) && stubs->count < STUBS_MOST)
        stubs->objects[stubs->count++] = *object;
    return 0;
}

static bool is_in_stub(const struct stubs *stubs, const char *name)
{
    for (size_t i = 0; i < stubs->count; i++)
        if (elf_object_find(&stubs->objects[i], name))
            return true;
    return false;
}

static void bind_one(const struct stubs *stubs, const ElfW(Rela) * relocation)
{
    const ElfW(Sym) *symbols = dynamic_table(DT_SYMTAB);
    const char *name = (const char *)dynamic_table(DT_STRTAB) + symbols[ELF64_R_SYM(relocation->r_info)].st_name;
    void *native = is_in_stub(stubs, name) ? elf_find_native(name) : NULL;

    if (native)
        store((void **)(base() + relocation->r_offset), native);
}

static void bind_all(const struct stubs *stubs, struct relocations relocations)
{
    for (size_t i = 0; i < relocations.size / sizeof(*relocations.first); i++) {
        unsigned type = ELF64_R_TYPE(relocations.first[i].r_info);

        if (type == RELOCATION_CALL || type == RELOCATION_ADDRESS)
            bind_one(stubs, &relocations.first[i]);
    }
}

void own_calls_bind(void)
{
    struct stubs stubs;

    stubs.count = 0; /* no more is set: that would be a call of memset */
    elf_object_each(note_stub, &stubs);
    if (!stubs.count)
        return;
    bind_all(&stubs, (struct relocations){dynamic_table(DT_JMPREL), dynamic_value(DT_PLTRELSZ)});
    bind_all(&stubs, (struct relocations){dynamic_table(DT_RELA), dynamic_value(DT_RELASZ)});
}
