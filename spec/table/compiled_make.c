/*
 * Writing: each struct is copied behind those that it points to, with offsets instead of its pointers.  Equal ones are
 * written once: most rows have the same few types and sizes.
 *
 * An offset of a string has its highest bit set until the end, when it is known where the strings begin.
 */
#include "spec/table/compiled.h"

#include "spec/base/hash.h"
#include "spec/base/own.h"
#include "spec/base/text.h"
#include "spec/table/catalog.h"
#include "spec/table/compiled_layout.h"
#include "spec/table/expression_tree.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum { NESTING_MOST = 32, SLOTS_FIRST = 1024 };

#define IN_STRINGS (UINT64_C(1) << 63)
#define BASE_FIRST UINT64_C(0x2a0000000000) /* programs, libraries and heaps lie higher or far lower */
#define BASE_STEP  UINT64_C(0x10000000)
#define BASE_STEPS UINT64_C(0xffff)

struct slot {
    uint64_t hash; /* 0: free */
    uint64_t size;
    uint64_t word; /* what was written: an offset */
};

/* What was written so far, by a hash of it; open addressing over a power of two. */
struct written {
    struct slot *slots;
    size_t capacity, count;
};

struct writer {
    struct text words, strings;
    struct text marks;      /* a byte for each word */
    struct written copies;  /* by contents */
    struct written sources; /* by address */
    const struct table *table;
    uint64_t table_word;
    unsigned nesting;
    int error;
};

static uint64_t place(struct writer *writer, enum shape shape, const void *source, size_t count);

static void fail(struct writer *writer, int error)
{
    if (!writer->error)
        writer->error = error;
}

/* ---- what was written before ---- */

static struct slot *free_slot(const struct written *written, uint64_t hash)
{
    size_t at = (size_t)hash & (written->capacity - 1);

    while (written->slots[at].hash)
        at = (at + 1) & (written->capacity - 1);
    return &written->slots[at];
}

static int grow(struct written *written)
{
    struct written larger = {.capacity = written->capacity ? written->capacity * 2 : SLOTS_FIRST,
                             .count = written->count};

    larger.slots = calloc(larger.capacity, sizeof(*larger.slots));
    if (!larger.slots)
        return -ENOMEM;
    for (size_t i = 0; i < written->capacity; i++)
        if (written->slots[i].hash)
            *free_slot(&larger, written->slots[i].hash) = written->slots[i];
    free(written->slots);
    *written = larger;
    return 0;
}

static void remember(struct writer *writer, struct written *written, struct slot slot)
{
    if (written->count * 2 >= written->capacity && grow(written)) {
        fail(writer, -ENOMEM);
        return;
    }
    *free_slot(written, slot.hash) = slot;
    written->count++;
}

/* The next one with this hash and size, from *at on. */
static const struct slot *next_alike(const struct written *written, uint64_t hash, uint64_t size, size_t *at)
{
    for (; written->capacity; ++*at) {
        const struct slot *slot = &written->slots[*at & (written->capacity - 1)];

        if (slot->hash == 0)
            return NULL;
        if (slot->hash == hash && slot->size == size) {
            ++*at;
            return slot;
        }
    }
    return NULL;
}

static const char *bytes_at(const struct writer *writer, uint64_t word)
{
    return word & IN_STRINGS ? writer->strings.data + (word & ~IN_STRINGS) : writer->words.data + word;
}

/* ---- bytes ---- */

static void add_nothing(struct text *text, size_t size)
{
    static const char nothing[64];

    for (size_t part; size; size -= part) {
        part = size < sizeof(nothing) ? size : sizeof(nothing);
        text_add_bytes(text, nothing, part);
    }
}

static void pad(struct text *text)
{
    add_nothing(text, (8 - text->size % 8) % 8);
}

/* Written as it is, unless the same bytes are there. */
static uint64_t write_once(struct writer *writer, enum shape shape, const void *bytes, size_t size)
{
    bool is_text = shape == SHAPE_STRING || shape == SHAPE_BYTES;
    struct text *to = is_text ? &writer->strings : &writer->words;
    uint64_t hash = hash_bytes(bytes, size, shape) | 1;
    size_t at = (size_t)hash;
    const struct slot *same;
    uint64_t word;

    while ((same = next_alike(&writer->copies, hash, size, &at)))
        if (((same->word & IN_STRINGS) != 0) == is_text && memcmp(bytes_at(writer, same->word), bytes, size) == 0)
            return same->word;
    word = to->size | (is_text ? IN_STRINGS : 0);
    text_add_bytes(to, bytes, size);
    if (to->failed)
        fail(writer, -ENOMEM);
    else
        remember(writer, &writer->copies, (struct slot){hash, size, word});
    return word;
}

static void mark(struct writer *writer, uint64_t word, enum shape shape, size_t count)
{
    const struct shape_of *is = &compiled_shapes[shape];

    pad(&writer->words);
    add_nothing(&writer->marks, writer->words.size / 8 - writer->marks.size);
    if (writer->marks.failed || writer->words.failed) {
        fail(writer, -ENOMEM);
        return;
    }
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < is->pointer_count; j++)
            writer->marks.data[(word + i * is->size + is->pointers[j].offset) / 8] = 1;
}

/* ---- structs ---- */

static void place_behind(struct writer *writer, char *copy, const struct shape_pointer *pointer)
{
    const void *source;
    size_t count = 1;
    uint64_t word;

    memcpy(&source, copy + pointer->offset, sizeof(source));
    if (pointer->count != ONE)
        memcpy(&count, copy + pointer->count, sizeof(count));
    word = place(writer, pointer->to, source, count);
    memcpy(copy + pointer->offset, &word, sizeof(word));
}

static uint64_t place_structs(struct writer *writer, enum shape shape, const void *source, size_t count)
{
    const struct shape_of *is = &compiled_shapes[shape];
    AUTO_FREE char *copy = calloc(count, is->size);
    uint64_t word;

    if (!copy) {
        fail(writer, -ENOMEM);
        return 0;
    }
    memcpy(copy, source, count * is->size);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < is->pointer_count && !writer->error; j++)
            place_behind(writer, copy + i * is->size, &is->pointers[j]);
    if (writer->error)
        return 0;
    word = write_once(writer, shape, copy, count * is->size);
    if (shape != SHAPE_BYTES)
        mark(writer, word, shape, count);
    return word;
}

/*
 * What an expression is made of goes before it, the leaves first, so that a deep one takes no more stack than a flat
 * one: each finds its parts written.
 */
static void place_parts(struct writer *writer, const struct expression *whole)
{
    AUTO_FREE const struct expression **parts = NULL;
    size_t count = 0;

    if (!whole->left && !whole->right)
        return;
    parts = calloc(EXPRESSION_NODES_MOST, sizeof(*parts));
    if (!parts) {
        fail(writer, -ENOMEM);
        return;
    }
    parts[count++] = whole;
    for (size_t i = 0; i < count; i++) {
        const struct expression *below[] = {parts[i]->left, parts[i]->right, parts[i]->condition};

        for (size_t j = 0; j < COUNT_OF(below); j++)
            if (below[j] && count < EXPRESSION_NODES_MOST)
                parts[count++] = below[j];
    }
    while (count > 1)
        place(writer, SHAPE_EXPRESSION, parts[--count], 1);
}

/* The same object is met through many rows. */
static uint64_t place_once(struct writer *writer, enum shape shape, const void *source, size_t count)
{
    const uintptr_t key[] = {(uintptr_t)source, count};
    uint64_t hash = hash_bytes(key, sizeof(key), shape) | 1;
    size_t at = (size_t)hash;
    const struct slot *same = next_alike(&writer->sources, hash, (uintptr_t)source, &at);
    uint64_t word;

    if (same)
        return same->word;
    if (shape == SHAPE_EXPRESSION)
        place_parts(writer, source);
    if (++writer->nesting > NESTING_MOST) { /* a circle, or more than a small stack should bear */
        fail(writer, -E2BIG);
        return 0;
    }
    word = place_structs(writer, shape, source, count);
    writer->nesting--;
    if (!writer->error)
        remember(writer, &writer->sources, (struct slot){hash, (uintptr_t)source, word});
    return word;
}

/* Gives what stands for the pointer.  Of nothing there is an address all the same, as in a table that was read. */
static uint64_t place(struct writer *writer, enum shape shape, const void *source, size_t count)
{
    if (!source || writer->error)
        return 0;
    if (shape == SHAPE_TABLE)
        return writer->table_word;
    if (shape == SHAPE_STRING)
        return write_once(writer, shape, source, strlen(source) + 1);
    return count ? place_once(writer, shape, source, count) : IN_STRINGS;
}

/* ---- tables ---- */

/* `words` are written as pointers.  Their offset. */
static uint64_t write_pointers(struct writer *writer, const uint64_t *words, size_t count)
{
    uint64_t start = writer->words.size;

    text_add_bytes(&writer->words, words, count * sizeof(*words));
    mark(writer, start, SHAPE_STRING, 0); /* makes room for the marks */
    for (size_t i = 0; !writer->error && i < count; i++)
        writer->marks.data[start / 8 + i] = 1;
    return start;
}

/* The rows of `by_name`, each as an offset: its table's rows lie together. */
static uint64_t write_names(struct writer *writer, const struct catalog *catalog, const uint64_t *rows_words,
                            const struct row *const *by_name, size_t count)
{
    AUTO_FREE uint64_t *words = calloc(count + 1, sizeof(*words));

    if (!words) {
        fail(writer, -ENOMEM);
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        size_t table = 0;

        while (catalog->tables[table] != by_name[i]->table)
            table++;
        words[i] = rows_words[table] + by_name[i]->index * sizeof(struct row);
    }
    return write_pointers(writer, words, count);
}

/* The table comes before its rows, which point back to it.  *rows: where those lie. */
static uint64_t write_table(struct writer *writer, const struct table *table, uint64_t *rows)
{
    struct table copy = *table;
    uint64_t word = writer->words.size;

    copy.rows = NULL;
    copy.by_name = NULL;
    text_add_bytes(&writer->words, &copy, sizeof(copy));
    mark(writer, word, SHAPE_TABLE, 1);
    writer->table_word = word;
    for (size_t i = 0; i < compiled_shapes[SHAPE_TABLE].pointer_count; i++)
        place_behind(writer, (char *)&copy, &compiled_shapes[SHAPE_TABLE].pointers[i]);
    *rows = place(writer, SHAPE_ROW, table->rows, table->row_count);
    if (!writer->error)
        memcpy(writer->words.data + word, &copy, sizeof(copy));
    return word;
}

static void write_pointer(struct writer *writer, uint64_t at, uint64_t word)
{
    if (writer->error)
        return;
    memcpy(writer->words.data + at, &word, sizeof(word));
    writer->marks.data[at / 8] = 1;
}

static void write_tables(struct writer *writer, const struct catalog *catalog, struct compiled_header *header)
{
    AUTO_FREE uint64_t *tables = calloc(catalog->table_count + 1, sizeof(*tables));
    AUTO_FREE uint64_t *rows = calloc(catalog->table_count + 1, sizeof(*rows));

    if (!tables || !rows) {
        fail(writer, -ENOMEM);
        return;
    }
    for (size_t i = 0; i < catalog->table_count && !writer->error; i++)
        tables[i] = write_table(writer, catalog->tables[i], &rows[i]);
    for (size_t i = 0; i < catalog->table_count && !writer->error; i++) {
        const struct table *table = catalog->tables[i];

        write_pointer(writer, tables[i] + offsetof(struct table, rows), rows[i]);
        write_pointer(writer, tables[i] + offsetof(struct table, by_name),
                      write_names(writer, catalog, rows, table->by_name, table->row_count));
    }
    header->tables = write_pointers(writer, tables, catalog->table_count);
    header->by_name = write_names(writer, catalog, rows, catalog->by_name, catalog->row_count);
    header->table_count = catalog->table_count;
    header->row_count = catalog->row_count;
}

/* ---- the whole ---- */

/* Addresses instead of offsets. */
static void settle_pointers(struct writer *writer, const struct compiled_header *header)
{
    for (size_t i = 0; i < header->words / 8; i++) {
        uint64_t word;

        memcpy(&word, writer->words.data + i * 8, sizeof(word));
        if (!writer->marks.data[i] || word == 0)
            continue;
        word = header->base + (word & IN_STRINGS ? header->words + (word & ~IN_STRINGS) : word);
        memcpy(writer->words.data + i * 8, &word, sizeof(word));
    }
}

static void fill_marks(const struct writer *writer, uint8_t *marks, size_t words)
{
    for (size_t i = 0; i < words; i++) {
        uint64_t word;

        memcpy(&word, writer->words.data + i * 8, sizeof(word));
        if (writer->marks.data[i] && word) /* what points to nothing stays so */
            marks[i / 8] |= (uint8_t)(1u << i % 8);
    }
}

static int assemble(struct writer *writer, struct compiled_header *header, uint8_t **bytes)
{
    pad(&writer->strings);
    if (writer->strings.failed)
        return -ENOMEM;
    header->words = writer->words.size;
    header->marks = header->words + writer->strings.size;
    header->size = header->marks + compiled_marks_size(header->words);
    if (header->size > COMPILED_SIZE_MOST)
        return -E2BIG;
    settle_pointers(writer, header);
    *bytes = calloc(1, header->size);
    if (!*bytes)
        return -ENOMEM;
    memcpy(*bytes, writer->words.data, header->words);
    memcpy(*bytes + header->words, writer->strings.data, writer->strings.size);
    fill_marks(writer, *bytes + header->marks, header->words / 8);
    memcpy(*bytes, header, sizeof(*header));
    header->checksum = hash_bytes(*bytes + COMPILED_CHECKED_FROM, header->size - COMPILED_CHECKED_FROM, 0);
    memcpy(*bytes, header, sizeof(*header));
    return 0;
}

int compiled_make(const struct catalog *catalog, uint64_t contents, uint8_t **bytes, size_t *size)
{
    struct compiled_header header = {.magic = COMPILED_MAGIC, .build = compiled_build(), .contents = contents};
    struct writer writer = {0};

    header.base = BASE_FIRST + contents % BASE_STEPS * BASE_STEP;
    text_add_bytes(&writer.words, &header, sizeof(header));
    text_add_bytes(&writer.strings, "\0\0\0\0\0\0\0\0", 8); /* where those point that have no element */
    if (writer.words.failed || writer.strings.failed)
        writer.error = -ENOMEM;
    if (!writer.error)
        write_tables(&writer, catalog, &header);
    if (!writer.error)
        writer.error = assemble(&writer, &header, bytes);
    *size = header.size;
    text_finish(&writer.words);
    text_finish(&writer.strings);
    text_finish(&writer.marks);
    free(writer.copies.slots);
    free(writer.sources.slots);
    return writer.error;
}
