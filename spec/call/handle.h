/*
 * Handles: what stands on the wire for something only the host can look behind.
 *
 * A handle on the wire is 64 bits: 0x5741 ("WA", not a valid address, so that a program that follows one fails at
 * once), 16 bits of salt that the guest changes with every session, 12 bits of generation, 20 bits of place.  It names
 * a place in one client's table, is good only for the class it was made for, and is never an address.
 */
#ifndef WINAPI_SPEC_CALL_HANDLE_H
#define WINAPI_SPEC_CALL_HANDLE_H

#include "spec/base/error.h"
#include "spec/base/live_objects.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How one end turns handles into what it works with; the marshaller knows no more of them. */
struct handle_door {
    /* The wire's value for a local one.  -EBADF: there is none. */
    int (*export)(void *context, const char *class, void *local, uint64_t *wire);
    /* The other way round. */
    int (*import)(void *context, const char *class, uint64_t wire, void **local);
    /* Compare only, else NULL: a native handle and the host's that belong together. */
    int (*pair)(void *context, const char *class, void *local, uint64_t wire);
    void *context;
};

/* The guest's: the local value is the wire's. */
extern const struct handle_door handle_door_guest;

enum { HANDLES_MOST = 1 << 20 };

/* A host's handles of one client.  Any thread; nothing waits for another one. */
struct handle_table {
    uint16_t salt;
    struct live_objects objects; /* by pointer and class; a handle names the place and the life of one */
};

void handle_table_init(struct handle_table *table, uint16_t salt);
void handle_table_finish(struct handle_table *table);

/* The same pointer of the same class keeps its handle.  NULL is 0.  -ENOMEM; -EMFILE above HANDLES_MOST. */
MUST_CHECK int handle_table_add(struct handle_table *table, const char *class, void *pointer, uint64_t *wire);

/* -EBADF: forged, of another session or class, or closed.  0 is NULL. */
MUST_CHECK int handle_table_find(struct handle_table *table, const char *class, uint64_t wire, void **pointer);

/* Forgets what handle_table_find() has given; later uses of its handle are -EBADF.  Whether there was such a handle: of
 * threads that remove it at once one is told so. */
bool handle_table_remove(struct handle_table *table, const char *class, const void *pointer);

/* How many are live. */
size_t handle_table_live(const struct handle_table *table);

/* The table as a door. */
struct handle_door handle_table_door(struct handle_table *table);

#endif
