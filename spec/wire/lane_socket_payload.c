/* Payload memory of socket lanes: private, or lent by the program. */
#include "spec/wire/lane_medium.h"

#include <errno.h>
#include <sys/mman.h>

enum { HUGE_LEAST = 4 << 20 }; /* payload memory from this size on is better had in huge pages */

int lane_socket_grow(struct lane *lane, uint64_t size)
{
    uint64_t whole;
    void *payload;

    if (lane->payload != NULL && size <= lane->payload_size)
        return 0;
    if (size > SIZE_MAX - MEMORY_PAGE)
        return -ENOMEM;

    whole = (size + MEMORY_PAGE - 1) / MEMORY_PAGE * MEMORY_PAGE;
    lane_socket_shrink(lane);
    payload = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (payload == MAP_FAILED)
        return -ENOMEM;
    if (whole >= HUGE_LEAST)
        (void)madvise(payload, whole, MADV_HUGEPAGE);

    lane->payload = payload;
    lane->payload_size = whole;
    return 0;
}

int lane_socket_provide(struct lane *lane)
{
    const struct frame *request = &lane->request;
    uint64_t end = 0, sum = 0;

    for (uint32_t i = 0; i < request->header.buffer_count; i++) {
        const struct frame_buffer *buffer = &request->buffers[i];

        if (buffer->size > lane->payload_most - sum)
            return -EMSGSIZE;
        sum += buffer->size;
        if (buffer->offset + buffer->size > end) /* frame_check() saw that this does not overflow */
            end = buffer->offset + buffer->size;
    }
    if (end > lane->payload_most)
        return -EMSGSIZE;

    return request->header.buffer_count != 0 ? lane_socket_grow(lane, end != 0 ? end : 1) : 0;
}

void lane_socket_shrink(struct lane *lane)
{
    if (lane->payload != NULL)
        munmap(lane->payload, lane->payload_size);
    lane->payload = NULL;
    lane->payload_size = 0;
}

/*
 * What is lent may be memory that the program's own handler of SIGSEGV provides at the first access, or takes back now
 * and then, as garbage collectors do.  The kernel only says EFAULT where a function would have got there, so it is
 * touched here.  Where nothing provides it the program ends, as it would have.
 */
void lane_socket_touch_to_read(const void *data, size_t size)
{
    const volatile uint8_t *bytes = data;

    for (size_t at = 0; at < size; at += MEMORY_PAGE)
        (void)bytes[at];
    if (size != 0)
        (void)bytes[size - 1];
}

void lane_socket_touch_to_write(void *data, size_t size)
{
    uint8_t *bytes = data;

    for (size_t at = 0; at < size; at += MEMORY_PAGE)
        __atomic_fetch_or(&bytes[at], 0, __ATOMIC_RELAXED);
    if (size != 0)
        __atomic_fetch_or(&bytes[size - 1], 0, __ATOMIC_RELAXED);
}
