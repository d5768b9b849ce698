/* Layout, mapping, and pages that are asked of the kernel before they are touched. */
#include "preload/control/control_memory.h"

#include "spec/base/log.h"
#include "spec/wire/memory.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

enum { NUMBERS_LEAST = 64 }; /* of descriptors */

static uint64_t whole_pages(uint64_t size)
{
    return (size + CONTROL_PAGE - 1) & ~(uint64_t)(CONTROL_PAGE - 1);
}

static uint64_t names_size(const struct core *core)
{
    uint64_t size = 0;

    for (size_t i = 0; i < core->catalog.row_count; i++)
        size += strlen(core->bindings[i].row->name) + 1;
    for (size_t i = 0; i < core->catalog.table_count; i++)
        size += strlen(core->catalog.tables[i]->name) + 1;
    return size;
}

static void lay_out(struct control_memory *memory, const struct core *core, uint32_t family_count, uint32_t shards)
{
    memory->function_count = (uint32_t)core->catalog.row_count;
    memory->family_count = family_count;
    memory->shard_count = shards;
    memory->names_offset = sizeof(struct control_header) + memory->function_count * sizeof(struct control_function) +
                           family_count * sizeof(struct control_family);
    memory->counts_offset = whole_pages(memory->names_offset + names_size(core));
    memory->size =
        memory->counts_offset + whole_pages((uint64_t)shards * memory->function_count * sizeof(struct control_counts));
}

/* ---- mapping ---- */

static void *map_at(void *place, uint64_t size, int fd)
{
    int flags = (place ? MAP_FIXED : 0) | MAP_NORESERVE | (fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS);
    void *base = mmap(place, size, PROT_READ | PROT_WRITE, flags, fd, 0);

    return base == MAP_FAILED ? NULL : base;
}

static int make_ready_bytes(struct control_memory *memory)
{
    uint64_t size = (memory->size - memory->counts_offset) / CONTROL_PAGE + 1;

    if (memory->ready) {
        memset((void *)(uintptr_t)memory->ready, 0, size);
        return 0;
    }
    memory->ready = map_at(NULL, size, -1);
    return memory->ready ? 0 : -ENOMEM;
}

/* A program with that few numbers needs this one more than anybody does the command. */
static bool is_needed(int fd)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < NUMBERS_LEAST && (rlim_t)fd < limit.rlim_cur;
}

static void open_memfd(struct control_memory *memory)
{
    int fd = memory_sealed_open(CONTROL_NAME, memory->size, memory->counts_offset);

    if (fd >= 0 && is_needed(fd)) {
        close(fd);
        fd = -EMFILE;
    }
    if (fd < 0)
        log_debug("winapi route and winapi stat cannot reach this process: memfd: %s", strerror(-fd));
    memory->fd = fd < 0 ? -1 : fd;
    descriptor_mark(&memory->mark, memory->fd);
}

/* Over what a parent has shared with us, in one step: whoever looks meanwhile finds one or the other. */
static int map(struct control_memory *memory)
{
    void *base;

    open_memfd(memory);
    base = map_at(memory->header, memory->size, memory->fd);
    if (!base && memory->fd >= 0) {
        descriptor_close(&memory->mark, memory->fd);
        memory->fd = -1;
        base = map_at(memory->header, memory->size, -1);
    }
    if (!base)
        return -ENOMEM;
    memory->header = base;
    return make_ready_bytes(memory);
}

/* ---- filling ---- */

static uint32_t add_name(const struct control_memory *memory, uint32_t *end, const char *name)
{
    uint32_t at = *end;

    strcpy((char *)memory->header + memory->names_offset + at, name);
    *end += (uint32_t)strlen(name) + 1;
    return at;
}

static void fill_functions(const struct control_memory *memory, const struct core *core)
{
    const struct table *table = NULL;
    uint32_t end = 0, table_name = 0;

    for (size_t i = 0; i < memory->function_count; i++) {
        const struct row *row = core->bindings[i].row;

        if (row->table != table)
            table_name = add_name(memory, &end, row->table->name);
        table = row->table;
        memory->functions[i].table = table_name;
        memory->functions[i].name = add_name(memory, &end, row->name);
    }
    memory->header->names_size = end;
}

static void fill_header(const struct control_memory *memory)
{
    struct control_header *header = memory->header;

    header->version = CONTROL_VERSION;
    header->pid = (uint32_t)getpid();
    header->function_count = memory->function_count;
    header->family_count = memory->family_count;
    header->shard_count = memory->shard_count;
    header->functions_offset = sizeof(*header);
    header->families_offset = sizeof(*header) + memory->function_count * sizeof(struct control_function);
    header->names_offset = memory->names_offset;
    header->counts_offset = memory->counts_offset;
    header->size = memory->size;
}

int control_memory_make(struct control_memory *memory, const struct core *core, uint32_t family_count)
{
    int error;

    if (memory->header) { /* the parent's: the descriptor is a copy of its */
        descriptor_close(&memory->mark, memory->fd);
        error = map(memory);
    } else {
        lay_out(memory, core, family_count, CONTROL_SHARDS);
        error = map(memory);
        if (error) { /* address space is limited */
            lay_out(memory, core, family_count, 1);
            error = map(memory);
        }
    }
    if (error)
        return error;
    memory->functions = (struct control_function *)(memory->header + 1);
    memory->families = (struct control_family *)(memory->functions + memory->function_count);
    memory->counts = (struct control_counts *)((char *)memory->header + memory->counts_offset);
    fill_header(memory);
    fill_functions(memory, core);
    return 0;
}

/* ---- counts ---- */

/* A page that cannot be had is an error here, where a touch would be SIGBUS.  Kernels before 5.14 are taken at their
 * word. */
static bool make_ready(struct control_memory *memory, size_t page)
{
    char *address = (char *)memory->counts + page * CONTROL_PAGE;
    int kept_errno = errno;
    bool is_there = madvise(address, CONTROL_PAGE, MADV_POPULATE_WRITE) == 0 || errno == EINVAL;

    errno = kept_errno;
    if (is_there)
        atomic_store_explicit(&memory->ready[page], 1, memory_order_relaxed);
    return is_there;
}

/*
 * Shards that have an owner, a bit each.  The first one is for all threads without one of their own: those whose end
 * would not be heard of, and those that come too late.
 */
static _Atomic uint32_t taken_shards = 1;
static __thread uint32_t own_shard; /* 0: the common one */

_Static_assert(CONTROL_SHARDS <= 32, "a bit for each");

void control_memory_take_shard(void)
{
    uint32_t taken = atomic_load(&taken_shards), shard;

    if (own_shard != 0)
        return;
    do {
        shard = (uint32_t)__builtin_ctz(~taken | UINT32_C(1) << 31);
        if (shard >= CONTROL_SHARDS)
            return;
    } while (!atomic_compare_exchange_weak(&taken_shards, &taken, taken | UINT32_C(1) << shard));
    own_shard = shard;
}

void control_memory_give_shard(void)
{
    uint32_t shard = own_shard;

    own_shard = 0;
    if (shard != 0)
        atomic_fetch_and(&taken_shards, ~(UINT32_C(1) << shard));
}

void control_memory_start_over(void)
{
    atomic_store(&taken_shards, 1 | UINT32_C(1) << own_shard);
}

struct control_counts *control_memory_counts(struct control_memory *memory, size_t function, bool *is_own)
{
    uint32_t shard = own_shard < memory->shard_count ? own_shard : 0;
    size_t index = (size_t)shard * memory->function_count + function;
    size_t page = index / 2;

    if (!atomic_load_explicit(&memory->ready[page], memory_order_relaxed) && !make_ready(memory, page))
        return NULL;
    *is_own = shard != 0;
    return &memory->counts[index];
}
