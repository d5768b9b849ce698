/* The host's table of one client's handles, and the guest's door, which is the identity. */
#include "spec/call/handle.h"

#include <errno.h>
#include <string.h>

enum { TAG = 0x5741, GENERATION_BITS = 12, PLACE_BITS = 20 };

_Static_assert(HANDLES_MOST == 1 << PLACE_BITS, "a handle has room for every place");

/* A handle is good for one life of its place. */
static uint64_t handle_value(const struct handle_table *table, const struct live_view *view)
{
    uint64_t generation = view->life >> LIFE_SHIFT & ((1u << GENERATION_BITS) - 1);

    return (uint64_t)TAG << 48 | (uint64_t)table->salt << 32 | generation << PLACE_BITS | view->place;
}

void handle_table_init(struct handle_table *table, uint16_t salt)
{
    memset(table, 0, sizeof(*table));
    table->salt = salt;
    table->objects.most = HANDLES_MOST;
}

void handle_table_finish(struct handle_table *table)
{
    live_objects_finish(&table->objects);
}

int handle_table_add(struct handle_table *table, const char *class, void *pointer, uint64_t *wire)
{
    struct live_view view;
    int made;

    *wire = 0;
    if (!pointer)
        return 0;
    made = live_objects_add(&table->objects, class, (uintptr_t)pointer, &view);
    if (made < 0)
        return made;
    *wire = handle_value(table, &view);
    return 0;
}

/* What the handle stands for. */
static bool look_up(struct handle_table *table, uint64_t wire, struct live_view *view)
{
    return live_objects_at(&table->objects, wire & ((1u << PLACE_BITS) - 1), view) && handle_value(table, view) == wire;
}

int handle_table_find(struct handle_table *table, const char *class, uint64_t wire, void **pointer)
{
    struct live_view view;

    *pointer = NULL;
    if (wire == 0)
        return 0;
    if (!look_up(table, wire, &view) || (view.class != class && strcmp(view.class, class) != 0))
        return -EBADF;
    *pointer = (void *)(uintptr_t)view.value;
    return 0;
}

bool handle_table_remove(struct handle_table *table, const char *class, const void *pointer)
{
    return pointer && live_objects_remove(&table->objects, class, (uintptr_t)pointer);
}

size_t handle_table_live(const struct handle_table *table)
{
    return atomic_load(&table->objects.taken);
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
