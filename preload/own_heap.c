/*
 * The library's own memory: malloc and its family for what is linked into libwinapi_preload.so, and nobody else.
 *
 * A call may come while its thread holds the lock of the program's allocator: from a malloc that the program brings
 * along, from a signal handler that interrupted libc's.  What is ours then must come from elsewhere.  So these names,
 * which do not leave the library, stand before libc's for all code in it, that of cJSON among it; and functions of
 * libc that allocate are not used (realpath, scandir, getcwd with NULL) or are here too.
 *
 * There is no lock: free blocks of one size are a stack that changes by compare-and-swap, new ones are cut from a
 * chunk by addition.  So a handler may interrupt it and allocate, a handler may leave it by longjmp (one block is
 * lost), and after a fork the child finds it whole, whatever other threads were doing.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    SMALLEST = 5, /* blocks have sizes of 2^5 to 2^17 bytes, with their heads */
    LARGEST = 17,
    CLASSES = LARGEST - SMALLEST + 1,
    MAPPED = CLASSES, /* larger ones are mappings */
    CHUNK_SIZE = 1 << 18,
    TAG_SHIFT = 44, /* an address takes 44 bits: the lowest four are zero, the highest sixteen the kernel's */
};

struct block {
    size_t class; /* index of its size, or MAPPED */
    union {
        _Atomic(struct block *) next; /* while it is free */
        size_t size;                  /* of a mapping */
    };
    unsigned char data[];
};

_Static_assert(sizeof(struct block) == 16, "what follows is aligned to 16 bytes");

struct chunk {
    _Atomic size_t used;
    size_t unused;
    unsigned char data[];
};

/*
 * The first free block of each size, and above it a number that grows with every change: without it a pop could put
 * back a `next` that was true before others took that block, its neighbour, and gave the block back.
 */
static _Atomic uint64_t heads[CLASSES];
static _Atomic(struct chunk *) chunk;

static struct block *head_block(uint64_t head)
{
    return (struct block *)(uintptr_t)((head & (((uint64_t)1 << TAG_SHIFT) - 1)) << 4);
}

static uint64_t make_head(const struct block *block, uint64_t before)
{
    return ((before >> TAG_SHIFT) + 1) << TAG_SHIFT | (uintptr_t)block >> 4;
}

static struct block *pop(size_t class)
{
    uint64_t head = atomic_load(&heads[class]);
    struct block *block;

    /* The block may be in use by now, and what is read of it any bytes: then the head has changed. */
    while ((block = head_block(head)))
        if (atomic_compare_exchange_weak(&heads[class], &head,
                                         make_head(atomic_load_explicit(&block->next, memory_order_relaxed), head)))
            break;
    return block;
}

static void push(struct block *block)
{
    uint64_t head = atomic_load(&heads[block->class]);

    do
        atomic_store_explicit(&block->next, head_block(head), memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&heads[block->class], &head, make_head(block, head)));
}

static void *map(size_t size)
{
    void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return mapped == MAP_FAILED ? NULL : mapped;
}

/* A chunk that another thread has just begun is as good; what is left of the old one stays unused. */
static int begin_chunk(struct chunk *before)
{
    struct chunk *made = map(CHUNK_SIZE);

    if (!made)
        return -ENOMEM;
    if (!atomic_compare_exchange_strong(&chunk, &before, made))
        munmap(made, CHUNK_SIZE);
    return 0;
}

static struct block *cut(size_t class)
{
    size_t size = (size_t)1 << (class + SMALLEST);

    for (;;) {
        struct chunk *current = atomic_load(&chunk);
        size_t at = current ? atomic_fetch_add(&current->used, size) : 0;

        if (current && at + size <= CHUNK_SIZE - sizeof(*current)) {
            struct block *block = (struct block *)(void *)(current->data + at);

            block->class = class;
            return block;
        }
        if (begin_chunk(current))
            return NULL;
    }
}

static void *take_mapped(size_t size)
{
    struct block *block = size <= SIZE_MAX - sizeof(*block) ? map(size + sizeof(*block)) : NULL;

    if (!block)
        return NULL;
    block->class = MAPPED;
    block->size = size + sizeof(*block);
    return block->data;
}

static size_t class_of(size_t size)
{
    size_t class = 0;

    while (class < CLASSES && ((size_t)1 << (class + SMALLEST)) - sizeof(struct block) < size)
        class ++;
    return class;
}

static void *take(size_t size)
{
    size_t class = class_of(size);
    struct block *block;

    if (class == MAPPED)
        return take_mapped(size);
    block = pop(class);
    if (!block)
        block = cut(class);
    return block ? block->data : NULL;
}

static struct block *block_of(void *data)
{
    return (struct block *)(void *)((unsigned char *)data - sizeof(struct block));
}

static void *take_or_say(size_t size)
{
    void *data = take(size);

    if (!data)
        errno = ENOMEM;
    return data;
}

/* ---- the family, as ISO C and POSIX have it ---- */

void *malloc(size_t size)
{
    return take_or_say(size);
}

void free(void *data)
{
    struct block *block = data ? block_of(data) : NULL;

    if (!block)
        return;
    if (block->class == MAPPED)
        munmap(block, block->size);
    else
        push(block);
}

void *calloc(size_t count, size_t size)
{
    size_t whole;
    void *data;

    if (__builtin_mul_overflow(count, size, &whole)) {
        errno = ENOMEM;
        return NULL;
    }
    data = take_or_say(whole);
    if (data && block_of(data)->class != MAPPED)
        memset(data, 0, whole);
    return data;
}

void *realloc(void *data, size_t size)
{
    size_t room;
    void *moved;

    if (!data)
        return malloc(size);
    room = block_of(data)->class == MAPPED ? block_of(data)->size : (size_t)1 << (block_of(data)->class + SMALLEST);
    room -= sizeof(struct block);
    if (size <= room)
        return data;
    moved = take_or_say(size);
    if (!moved)
        return NULL;
    memcpy(moved, data, room);
    free(data);
    return moved;
}

void *reallocarray(void *data, size_t count, size_t size)
{
    size_t whole;

    if (!__builtin_mul_overflow(count, size, &whole))
        return realloc(data, whole);
    errno = ENOMEM;
    return NULL;
}

char *strndup(const char *string, size_t most)
{
    size_t size = strnlen(string, most);
    char *copy = malloc(size + 1);

    if (!copy)
        return NULL;
    memcpy(copy, string, size);
    copy[size] = '\0';
    return copy;
}

char *strdup(const char *string)
{
    return strndup(string, strlen(string));
}

int vasprintf(char **made, const char *format, va_list arguments)
{
    va_list again;
    int size;

    va_copy(again, arguments);
    size = vsnprintf(NULL, 0, format, again);
    va_end(again);
    *made = size < 0 ? NULL : malloc((size_t)size + 1);
    return *made ? vsnprintf(*made, (size_t)size + 1, format, arguments) : -1;
}

int asprintf(char **made, const char *format, ...)
{
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vasprintf(made, format, arguments);
    va_end(arguments);
    return size;
}

/* ---- qsort, which allocates in glibc: merging, and so stable, as there ---- */

struct sorting {
    size_t size;
    int (*compare)(const void *left, const void *right);
    unsigned char *room; /* as much as is sorted */
};

static void merge(const struct sorting *sorting, unsigned char *first, size_t left, size_t right)
{
    const size_t size = sorting->size;
    unsigned char *to = sorting->room, *one = first, *other = first + left * size, *middle = other;
    unsigned char *end = other + right * size;

    while (one < middle && other < end) {
        unsigned char **from = sorting->compare(one, other) <= 0 ? &one : &other;

        memcpy(to, *from, size);
        *from += size;
        to += size;
    }
    memcpy(to, one, (size_t)(middle - one)); /* what is left of the other half is in its place */
    to += middle - one;
    memcpy(first, sorting->room, (size_t)(to - sorting->room));
}

static void swap_bytes(unsigned char *one, unsigned char *other, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = one[i];

        one[i] = other[i];
        other[i] = byte;
    }
}

/* Without a byte of room, slowly. */
static void sort_in_place(unsigned char *base, size_t count, const struct sorting *sorting)
{
    const size_t size = sorting->size;

    for (size_t i = 1; i < count; i++)
        for (unsigned char *at = base + i * size; at > base && sorting->compare(at - size, at) > 0; at -= size)
            swap_bytes(at - size, at, size);
}

void qsort(void *base, size_t count, size_t size, int (*compare)(const void *left, const void *right))
{
    struct sorting sorting = {size, compare, malloc(count * size)};

    if (!sorting.room) {
        sort_in_place(base, count, &sorting);
        return;
    }
    for (size_t width = 1; width < count; width *= 2)
        for (size_t at = 0; count - at > width; at += 2 * width) {
            size_t right = count - at - width < width ? count - at - width : width;

            merge(&sorting, (unsigned char *)base + at * size, width, right);
            if (at + width + right >= count)
                break;
        }
    free(sorting.room);
}
