/* The writer's way out of the memory that it was given. */
#include "spec/wire/bytes.h"

/* At least twice as much as before, so that many small writes copy each byte only a few times. */
static uint8_t *larger(struct writer *writer, size_t needed, size_t *capacity)
{
    *capacity = writer->capacity < SIZE_MAX / 2 ? writer->capacity * 2 : SIZE_MAX;
    if (*capacity < needed)
        *capacity = needed;
    return writer->overflow != NULL ? scratch_take(writer->overflow, *capacity) : NULL;
}

bool writer_grow(struct writer *writer, size_t size)
{
    size_t capacity;
    uint8_t *data = size > SIZE_MAX - writer->size ? NULL : larger(writer, writer->size + size, &capacity);

    if (data == NULL) {
        writer->failed = true;
        return false;
    }
    if (writer->size != 0)
        memcpy(data, writer->data, writer->size);
    writer->data = data;
    writer->capacity = capacity;
    return true;
}

void writer_bytes(struct writer *writer, const void *bytes, size_t size)
{
    uint8_t *room = size != 0 ? writer_room(writer, size) : NULL;

    if (room != NULL)
        memcpy(room, bytes, size);
}
