/*
 * Looking symbols up as the dynamic loader does, in what it has loaded.
 *
 * The headers are not trusted further than the loader had to: every table, and every entry looked at, must lie inside
 * the object's own segments.
 */
#include "preload/loader/elf_object.h"

#include "preload/stub/elf_hash.h"
#include "preload/stub/record.h"

#include <elf.h>
#include <link.h>
#include <stdatomic.h>
#include <sys/auxv.h>

enum { VERSION_HIDDEN = 0x8000 }; /* an old version: only references that name it reach it */

static bool is_inside(const struct elf_object *object, const void *address, size_t size)
{
    uintptr_t at = (uintptr_t)address;

    return at >= object->lowest && at <= object->highest && size <= object->highest - at;
}

bool elf_object_has_address(const struct elf_object *object, const void *address)
{
    return is_inside(object, address, 1);
}

static void measure(struct elf_object *object, const struct dl_phdr_info *info)
{
    object->lowest = UINTPTR_MAX;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + segment->p_vaddr;

        if (segment->p_type != PT_LOAD)
            continue;
        if (start < object->lowest)
            object->lowest = start;
        if (start + segment->p_memsz > object->highest)
            object->highest = start + segment->p_memsz;
    }
}

/* glibc has turned the addresses in the dynamic section into absolute ones; musl leaves them relative to the base. */
static const void *locate(const struct elf_object *object, ElfW(Addr) value, size_t least)
{
    const void *address = (const void *)(value < object->lowest ? object->base + value : value);

    return is_inside(object, address, least) ? address : NULL;
}

static void note_table(struct elf_object *object, const ElfW(Dyn) * entry)
{
    switch (entry->d_tag) {
    case DT_SYMTAB:
        object->symbols = locate(object, entry->d_un.d_ptr, sizeof(ElfW(Sym)));
        break;
    case DT_STRTAB:
        object->strings = locate(object, entry->d_un.d_ptr, 1);
        break;
    case DT_GNU_HASH:
        object->gnu_hash = locate(object, entry->d_un.d_ptr, 4 * sizeof(uint32_t));
        break;
    case DT_HASH:
        object->sysv_hash = locate(object, entry->d_un.d_ptr, 2 * sizeof(uint32_t));
        break;
    case DT_VERSYM:
        object->versions = locate(object, entry->d_un.d_ptr, sizeof(uint16_t));
        break;
    default:
        break;
    }
}

static void read_dynamic(struct elf_object *object, const ElfW(Phdr) * segment)
{
    const ElfW(Dyn) *entry = (const void *)(object->base + segment->p_vaddr);
    size_t count = segment->p_memsz / sizeof(*entry);

    if (!is_inside(object, entry, segment->p_memsz))
        return;
    for (size_t i = 0; i < count && entry[i].d_tag != DT_NULL; i++)
        note_table(object, &entry[i]);
}

/* ---- libc's own list of the objects ---- */

typedef int iterate_function(int (*visit)(struct dl_phdr_info *info, size_t size, void *context), void *context);

static struct elf_object read_object(const struct dl_phdr_info *info)
{
    struct elf_object object = {.path = info->dlpi_name, .base = info->dlpi_addr};

    measure(&object, info);
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
            read_dynamic(&object, &info->dlpi_phdr[i]);
    }
    return object;
}

/*
 * Where the loader shows debuggers what it has loaded, in load order.  NULL when the program has no room for that, or
 * is not what the kernel was told to start: then it is the loader whose segments are known, which has no PT_PHDR.
 */
static const struct link_map *first_loaded(void)
{
    const ElfW(Phdr) *segments = (const void *)getauxval(AT_PHDR), *own = NULL;
    size_t count = getauxval(AT_PHNUM);
    const ElfW(Dyn) *entry = NULL;

    for (size_t i = 0; segments && i < count; i++) {
        if (segments[i].p_type == PT_PHDR)
            own = &segments[i];
        else if (own && segments[i].p_type == PT_DYNAMIC)
            entry = (const void *)((uintptr_t)segments - own->p_vaddr + segments[i].p_vaddr);
    }
    while (entry && entry->d_tag != DT_NULL && entry->d_tag != DT_DEBUG)
        entry++;
    if (!entry || entry->d_tag != DT_DEBUG || !entry->d_un.d_ptr)
        return NULL;
    return ((const struct r_debug *)entry->d_un.d_ptr)->r_map;
}

static bool starts_with(const char *text, const char *start)
{
    while (*start && *text == *start)
        text++, start++;
    return !*start;
}

/* glibc is a file of this name, musl is the loader itself. */
static bool is_libc(const struct link_map *map)
{
    const char *name = map->l_name;

    for (const char *at = name; *at; at++)
        name = *at == '/' ? at + 1 : name;
    return map->l_addr && (map->l_addr == getauxval(AT_BASE) || starts_with(name, "libc.so."));
}

static void *find_in_libc(const struct link_map *map, const char *name)
{
    const ElfW(Ehdr) *header = (const void *)map->l_addr; /* libc's first segment begins with it */
    struct elf_object object =
        read_object(&(struct dl_phdr_info){.dlpi_addr = map->l_addr,
                                           .dlpi_name = map->l_name,
                                           .dlpi_phdr = (const void *)(map->l_addr + header->e_phoff),
                                           .dlpi_phnum = header->e_phnum});

    return elf_object_find(&object, name);
}

static int bound_iterate(int (*visit)(struct dl_phdr_info *info, size_t size, void *context), void *context)
{
    return dl_iterate_phdr(visit, context);
}

/*
 * Not the dl_iterate_phdr that the loader has bound here: that may be a wrapper in the program, in another preload or
 * in ThreadSanitizer's library, which asks dlsym for the next one, and so us.  What is loaded at the start, libc among
 * it, comes first in the list and stays: nothing that another thread closes meanwhile is looked at.
 */
static iterate_function *libc_iterate(void)
{
    static _Atomic(void *) kept; /* threads that race find the same */
    void *found = atomic_load_explicit(&kept, memory_order_relaxed);

    for (const struct link_map *map = found ? NULL : first_loaded(); map && !found; map = map->l_next)
        found = is_libc(map) ? find_in_libc(map, "dl_iterate_phdr") : NULL;
    if (!found)
        found = (void *)bound_iterate;
    atomic_store_explicit(&kept, found, memory_order_relaxed);
    return (iterate_function *)found;
}

struct walk {
    int (*visit)(const struct elf_object *object, void *context);
    void *context;
    uintptr_t vdso;
    bool has_begun;
};

static int visit_one(struct dl_phdr_info *info, size_t size, void *context)
{
    struct walk *walk = context;
    struct elf_object object = read_object(info);

    (void)size;
    if (!walk->has_begun)
        object.path = "";
    walk->has_begun = true;
    if (walk->vdso && is_inside(&object, (const void *)walk->vdso, 1))
        return 0;
    return walk->visit(&object, walk->context);
}

int elf_object_each(int (*visit)(const struct elf_object *object, void *context), void *context)
{
    struct walk walk = {.visit = visit, .context = context, .vdso = getauxval(AT_SYSINFO_EHDR)};

    return libc_iterate()(visit_one, &walk);
}

/* By hand, because strcmp may be a function that is being intercepted. */
static bool has_name(const struct elf_object *object, const ElfW(Sym) * symbol, const char *name)
{
    const char *at = object->strings + symbol->st_name;

    for (; is_inside(object, at, 1); at++, name++) {
        if (*at != *name)
            return false;
        if (!*at)
            return true;
    }
    return false;
}

static bool is_definition(const ElfW(Sym) * symbol)
{
    unsigned type = ELF64_ST_TYPE(symbol->st_info), visibility = ELF64_ST_VISIBILITY(symbol->st_other);

    return symbol->st_shndx != SHN_UNDEF && symbol->st_value && ELF64_ST_BIND(symbol->st_info) != STB_LOCAL &&
           (visibility == STV_DEFAULT || visibility == STV_PROTECTED) &&
           (type <= STT_FUNC || type == STT_COMMON || type == STT_GNU_IFUNC);
}

static bool is_hidden_version(const struct elf_object *object, uint32_t index)
{
    const uint16_t *version = object->versions + index;

    return object->versions && is_inside(object, version, sizeof(*version)) && (*version & VERSION_HIDDEN);
}

/* What is looked for; hidden versions only where `takes_hidden`. */
struct wanted {
    const char *name;
    bool takes_hidden;
};

/* The symbol with this index, if it is the definition that is looked for. */
static const ElfW(Sym) * match(const struct elf_object *object, uint32_t index, const struct wanted *wanted)
{
    const ElfW(Sym) *symbol = (const ElfW(Sym) *)object->symbols + index;

    if (!is_inside(object, symbol, sizeof(*symbol)) || !is_definition(symbol))
        return NULL;
    if (!wanted->takes_hidden && is_hidden_version(object, index))
        return NULL;
    return has_name(object, symbol, wanted->name) ? symbol : NULL;
}

static const ElfW(Sym) * find_by_sysv_hash(const struct elf_object *object, const struct wanted *wanted)
{
    const uint32_t *table = object->sysv_hash;
    uint32_t bucket_count = table[0], chain_count = table[1];
    const uint32_t *buckets = table + 2, *chain = buckets + bucket_count;
    uint32_t index;

    if (bucket_count == 0 || !is_inside(object, buckets, ((size_t)bucket_count + chain_count) * sizeof(*table)))
        return NULL;
    index = buckets[elf_hash_sysv(wanted->name) % bucket_count];
    for (uint32_t steps = 0; index && index < chain_count && steps < chain_count; steps++, index = chain[index]) {
        const ElfW(Sym) *symbol = match(object, index, wanted);

        if (symbol)
            return symbol;
    }
    return NULL;
}

/* The table: bucket count, first index, bloom words, bloom shift; the bloom filter; the buckets; the chains. */
static const ElfW(Sym) * find_by_gnu_hash(const struct elf_object *object, const struct wanted *wanted)
{
    enum { WORD_BITS = 8 * sizeof(ElfW(Addr)) };
    const uint32_t *table = object->gnu_hash;
    uint32_t bucket_count = table[0], first = table[1], word_count = table[2], shift = table[3] & 31;
    const ElfW(Addr) *bloom = (const void *)(table + 4);
    const uint32_t *buckets = (const void *)(bloom + word_count), *chain = buckets + bucket_count;
    uint32_t hash = elf_hash_gnu(wanted->name);
    ElfW(Addr) word;

    if (bucket_count == 0 || word_count == 0 ||
        !is_inside(object, bloom, word_count * sizeof(*bloom) + bucket_count * sizeof(*buckets)))
        return NULL;
    word = bloom[hash / WORD_BITS % word_count];
    if (!(word >> hash % WORD_BITS & word >> (hash >> shift) % WORD_BITS & 1))
        return NULL;

    for (uint32_t index = buckets[hash % bucket_count]; index >= first && index > 0; index++) {
        const uint32_t *link = chain + (index - first);
        const ElfW(Sym) * symbol;

        if (!is_inside(object, link, sizeof(*link)))
            return NULL;
        symbol = (*link | 1) == (hash | 1) ? match(object, index, wanted) : NULL;
        if (symbol || *link & 1)
            return symbol;
    }
    return NULL;
}

static void *find(const struct elf_object *object, const struct wanted *wanted)
{
    const ElfW(Sym) *symbol = NULL;
    void *address;

    if (!object->symbols || !object->strings)
        return NULL;
    if (object->gnu_hash)
        symbol = find_by_gnu_hash(object, wanted);
    else if (object->sysv_hash)
        symbol = find_by_sysv_hash(object, wanted);
    if (!symbol)
        return NULL;

    address = (void *)((symbol->st_shndx == SHN_ABS ? 0 : object->base) + symbol->st_value);
    if (ELF64_ST_TYPE(symbol->st_info) != STT_GNU_IFUNC)
        return address;
    return ((void *(*)(void))address)();
}

void *elf_object_find(const struct elf_object *object, const char *name)
{
    return find(object, &(struct wanted){.name = name});
}

bool elf_object_is_ours(const struct elf_object *object)
{
    return elf_object_has_address(object, (const void *)elf_object_is_ours) || elf_object_find(object, STUB_SYMBOL) ||
           elf_object_find(object, STUB_SLOW_SYMBOL);
}

static int ask_whether_there(const struct elf_object *object, void *address)
{
    return elf_object_has_address(object, address);
}

bool elf_address_is_loaded(const void *address)
{
    return elf_object_each(ask_whether_there, (void *)address) != 0;
}

struct place {
    const void *address;
    bool is_behind_us;
};

/* Non-zero ends the walk: 2 for an object that is behind us, 1 for any other one. */
static int ask_whether_behind(const struct elf_object *object, void *context)
{
    struct place *place = context;
    bool is_ours = elf_object_is_ours(object);

    if (elf_object_has_address(object, place->address))
        return place->is_behind_us && !is_ours ? 2 : 1;
    place->is_behind_us |= is_ours;
    return 0;
}

bool elf_address_is_behind_us(const void *address)
{
    return elf_object_each(ask_whether_behind, &(struct place){.address = address}) == 2;
}

struct counts {
    uint64_t loaded, unloaded;
};

/* The same are told with each object. */
static int read_counts(struct dl_phdr_info *info, size_t size, void *counts)
{
    (void)size;
    *(struct counts *)counts = (struct counts){.loaded = info->dlpi_adds, .unloaded = info->dlpi_subs};
    return 1;
}

static struct counts ask_counts(void)
{
    struct counts counts = {0};

    libc_iterate()(read_counts, &counts);
    return counts;
}

uint64_t elf_load_count(void)
{
    return ask_counts().loaded;
}

uint64_t elf_unload_count(void)
{
    return ask_counts().unloaded;
}

struct search {
    struct wanted wanted;
    bool is_behind_us;
    void *found;
};

static int search_native(const struct elf_object *object, void *context)
{
    struct search *search = context;

    if (elf_object_is_ours(object)) {
        search->is_behind_us = true;
        return 0;
    }
    if (search->is_behind_us)
        search->found = find(object, &search->wanted);
    return search->found != NULL;
}

void *elf_find_native(const char *name)
{
    struct search search = {.wanted = {.name = name}};

    if (elf_object_each(search_native, &search) == 0) {
        search = (struct search){.wanted = {.name = name, .takes_hidden = true}};
        elf_object_each(search_native, &search);
    }
    return search.found;
}
