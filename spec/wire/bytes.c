/* The cursors: every bound is checked in reader_bytes() and in writer_room(), and nowhere else. */
#include "spec/wire/bytes.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

/* ---- reading ---- */

void reader_start(struct reader *reader, const void *data, size_t size)
{
    *reader = (struct reader){.data = data, .size = size};
}

struct span reader_bytes(struct reader *reader, size_t size)
{
    struct span span = {0};

    if (reader->failed || size > reader->size - reader->at) {
        reader->failed = true;
        return span;
    }
    span = (struct span){.data = reader->data + reader->at, .size = size};
    reader->at += size;
    return span;
}

/* A number of that size; 0 when the reader has failed. */
static uint64_t reader_number(struct reader *reader, size_t size)
{
    struct span span = reader_bytes(reader, size);
    uint64_t value = 0;

    if (span.data != NULL)
        memcpy(&value, span.data, span.size);
    return le64toh(value);
}

uint8_t reader_u8(struct reader *reader)
{
    return (uint8_t)reader_number(reader, sizeof(uint8_t));
}

uint32_t reader_u32(struct reader *reader)
{
    return (uint32_t)reader_number(reader, sizeof(uint32_t));
}

uint64_t reader_u64(struct reader *reader)
{
    return reader_number(reader, sizeof(uint64_t));
}

int reader_end(const struct reader *reader)
{
    return reader->failed || reader->at != reader->size ? -EBADMSG : 0;
}

/* ---- writing ---- */

void writer_start(struct writer *writer, void *data, size_t capacity, struct scratch *overflow)
{
    *writer = (struct writer){.data = data, .capacity = capacity, .overflow = overflow};
}

/* At least twice as much as before, so that many small writes copy each byte only a few times. */
static bool writer_grow(struct writer *writer, size_t needed)
{
    size_t capacity = writer->capacity < SIZE_MAX / 2 ? writer->capacity * 2 : SIZE_MAX;
    uint8_t *data;

    if (writer->overflow == NULL)
        return false;
    if (capacity < needed)
        capacity = needed;
    data = scratch_take(writer->overflow, capacity);
    if (data == NULL)
        return false;

    if (writer->size != 0)
        memcpy(data, writer->data, writer->size);
    writer->data = data;
    writer->capacity = capacity;
    return true;
}

/* Where the next `size` bytes go; NULL when the writer has failed. */
static uint8_t *writer_room(struct writer *writer, size_t size)
{
    uint8_t *room;

    if (writer->failed)
        return NULL;
    if (size > writer->capacity - writer->size) {
        if (size > SIZE_MAX - writer->size || !writer_grow(writer, writer->size + size)) {
            writer->failed = true;
            return NULL;
        }
    }
    room = writer->data + writer->size;
    writer->size += size;
    return room;
}

void writer_bytes(struct writer *writer, const void *bytes, size_t size)
{
    uint8_t *room;

    if (size == 0)
        return;
    room = writer_room(writer, size);
    if (room != NULL)
        memcpy(room, bytes, size);
}

void writer_u8(struct writer *writer, uint8_t value)
{
    writer_bytes(writer, &value, sizeof(value));
}

void writer_u32(struct writer *writer, uint32_t value)
{
    value = htole32(value);
    writer_bytes(writer, &value, sizeof(value));
}

void writer_u64(struct writer *writer, uint64_t value)
{
    value = htole64(value);
    writer_bytes(writer, &value, sizeof(value));
}
