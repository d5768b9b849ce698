/* winapi_alloc_buffer and winapi_free_buffer: always this side, in shared memory, so that the host need not copy. */
#include "preload/core.h"
#include "preload/lane/guest_memory.h"
#include "preload/loader/elf_object.h"

#include <errno.h>
#include <libwinapi.h> /* the installed header of the API that these two functions belong to */

__attribute__((visibility("default"))) int winapi_alloc_buffer(winapi_buffer_t *buffer, size_t size);
__attribute__((visibility("default"))) void winapi_free_buffer(winapi_buffer_t *buffer);

int winapi_alloc_buffer(winapi_buffer_t *buffer, size_t size)
{
    struct core *core = core_prepare();
    int kept_errno = errno;

    if (!buffer)
        return WINAPI_ERROR_PARAMETER;
    *buffer = (winapi_buffer_t){0};
    if (size == 0 || size > WINAPI_ALLOC_SIZE_MOST)
        return WINAPI_ERROR_BUFFER_SIZE;
    core_enter();
    buffer->data = guest_memory_take(core, size);
    core_leave();
    errno = kept_errno;
    if (!buffer->data)
        return WINAPI_ERROR_MEMORY;
    buffer->size = size;
    return WINAPI_SUCCESS;
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
    int kept_errno = errno;
    bool given;

    if (!buffer || !buffer->data)
        return;
    core_enter();
    given = guest_memory_give(buffer->data);
    core_leave();
    if (!given)
        give_native(buffer);
    *buffer = (winapi_buffer_t){0};
    errno = kept_errno;
}
