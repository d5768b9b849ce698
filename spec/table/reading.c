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

static void add_place(struct text *line, const char *kind, const char *name)
{
    if (name)
        text_format(line, ": %s%s%.100s", kind, *name ? " " : "", name);
}

int reading_fault(struct reading *reading, const char *format, ...)
{
    AUTO_TEXT struct text line = {0};
    char *what = NULL;
    va_list arguments;

    reading->faults++;
    va_start(arguments, format);
    if (vasprintf(&what, format, arguments) < 0)
        what = NULL;
    va_end(arguments);

    text_add(&line, reading->path);
    add_place(&line, "table", reading->table);
    add_place(&line, reading->owner_kind, reading->owner);
    add_place(&line, reading->part_kind, reading->part);
    diagnostics_add(reading->diagnostics, "%s: %s", line.data ? line.data : "", what ? what : "out of memory");
    free(what);
    return -EINVAL;
}

void reading_owner(struct reading *reading, const char *kind, const char *name)
{
    reading->owner_kind = kind;
    reading->owner = name;
    reading->part = NULL;
}

void reading_part(struct reading *reading, const char *kind, const char *name)
{
    reading->part_kind = kind;
    reading->part = name;
}

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
    if (!cJSON_IsBool(json))
        return reading_fault(reading, "\"%s\" must be true or false", json->string);
    *flag = cJSON_IsTrue(json);
    return 0;
}
