/* The host's table of one client's handles, and the guest's door, which is the identity. */
#include "spec/call/handle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TAG = 0x5741, GENERATION_BITS = 12, PLACE_BITS = 20 };

static uint64_t handle_value(const struct handle_table *table, size_t place)
{
    return (uint64_t)TAG << 48 | (uint64_t)table->salt << 32 |
           (uint64_t)(table->slots[place].generation & ((1u << GENERATION_BITS) - 1)) << PLACE_BITS | place;
}

int handle_table_init(struct handle_table *table, uint16_t salt)
{
    memset(table, 0, sizeof(*table));
    table->salt = salt;
    return -pthread_mutex_init(&table->lock, NULL);
}

void handle_table_finish(struct handle_table *table)
{
    free(table->slots);
    pthread_mutex_destroy(&table->lock);
}

/* The slot that a value names, or NULL when the value is not one of ours. */
static struct handle_slot *slot_of(struct handle_table *table, uint64_t wire)
{
    size_t place = wire & ((1u << PLACE_BITS) - 1);

    if (place >= table->count || !table->slots[place].pointer || handle_value(table, place) != wire)
        return NULL;
    return &table->slots[place];
}

static int find_free(struct handle_table *table, size_t *place)
{
    struct handle_slot *grown;
    size_t capacity;

    while (table->free_hint < table->count && table->slots[table->free_hint].pointer)
        table->free_hint++;
    *place = table->free_hint;
    if (*place < table->capacity)
        return 0;
    if (table->capacity >= HANDLES_MOST)
        return -EMFILE;
    capacity = table->capacity ? table->capacity * 2 : 64;
    grown = realloc(table->slots, capacity * sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    memset(grown + table->capacity, 0, (capacity - table->capacity) * sizeof(*grown));
    table->slots = grown;
    table->capacity = capacity;
    return 0;
}

static int add_locked(struct handle_table *table, const char *class, void *pointer, uint64_t *wire)
{
    size_t place;
    int error;

    for (place = 0; place < table->count; place++)
        if (table->slots[place].pointer == pointer && strcmp(table->slots[place].class, class) == 0) {
            *wire = handle_value(table, place);
            return 0;
        }
    error = find_free(table, &place);
    if (error)
        return error;
    table->slots[place].pointer = pointer;
    table->slots[place].class = class;
    if (place >= table->count)
        table->count = place + 1;
    *wire = handle_value(table, place);
    return 0;
}

int handle_table_add(struct handle_table *table, const char *class, void *pointer, uint64_t *wire)
{
    int error;

    *wire = 0;
    if (!pointer)
        return 0;
    pthread_mutex_lock(&table->lock);
    error = add_locked(table, class, pointer, wire);
    pthread_mutex_unlock(&table->lock);
    return error;
}

int handle_table_find(struct handle_table *table, const char *class, uint64_t wire, void **pointer)
{
    struct handle_slot *slot;
    int error = 0;

    *pointer = NULL;
    if (wire == 0)
        return 0;
    pthread_mutex_lock(&table->lock);
    slot = slot_of(table, wire);
    if (slot && strcmp(slot->class, class) == 0)
        *pointer = slot->pointer;
    else
        error = -EBADF;
    pthread_mutex_unlock(&table->lock);
    return error;
}

void handle_table_remove(struct handle_table *table, uint64_t wire)
{
    struct handle_slot *slot;

    pthread_mutex_lock(&table->lock);
    slot = slot_of(table, wire);
    if (slot) {
        slot->pointer = NULL;
        slot->generation++;
        if ((size_t)(slot - table->slots) < table->free_hint)
            table->free_hint = (size_t)(slot - table->slots);
    }
    pthread_mutex_unlock(&table->lock);
}

size_t handle_table_live(struct handle_table *table)
{
    size_t live = 0;

    pthread_mutex_lock(&table->lock);
    for (size_t i = 0; i < table->count; i++)
        live += table->slots[i].pointer != NULL;
    pthread_mutex_unlock(&table->lock);
    return live;
}

static int table_export(void *context, const char *class, void *local, uint64_t *wire)
{
    return handle_table_add(context, class, local, wire);
}

static int table_import(void *context, const char *class, uint64_t wire, void **local)
{
    return handle_table_find(context, class, wire, local);
}

struct handle_door handle_table_door(struct handle_table *table)
{
    return (struct handle_door){.export = table_export, .import = table_import, .context = table};
}

static int guest_export(void *context, const char *class, void *local, uint64_t *wire)
{
    (void)context;
    (void)class;
    *wire = (uintptr_t)local;
    return 0;
}

static int guest_import(void *context, const char *class, uint64_t wire, void **local)
{
    (void)context;
    (void)class;
    *local = (void *)(uintptr_t)wire;
    return 0;
}

const struct handle_door handle_door_guest = {.export = guest_export, .import = guest_import};
