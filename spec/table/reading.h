/*
 * One spec file while it is being read: what the readers of its parts share.
 *
 * A fault names where it was found: the reader of a part sets the place before it looks, and every message begins with
 * it: file, line, column, then what the part belongs to.  A reader goes on after a fault where it can, so that one run
 * shows all of them.
 */
#ifndef WINAPI_SPEC_TABLE_READING_H
#define WINAPI_SPEC_TABLE_READING_H

#include "spec/base/error.h"
#include "spec/base/scratch.h"
#include "spec/table/position.h"
#include "spec/table/table.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

struct types;

struct place {
    const char *owner_kind; /* "function" or "type" */
    const char *owner;      /* NULL: the table itself */
    const char *part_kind;  /* "parameter" or "member" */
    const char *part;       /* NULL: the owner itself */

    const cJSON *owner_item; /* the row, the type */
    const cJSON *text;       /* the C text of the owner, in which its parts have their names; or NULL */
    const cJSON *part_item;  /* what is said about the part; NULL: nothing */
    const cJSON *item;       /* what is looked at, narrower than the part; or NULL */
    bool is_key;             /* of that the key */
};

struct reading {
    struct scratch *memory;          /* the table's own: lives until table_destroy() */
    struct diagnostics *diagnostics; /* NULL: faults are only counted */
    struct types *types;             /* the names that the table defines */

    const char *path;
    struct table_text text;
    const char *table; /* NULL until it is known */
    struct place place;

    size_t faults;
    bool out_of_memory;
};

/* Adds a diagnostic with the place in front.  Always -EINVAL, so that a reader can return it. */
int reading_fault(struct reading *reading, const char *format, ...) FORMAT_LIKE(2, 3);

/* The same about byte `offset` of `text`, which is that of the item looked at, of the owner's, or a piece of it. */
int reading_fault_in(struct reading *reading, const char *text, size_t offset, const char *what);

/* The same about this byte of the file. */
int reading_fault_at(struct reading *reading, size_t at, const char *what);

/*
 * Set the place of the faults that follow; NULL clears it.  The owner's clears that of its part, and either clears the
 * item.  reading_name() gives an owner that is known by number until then its name.
 */
void reading_owner(struct reading *reading, const char *kind, const char *name, const cJSON *item);
void reading_name(struct reading *reading, const char *kind, const char *name);
void reading_text(struct reading *reading, const cJSON *text);
void reading_part(struct reading *reading, const char *kind, const char *name, const cJSON *item);

/* Something narrower: an item, or its key.  What was set before, to be set again; NULL items clear it. */
const cJSON *reading_item(struct reading *reading, const cJSON *item);
void reading_key(struct reading *reading, const cJSON *item);

/* Zeroed memory that lives as long as the table.  NULL when memory has run out, which the reading remembers. */
void *reading_take(struct reading *reading, size_t count, size_t size);
char *reading_copy(struct reading *reading, const char *string, size_t size);

/* -EINVAL after a fault, -ENOMEM when memory ran out, else 0. */
MUST_CHECK int reading_status(const struct reading *reading);

/* A JSON true or false; NULL leaves the flag as it is.  -EINVAL, with a diagnostic. */
MUST_CHECK int reading_flag(struct reading *reading, const cJSON *json, bool *flag);

/* A JSON number that is a whole one and exact.  False for anything else. */
bool reading_is_integer(const cJSON *json, int64_t *value);

#endif
