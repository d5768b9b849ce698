/* Buffers for the program: pieces of the arena, each a mapping's worth of zeroed pages. */
#include "preload/buffers.h"

#include "preload/core.h"
#include "preload/elf_object.h"
#include "preload/lane_pool.h"

#include <errno.h>
#include <libwinapi.h> /* the installed header of the API that these two functions belong to */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Buffers outside the arena: where that was full, and what a forked child inherited.  Freed by unmapping. */
struct inherited {
    void *data;
    size_t size;
    struct inherited *next;
};

static struct inherited *inherited;
static pthread_mutex_t inherited_lock = PTHREAD_MUTEX_INITIALIZER; /* taken with signals blocked */

__attribute__((visibility("default"))) int winapi_alloc_buffer(winapi_buffer_t *buffer, size_t size);
__attribute__((visibility("default"))) void winapi_free_buffer(winapi_buffer_t *buffer);

static void block_signals(sigset_t *before)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, before);
}

static void note_down(struct inherited *note, void *data, size_t size)
{
    pthread_mutex_lock(&inherited_lock);
    *note = (struct inherited){data, size, inherited};
    inherited = note;
    pthread_mutex_unlock(&inherited_lock);
}

/* Where there is no arena or it is full: ordinary pages, which are copied when a call needs them. */
static void *take_ordinary(size_t size)
{
    struct inherited *note = malloc(sizeof(*note));
    void *data = note ? mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : MAP_FAILED;

    if (data == MAP_FAILED) {
        free(note);
        return NULL;
    }
    note_down(note, data, size);
    return data;
}

static void *take(struct core *core, size_t size)
{
    struct arena *arena = core ? lane_pool_arena(core) : NULL;
    uint64_t offset;

    if (arena && arena_take(arena, size, &offset) == 0)
        return memory_at(arena->memory, offset, size);
    return take_ordinary(size);
}

int winapi_alloc_buffer(winapi_buffer_t *buffer, size_t size)
{
    struct core *core = core_prepare();
    int kept_errno = errno;
    sigset_t before;

    if (!buffer)
        return WINAPI_ERROR_PARAMETER;
    *buffer = (winapi_buffer_t){0};
    if (size == 0 || size > WINAPI_ALLOC_SIZE_MOST)
        return WINAPI_ERROR_BUFFER_SIZE;
    core_enter();
    block_signals(&before);
    buffer->data = take(core, size);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    core_leave();
    errno = kept_errno;
    if (!buffer->data)
        return WINAPI_ERROR_MEMORY;
    buffer->size = size;
    return WINAPI_SUCCESS;
}

static struct inherited *find_note(const void *data)
{
    struct inherited **at = &inherited;
    struct inherited *note;

    pthread_mutex_lock(&inherited_lock);
    while (*at && (*at)->data != data)
        at = &(*at)->next;
    note = *at;
    if (note)
        *at = note->next;
    pthread_mutex_unlock(&inherited_lock);
    return note;
}

static bool give_ordinary(void *data)
{
    struct inherited *note = find_note(data);

    if (!note)
        return false;
    munmap(note->data, note->size);
    free(note);
    return true;
}

static bool give(struct core *core, void *data)
{
    struct arena *arena = core && lane_pool_has_address(data) ? lane_pool_arena(core) : NULL;
    uint64_t offset;

    if (arena && memory_contains(arena->memory, data, 1, &offset))
        return arena_give(arena, offset) == 0;
    return give_ordinary(data);
}

/* A buffer that was not made here came from the native function, before we were there or beside us. */
static void give_native(winapi_buffer_t *buffer)
{
    void (*native)(winapi_buffer_t *) = (void (*)(winapi_buffer_t *))elf_find_native("winapi_free_buffer");

    if (native)
        native(buffer);
}

void winapi_free_buffer(winapi_buffer_t *buffer)
{
    struct core *core = core_prepare();
    int kept_errno = errno;
    sigset_t before;
    bool given;

    if (!buffer || !buffer->data)
        return;
    core_enter();
    block_signals(&before);
    given = give(core, buffer->data);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    core_leave();
    if (!given)
        give_native(buffer);
    *buffer = (winapi_buffer_t){0};
    errno = kept_errno;
}

/* A copy of one buffer takes the place of the shared pages. */
static void make_private(void *data, size_t size)
{
    struct inherited *note = malloc(sizeof(*note));
    void *copy = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (!note || copy == MAP_FAILED) {
        free(note);
        return; /* stays shared with the parent: better than gone */
    }
    memcpy(copy, data, size);
    if (mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, data) == MAP_FAILED)
        munmap(copy, size);
    note_down(note, data, size);
}

void buffers_after_fork(struct memory *memory, struct arena *arena)
{
    pthread_mutex_init(&inherited_lock, NULL);
    for (size_t i = 0; i < arena->count; i++)
        make_private(memory_at(memory, arena->used[i].offset, arena->used[i].size), arena->used[i].size);
    close(memory->fd);
    memory->fd = -1;
    memory->base = NULL; /* the rest of the mapping stays: pointers into it may be anywhere */
}
