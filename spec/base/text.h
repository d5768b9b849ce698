/*
 * Text that grows: messages, diagnostics, trace lines.
 *
 * A text stays failed once memory has run out: check `failed` once, at the end.  `data` is NUL-terminated, or NULL
 * while nothing was added.
 */
#ifndef WINAPI_SPEC_BASE_TEXT_H
#define WINAPI_SPEC_BASE_TEXT_H

#include "spec/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct text {
    char *data;
    size_t size;     /* bytes, without the NUL */
    size_t capacity; /* bytes allocated */
    bool failed;     /* out of memory; what was added before is kept */
};

/* Frees what the text holds; the struct may be used again. */
void text_finish(struct text *text);

void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const void *bytes, size_t size);
void text_format(struct text *text, const char *format, ...) FORMAT_LIKE(2, 3);

/* Adds bytes as the inside of a C string literal: \n, \", \x01 ... */
void text_add_escaped(struct text *text, const void *bytes, size_t size);

#define AUTO_TEXT __attribute__((cleanup(text_finish)))

#endif
