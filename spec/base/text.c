/*
 * Growing text: one allocation, doubled when it is full, always NUL-terminated.
 *
 * Formatting is tried in the room that is left; only what does not fit costs a second pass.
 */
#include "spec/base/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_FIRST_CAPACITY = 64 };

void text_finish(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}

static size_t grown_capacity(const struct text *text, size_t needed)
{
    size_t capacity = text->capacity ? text->capacity : TEXT_FIRST_CAPACITY;

    while (capacity < needed)
        capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
    return capacity;
}

/* Makes room for `size` more bytes and the NUL.  False: the text has failed, now or before. */
static bool text_reserve(struct text *text, size_t size)
{
    if (text->failed)
        return false;
    if (size < text->capacity - text->size)
        return true;
    if (size >= SIZE_MAX - text->size) {
        text->failed = true;
        return false;
    }

    size_t capacity = grown_capacity(text, text->size + size + 1);
    char *data = realloc(text->data, capacity);

    if (!data) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

void text_add_bytes(struct text *text, const void *bytes, size_t size)
{
    if (!text_reserve(text, size))
        return;
    if (size)
        memcpy(text->data + text->size, bytes, size);
    text->size += size;
    text->data[text->size] = '\0';
}

void text_add(struct text *text, const char *string)
{
    text_add_bytes(text, string, strlen(string));
}

/* vsnprintf into the room that is left; what it returns, and the text is as before when it did not fit. */
static int format_in_place(struct text *text, const char *format, va_list arguments)
{
    size_t room = text->capacity - text->size;
    int length = vsnprintf(text->data + text->size, room, format, arguments);

    if (length >= 0 && (size_t)length < room)
        text->size += (size_t)length;
    else
        text->data[text->size] = '\0';
    return length;
}

void text_format(struct text *text, const char *format, ...)
{
    va_list arguments, again;

    if (!text_reserve(text, 1))
        return;

    va_start(arguments, format);
    va_copy(again, arguments);

    size_t before = text->size;
    int length = format_in_place(text, format, arguments);

    if (length < 0)
        text->failed = true;
    else if (text->size - before != (size_t)length && text_reserve(text, (size_t)length))
        format_in_place(text, format, again);

    va_end(again);
    va_end(arguments);
}

/* The letter after the backslash for bytes that have one, else 0. */
static char escape_letter(unsigned char byte)
{
    switch (byte) {
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    case '"':
    case '\\':
        return (char)byte;
    default:
        return 0;
    }
}

/*
 * A byte without a letter is written with three octal digits when a hexadecimal digit follows it: C would read
 * "\x01" "f" as one escape.
 */
static void add_escaped_byte(struct text *text, unsigned char byte, bool before_hex_digit)
{
    char letter = escape_letter(byte);

    if (letter)
        text_add_bytes(text, (char[]){'\\', letter}, 2);
    else if (byte >= 0x20 && byte < 0x7f)
        text_add_bytes(text, &byte, 1);
    else
        text_format(text, before_hex_digit ? "\\%03o" : "\\x%02x", (unsigned)byte);
}

static bool is_hex_digit(unsigned char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

void text_add_escaped(struct text *text, const void *bytes, size_t size)
{
    const unsigned char *byte = bytes;

    for (size_t i = 0; i < size; i++)
        add_escaped_byte(text, byte[i], i + 1 < size && is_hex_digit(byte[i + 1]));
}
