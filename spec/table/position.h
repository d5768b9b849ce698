/*
 * Where in the text of a spec file something stands that was parsed from it.
 *
 * cJSON keeps no places, so they are looked for when the first message needs one: the text is walked beside the tree,
 * once.  A file without faults pays nothing for that.
 */
#ifndef WINAPI_SPEC_TABLE_POSITION_H
#define WINAPI_SPEC_TABLE_POSITION_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

/* Where an item begins, in bytes. */
struct item_place {
    const cJSON *item;
    size_t key; /* its key's quote, or where the item begins if it has none */
    size_t value;
};

struct table_text {
    const char *json;
    size_t size;
    const cJSON *tree; /* parsed from it; NULL: not yet */

    struct item_place *places; /* of all items, by address; NULL: nobody has asked yet */
    size_t count;
    struct text_cursor {
        size_t at, lines, column; /* bytes, lines and characters of the line before it */
    } cursor;                     /* where the last fault was: the next is not far from there */
};

/* False: the item is not in the tree, or memory ran out. */
bool position_find(struct table_text *text, const cJSON *item, struct item_place *place);

/* Before the tree goes, if anybody has asked. */
void position_forget(struct table_text *text);

/* Where byte `offset` of a string's value is written; `value` is where the string begins. */
size_t position_in_string(const struct table_text *text, size_t value, size_t offset);

/* Lines and columns count from 1, columns in characters of UTF-8. */
void position_lines(struct table_text *text, size_t at, size_t *line, size_t *column);

#endif
