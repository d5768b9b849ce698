/* Places, faults and memory of a spec file that is being read. */
#include "spec/table/reading.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A double holds every integer below this, so a JSON number from here on may not be what was written. */
#define INEXACT_FROM 9007199254740992.0

/* ---- places ---- */

static bool is_of_name(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Where a part is declared: its name, with nothing more of a declaration behind it. */
static const char *find_name(const char *text, const char *name)
{
    size_t size = strlen(name);
    const char *found = NULL;

    for (const char *at = strstr(text, name); size && at; at = strstr(at + 1, name)) {
        const char *behind = at + size + strspn(at + size, " \t\r\n");

        if ((at == text || !is_of_name(at[-1])) && !is_of_name(at[size]) && (!*behind || strchr(",)[;:", *behind)))
            found = at;
    }
    return found;
}

/* Where the string `item` holds this byte of `text`, which must be all of it. */
static bool find_byte(struct reading *reading, const cJSON *item, const char *text, size_t offset, size_t *at)
{
    struct item_place place;

    if (!cJSON_IsString(item) || strlen(item->valuestring) != strlen(text) ||
        !position_find(&reading->text, item, &place))
        return false;
    *at = position_in_string(&reading->text, place.value, offset);
    return true;
}

static bool find_part(struct reading *reading, size_t *at)
{
    const struct place *place = &reading->place;
    const char *text = place->text ? place->text->valuestring : NULL;
    const char *name = text && place->part ? find_name(text, place->part) : NULL;

    return name && find_byte(reading, place->text, text, (size_t)(name - text), at);
}

static bool find_item(struct reading *reading, const cJSON *item, bool is_key, size_t *at)
{
    struct item_place place;

    if (!position_find(&reading->text, item, &place))
        return false;
    *at = is_key ? place.key : place.value;
    return true;
}

/* As near as is known.  The text itself always is, once it is parsed. */
static bool find_place(struct reading *reading, size_t *at)
{
    const struct place *place = &reading->place;

    return find_item(reading, place->item, place->is_key, at) || find_item(reading, place->part_item, true, at) ||
           find_part(reading, at) || find_item(reading, place->text, false, at) ||
           find_item(reading, place->owner_item, true, at) || find_item(reading, reading->text.tree, false, at);
}

/* ---- faults ---- */

static void add_part(struct text *line, const char *kind, const char *name)
{
    if (name)
        text_format(line, ": %s%s%.100s", kind, *name ? " " : "", name);
}

/* `at` NULL: no place in the file. */
static void add_fault(struct reading *reading, const size_t *at, const char *what)
{
    const struct place *place = &reading->place;
    AUTO_TEXT struct text line = {0};
    size_t number, column;

    text_add(&line, reading->path);
    if (at) {
        position_lines(&reading->text, *at, &number, &column);
        text_format(&line, ":%zu:%zu", number, column);
    }
    add_part(&line, "table", reading->table);
    add_part(&line, place->owner_kind, place->owner);
    add_part(&line, place->part_kind, place->part);
    diagnostics_add(reading->diagnostics, "%s: %s", line.data ? line.data : "", what ? what : "out of memory");
}

/* Whether anybody would read a fault. */
static bool is_heard(const struct reading *reading)
{
    return reading->diagnostics && !diagnostics_are_full(reading->diagnostics);
}

int reading_fault(struct reading *reading, const char *format, ...)
{
    char *what = NULL;
    va_list arguments;
    size_t at;

    if (!is_heard(reading))
        return reading_fault_at(reading, 0, NULL);
    va_start(arguments, format);
    if (vasprintf(&what, format, arguments) < 0)
        what = NULL;
    va_end(arguments);
    add_fault(reading, find_place(reading, &at) ? &at : NULL, what);
    reading->faults++;
    free(what);
    return -EINVAL;
}

int reading_fault_in(struct reading *reading, const char *text, size_t offset, const char *what)
{
    size_t at = 0;

    if (!is_heard(reading) || find_byte(reading, reading->place.item, text, offset, &at) ||
        find_byte(reading, reading->place.text, text, offset, &at))
        return reading_fault_at(reading, at, what);
    return reading_fault(reading, "\"%.300s\", at position %zu: %s", text, offset + 1, what ? what : "out of memory");
}

int reading_fault_at(struct reading *reading, size_t at, const char *what)
{
    if (is_heard(reading))
        add_fault(reading, &at, what);
    reading->faults++;
    return -EINVAL;
}

void reading_owner(struct reading *reading, const char *kind, const char *name, const cJSON *item)
{
    reading->place = (struct place){.owner_kind = kind, .owner = name, .owner_item = item};
}

void reading_name(struct reading *reading, const char *kind, const char *name)
{
    reading->place.owner_kind = kind;
    reading->place.owner = name;
}

void reading_text(struct reading *reading, const cJSON *text)
{
    reading->place.text = text;
}

void reading_part(struct reading *reading, const char *kind, const char *name, const cJSON *item)
{
    reading->place.part_kind = kind;
    reading->place.part = name;
    reading->place.part_item = item;
    (void)reading_item(reading, NULL);
}

const cJSON *reading_item(struct reading *reading, const cJSON *item)
{
    const cJSON *before = reading->place.item;

    reading->place.item = item;
    reading->place.is_key = false;
    return before;
}

void reading_key(struct reading *reading, const cJSON *item)
{
    reading->place.item = item;
    reading->place.is_key = true;
}

/* ---- memory ---- */

void *reading_take(struct reading *reading, size_t count, size_t size)
{
    size_t bytes = 0;
    void *memory = NULL;

    if (!__builtin_mul_overflow(count, size, &bytes))
        memory = scratch_take(reading->memory, bytes);
    if (!memory) {
        reading->out_of_memory = true;
        return NULL;
    }
    return memset(memory, 0, bytes);
}

char *reading_copy(struct reading *reading, const char *string, size_t size)
{
    char *copy = reading_take(reading, size + 1, 1);

    if (copy)
        memcpy(copy, string, size);
    return copy;
}

int reading_status(const struct reading *reading)
{
    if (reading->out_of_memory)
        return -ENOMEM;
    return reading->faults ? -EINVAL : 0;
}

bool reading_is_integer(const cJSON *json, int64_t *value)
{
    double number = cJSON_IsNumber(json) ? json->valuedouble : NAN;

    if (!(number > -INEXACT_FROM && number < INEXACT_FROM) || number != (double)(int64_t)number)
        return false;
    *value = (int64_t)number;
    return true;
}

int reading_flag(struct reading *reading, const cJSON *json, bool *flag)
{
    if (!json)
        return 0;
    (void)reading_item(reading, json);
    if (!cJSON_IsBool(json))
        return reading_fault(reading, "\"%s\" must be true or false", json->string);
    *flag = cJSON_IsTrue(json);
    return 0;
}
