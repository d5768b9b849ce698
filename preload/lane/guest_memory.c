/* One list of buffers: where each lies decides how it is freed, and what a fork does with it. */
#include "preload/lane/guest_memory.h"

#include "preload/fork.h"
#include "spec/base/log.h"
#include "spec/base/quiet_lock.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct buffer {
    void *data;
    size_t size;
    bool is_shared; /* in the arena */
    _Atomic(struct buffer *) next;
};

/* Kept for good: in a child the call that a handler has forked in goes on with its parent's. */
struct shared {
    struct memory memory;
    struct arena arena;
};

static struct {
    pthread_mutex_t lock;
    struct shared *shared; /* NULL: not made */
    bool is_refused;       /* not to be tried again */
    _Atomic(struct buffer *) buffers;
} guest = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- fork ---- */

/* A copy of one buffer takes the place of the shared pages. */
static void make_private(struct buffer *buffer)
{
    void *copy = mmap(NULL, buffer->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (copy == MAP_FAILED)
        return; /* stays shared with the parent: better than gone */
    memcpy(copy, buffer->data, buffer->size);
    if (mremap(copy, buffer->size, buffer->size, MREMAP_MAYMOVE | MREMAP_FIXED, buffer->data) == MAP_FAILED)
        munmap(copy, buffer->size);
}

/*
 * No lock is taken over the fork: a handler of the program's that runs after ours may call.  The list of buffers is
 * whole at any time, because it changes by one store.  The arena's books are not, if another thread was at work on
 * them: then they are left lying.  Empty ones take their place.
 */
static void forget_shared(struct shared *shared)
{
    if (pthread_mutex_trylock(&shared->arena.lock) == 0) {
        pthread_mutex_unlock(&shared->arena.lock);
        arena_finish(&shared->arena);
    }
    (void)!arena_init(&shared->arena, &shared->memory);
    descriptor_close(&shared->memory.mark, shared->memory.fd);
}

/* The mapping stays where no buffer was: pointers into it may be anywhere. */
static void start_over(void)
{
    for (struct buffer *buffer = atomic_load(&guest.buffers); buffer; buffer = buffer->next)
        if (buffer->is_shared) {
            make_private(buffer);
            buffer->is_shared = false;
        }
    if (guest.shared)
        forget_shared(guest.shared);
    guest.shared = NULL;
    guest.is_refused = false;
    pthread_mutex_init(&guest.lock, NULL);
}

static struct fork_part fork_part = {.start_over = start_over};

/* ---- the memory ---- */

/* Address space is all this takes; where it is limited, less of it. */
static const uint64_t arena_sizes[] = {UINT64_C(4) << 30, UINT64_C(1) << 30, 256 << 20, 32 << 20};

static int make_memory(struct shared *made, const char *path)
{
    int error = -ENOMEM;

    for (size_t i = 0; error && i < COUNT_OF(arena_sizes); i++)
        error = memory_create(&made->memory, arena_sizes[i], path);
    if (error)
        return error;
    error = arena_init(&made->arena, &made->memory);
    if (error)
        memory_finish(&made->memory);
    return error;
}

static int make_shared(const char *path)
{
    struct shared *made = calloc(1, sizeof(*made));
    int error = made ? make_memory(made, path) : -ENOMEM;

    if (error)
        free(made);
    else
        guest.shared = made;
    return error;
}

/* The program may have closed our number, or put a file of its own there, which is nothing for a host. */
static struct arena *usable_arena(void)
{
    const struct memory *memory = &guest.shared->memory;

    return descriptor_is_ours(&memory->mark, memory->fd) ? &guest.shared->arena : NULL;
}

static struct arena *arena_locked(struct core *core)
{
    const char *path = core->settings.shared_memory;
    int error;

    if (guest.shared || guest.is_refused)
        return guest.shared ? usable_arena() : NULL;
    error = fork_watch(&fork_part);
    if (!error)
        error = make_shared(path);
    if (error == -EMFILE ||
        error == -ENFILE) /* the connection will miss one too, and says so; there may be one later */
        return NULL;
    guest.is_refused = error;
    if (error)
        log_write(path ? LOG_ERROR : LOG_INFO,
                  "%s%s: no shared memory can be made there: %s; buffers travel over sockets",
                  path ? "WINAPI_SHARED_MEM=" : "memfd", path ? path : "", strerror(-error));
    return error ? NULL : &guest.shared->arena;
}

struct arena *guest_memory_arena(struct core *core)
{
    struct arena *arena;
    sigset_t before;

    fork_check();
    quiet_lock(&guest.lock, &before);
    arena = arena_locked(core);
    quiet_unlock(&guest.lock, &before);
    return arena;
}

/* ---- buffers ---- */

static size_t whole_pages(size_t size)
{
    return (size + MEMORY_PAGE - 1) & ~(size_t)(MEMORY_PAGE - 1);
}

static bool place_buffer(struct core *core, struct buffer *buffer)
{
    struct arena *arena = core ? arena_locked(core) : NULL;
    uint64_t offset;

    buffer->is_shared = arena && arena_take(arena, buffer->size, &offset) == 0;
    if (buffer->is_shared)
        buffer->data = memory_at(arena->memory, offset, buffer->size);
    else
        buffer->data = mmap(NULL, buffer->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return buffer->data != MAP_FAILED;
}

void *guest_memory_take(struct core *core, size_t size)
{
    struct buffer *buffer = malloc(sizeof(*buffer));
    void *data = NULL;
    sigset_t before;

    if (!buffer)
        return NULL;
    fork_check();
    quiet_lock(&guest.lock, &before);
    *buffer = (struct buffer){.size = whole_pages(size), .next = atomic_load(&guest.buffers)};
    if (place_buffer(core, buffer)) {
        guest.buffers = buffer;
        data = buffer->data;
    }
    quiet_unlock(&guest.lock, &before);
    if (!data)
        free(buffer);
    return data;
}

static struct buffer *unlink_buffer(const void *data)
{
    _Atomic(struct buffer *) *at = &guest.buffers;
    struct buffer *buffer;

    while ((buffer = atomic_load(at)) && buffer->data != data)
        at = &buffer->next;
    if (buffer)
        atomic_store(at, atomic_load(&buffer->next));
    return buffer;
}

static void release(const struct buffer *buffer)
{
    uint64_t offset;

    if (!buffer->is_shared)
        munmap(buffer->data, buffer->size);
    else if (guest.shared && memory_contains(&guest.shared->memory, buffer->data, 1, &offset))
        (void)!arena_give(&guest.shared->arena, offset);
}

bool guest_memory_give(void *data)
{
    struct buffer *buffer;
    sigset_t before;

    fork_check();
    quiet_lock(&guest.lock, &before);
    buffer = unlink_buffer(data);
    if (buffer)
        release(buffer);
    quiet_unlock(&guest.lock, &before);
    free(buffer);
    return buffer != NULL;
}
