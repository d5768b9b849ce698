/* Guesses at what a pointer without words means.  A wrong guess does no harm: somebody reads it before it is used. */
#include "spec/table/passing_advice.h"

#include "spec/table/passing.h"
#include "spec/table/reading.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A name that may hold a length, and whether it is behind a pointer. */
struct candidate {
    const char *name;
    bool is_pointee;
    int score;
};

static bool is_integer(const struct type *type)
{
    return type->kind == TYPE_SIGNED || type->kind == TYPE_UNSIGNED;
}

static bool contains(const char *name, const char *part)
{
    size_t size = strlen(part);

    for (; *name; name++) {
        if (strncasecmp(name, part, size) == 0)
            return true;
    }
    return false;
}

static bool sounds_like_length(const char *name)
{
    static const char *const parts[] = {"len", "size", "count", "bytes", "num"};

    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (contains(name, parts[i]))
            return true;
    }
    return strcmp(name, "n") == 0 || strncmp(name, "cb", 2) == 0;
}

/* A length that bears the pointer's name is better than one that stands beside it, and that than any other. */
static void consider(struct candidate *best, const struct passing_place *place, const char *name,
                     const struct type *type, bool is_next)
{
    bool is_pointee = type->kind == TYPE_POINTER && is_integer(type->target);
    int score = 1;

    if (!name || name == place->name || !sounds_like_length(name) || (!is_integer(type) && !is_pointee))
        return;
    if (is_pointee && (type->target->size < 2 || place->where == PASSING_MEMBER))
        return;
    score += place->name && contains(name, place->name) ? 2 : 0;
    score += is_next ? 1 : 0;
    if (score > best->score)
        *best = (struct candidate){name, is_pointee, score};
}

static struct candidate find_length(const struct passing_place *place)
{
    const struct expression_names *names = place->names;
    struct candidate best = {0};

    for (size_t i = 0; i < names->parameter_count; i++)
        consider(&best, place, names->parameters[i].name, names->parameters[i].type,
                 i > 0 && names->parameters[i - 1].name == place->name);
    for (size_t i = 0; i < names->field_count; i++)
        consider(&best, place, names->fields[i].name, names->fields[i].type,
                 i > 0 && names->fields[i - 1].name == place->name);
    return best;
}

static void advise_length(struct text *advice, const struct passing_place *place, const char *direction)
{
    const struct type *target = place->type->target;
    struct candidate length = find_length(place);

    text_format(advice, "{\"%s\": {\"%s\": \"%s%s\"}}", direction, target->size > 1 ? "count" : "size",
                length.is_pointee ? "*" : "", length.name ? length.name : "...");
}

/* Pointers inside must point somewhere before the call, so "out" is nothing for them. */
static const char *directions_for_one(const struct type *type)
{
    if (type->target_is_const)
        return "\"in\"";
    return type_has_pointers(type->target) ? "\"in\" or \"inout\"" : "\"in\", \"out\" or \"inout\"";
}

const char *passing_advice(struct reading *reading, const struct passing_place *place)
{
    const struct type *type = place->type;
    AUTO_TEXT struct text advice = {0};
    char *copy;

    text_format(&advice, "write \"%s\": ", place->name ? place->name : "NAME");
    if (type->target->size == 1 && type->target->kind != TYPE_BOOL)
        text_add(&advice, "\"string\" or ");
    if (type->target->size > 1 && is_integer(type->target) && !type->target_is_const && !find_length(place).score)
        text_add(&advice, "\"out\" or \"inout\" for one, or ");
    if (type->target->kind == TYPE_HANDLE || type->target->kind == TYPE_STRUCT)
        text_format(&advice, "%s for one, or ", directions_for_one(type));
    advise_length(&advice, place, "in");
    if (!type->target_is_const && !type_has_pointers(type->target)) {
        text_add(&advice, " or ");
        advise_length(&advice, place, "out");
    }
    copy = advice.data ? reading_copy(reading, advice.data, advice.size) : NULL;
    return copy ? copy : "see docs/spec-files.md";
}

const char *passing_result_advice(const struct type *type)
{
    if (is_integer(type->target) && type->target->size == 1)
        return "a returned string needs \"return\": {\"string\": \"static\"}, when the library keeps it for ever, or "
               "{\"into\": \"NAME\"}, when it lies in what that parameter points to; other returned strings are not "
               "there yet (a handler can copy one to an out parameter)";
    return "a returned pointer needs \"return\": {\"into\": \"NAME\"}, when it points into what that parameter points "
           "to; "
           "others are not there yet: declare what is behind it \"opaque\" when only the library looks at it, or name "
           "a "
           "handler that fills an out parameter";
}
