/*
 * Where in the text of a spec file something stands that was parsed from it.
 *
 * cJSON keeps no places, so they are looked for when a message needs one: the text is walked beside the tree.  A file
 * without faults pays nothing for that.
 */
#ifndef WINAPI_SPEC_TABLE_POSITION_H
#define WINAPI_SPEC_TABLE_POSITION_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

struct table_text {
    const char *json;
    size_t size;
    const cJSON *tree; /* parsed from it; NULL: not yet */
};

/* Where an item begins, in bytes; false: it is not in the tree. */
struct item_place {
    size_t key; /* its key's quote, or where the item begins if it has none */
    size_t value;
};
bool position_find(const struct table_text *text, const cJSON *item, struct item_place *place);

/* Where byte `offset` of a string's value is written; `value` is where the string begins. */
size_t position_in_string(const struct table_text *text, size_t value, size_t offset);

/* Lines and columns count from 1, columns in characters of UTF-8. */
void position_lines(const struct table_text *text, size_t at, size_t *line, size_t *column);

#endif
