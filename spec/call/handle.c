/* The host's table of one client's handles, and the guest's door, which is the identity. */
#include "spec/call/handle.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

enum { TAG = 0x5741, GENERATION_BITS = 12, PLACE_BITS = 20, SLOTS_AT_FIRST = 1024 };

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

static int compare_objects(const void *left, const void *right)
{
    const struct handle_object *a = left, *b = right;

    if (a->pointer != b->pointer)
        return (uintptr_t)a->pointer < (uintptr_t)b->pointer ? -1 : 1;
    return strcmp(a->class, b->class);
}

static void forget(struct handle_table *table, struct handle_slot *slot)
{
    (void)tdelete(slot->object, &table->by_object, compare_objects);
    free(slot->object);
    slot->object = NULL;
    slot->generation++;
    table->live--;
}

void handle_table_finish(struct handle_table *table)
{
    for (size_t i = 0; i < table->capacity; i++)
        if (table->slots[i].object)
            forget(table, &table->slots[i]);
    free(table->slots);
    pthread_mutex_destroy(&table->lock);
}

/* The slot that a value names, or NULL when the value is not one of ours. */
static struct handle_slot *slot_of(struct handle_table *table, uint64_t wire)
{
    size_t place = wire & ((1u << PLACE_BITS) - 1);

    if (place >= table->capacity || !table->slots[place].object || handle_value(table, place) != wire)
        return NULL;
    return &table->slots[place];
}

static int grow(struct handle_table *table)
{
    size_t capacity = table->capacity ? table->capacity * 2 : SLOTS_AT_FIRST;
    struct handle_slot *grown = realloc(table->slots, capacity * sizeof(*grown));

    if (!grown)
        return -ENOMEM;
    memset(grown + table->capacity, 0, (capacity - table->capacity) * sizeof(*grown));
    table->slots = grown;
    table->capacity = capacity;
    return 0;
}

/*
 * Slots are taken in turns, and at least half of them are free as long as there may be more: a slot is used again
 * late, and a closed handle is known for one long after its generation, which has few bits, has come around.
 */
static int find_free(struct handle_table *table, size_t *place)
{
    int error = 0;

    if (table->live >= table->capacity / 2 && table->capacity < HANDLES_MOST)
        error = grow(table);
    if (error)
        return error;
    if (table->live == table->capacity)
        return -EMFILE;
    while (table->slots[table->next % table->capacity].object)
        table->next++;
    *place = table->next++ % table->capacity;
    return 0;
}

/* The object's handle, made unless it has one. */
static int add_locked(struct handle_table *table, const char *class, void *pointer, uint64_t *wire)
{
    struct handle_object wanted = {.pointer = pointer, .class = class}, *made;
    struct handle_object **found = tfind(&wanted, &table->by_object, compare_objects);
    int error = found ? 0 : find_free(table, &wanted.place);

    if (found)
        *wire = handle_value(table, (*found)->place);
    if (found || error)
        return error;
    made = malloc(sizeof(*made));
    if (!made)
        return -ENOMEM;
    *made = wanted;
    if (!tsearch(made, &table->by_object, compare_objects)) {
        free(made);
        return -ENOMEM;
    }
    table->slots[wanted.place].object = made;
    table->live++;
    *wire = handle_value(table, wanted.place);
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
    if (slot && strcmp(slot->object->class, class) == 0)
        *pointer = slot->object->pointer;
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
    if (slot)
        forget(table, slot);
    pthread_mutex_unlock(&table->lock);
}

size_t handle_table_live(struct handle_table *table)
{
    size_t live;

    pthread_mutex_lock(&table->lock);
    live = table->live;
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
