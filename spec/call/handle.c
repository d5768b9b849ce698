/* The host's table of one client's handles, and the guest's door, which is the identity. */
#include "spec/call/handle.h"

#include <errno.h>
#include <search.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { TAG = 0x5741, GENERATION_BITS = 12, PLACE_BITS = 20 };

/* NULL: there are not so many. */
static struct handle_slot *slot_at(const struct handle_table *table, size_t place)
{
    /* Counterpart: the release in grow(). */
    struct handle_slot *block = atomic_load_explicit(&table->blocks[place / HANDLE_BLOCK], memory_order_acquire);

    return block ? &block[place % HANDLE_BLOCK] : NULL;
}

static uint64_t handle_value(const struct handle_table *table, size_t place)
{
    return (uint64_t)TAG << 48 | (uint64_t)table->salt << 32 |
           (uint64_t)(slot_at(table, place)->generation & ((1u << GENERATION_BITS) - 1)) << PLACE_BITS | place;
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
    atomic_store_explicit(&slot->wire, 0, memory_order_relaxed);
    (void)tdelete(slot->object, &table->by_object, compare_objects);
    free(slot->object);
    slot->object = NULL;
    slot->generation++;
    table->live--;
}

static void fill(struct handle_table *table, struct handle_object *object)
{
    struct handle_slot *slot = slot_at(table, object->place);

    slot->object = object;
    /* Counterpart: look_up().  Who sees one of these sees the 0 before it in `wire`, or a later handle. */
    atomic_store_explicit(&slot->pointer, object->pointer, memory_order_release);
    atomic_store_explicit(&slot->class, object->class, memory_order_release);
    atomic_store_explicit(&slot->wire, handle_value(table, object->place), memory_order_release);
    table->live++;
}

void handle_table_finish(struct handle_table *table)
{
    for (size_t i = 0; i < table->capacity; i++)
        if (slot_at(table, i)->object)
            forget(table, slot_at(table, i));
    for (size_t i = 0; i < table->capacity / HANDLE_BLOCK; i++)
        free(atomic_load(&table->blocks[i]));
    pthread_mutex_destroy(&table->lock);
}

static int grow(struct handle_table *table)
{
    size_t capacity = table->capacity ? table->capacity * 2 : HANDLE_BLOCK;

    for (; table->capacity < capacity; table->capacity += HANDLE_BLOCK) {
        struct handle_slot *block = calloc(HANDLE_BLOCK, sizeof(*block));

        if (!block)
            return -ENOMEM;
        atomic_store_explicit(&table->blocks[table->capacity / HANDLE_BLOCK], block, memory_order_release);
    }
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
    while (slot_at(table, table->next % table->capacity)->object)
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
    fill(table, made);
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

/* Whether the slot was this handle's all the time while what it stands for was loaded. */
static bool look_up(struct handle_slot *slot, uint64_t wire, void **pointer, const char **class)
{
    if (atomic_load_explicit(&slot->wire, memory_order_acquire) != wire) /* counterpart: fill() */
        return false;
    *pointer = atomic_load_explicit(&slot->pointer, memory_order_acquire);
    *class = atomic_load_explicit(&slot->class, memory_order_acquire);
    return atomic_load_explicit(&slot->wire, memory_order_relaxed) == wire;
}

int handle_table_find(struct handle_table *table, const char *class, uint64_t wire, void **pointer)
{
    struct handle_slot *slot = wire ? slot_at(table, wire & ((1u << PLACE_BITS) - 1)) : NULL;
    const char *found;
    void *local;

    *pointer = NULL;
    if (wire == 0)
        return 0;
    if (!slot || !look_up(slot, wire, &local, &found) || (found != class && strcmp(found, class) != 0))
        return -EBADF;
    *pointer = local;
    return 0;
}

void handle_table_remove(struct handle_table *table, uint64_t wire)
{
    struct handle_slot *slot = slot_at(table, wire & ((1u << PLACE_BITS) - 1));

    pthread_mutex_lock(&table->lock);
    if (slot && slot->object && atomic_load_explicit(&slot->wire, memory_order_relaxed) == wire)
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
