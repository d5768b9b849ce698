/*
 * From words to a passing: what was said (passing_words.c) is held against the type.
 *
 * Every refusal says what could be written instead; passing_advice.c finds the best guess at that.
 */
#include "spec/table/passing.h"

#include "spec/table/passing_advice.h"
#include "spec/table/passing_words.h"
#include "spec/table/reading.h"
#include "spec/table/table_parts.h"
#include "spec/table/type_names.h"

#include <errno.h>
#include <string.h>
#include <uchar.h>

static const struct type *innermost(const struct type *type)
{
    while (type->kind == TYPE_POINTER || type->kind == TYPE_ARRAY)
        type = type->target;
    return type;
}

/* Marks are about values that come back. */
static int check_marks(struct reading *reading, const struct passing_place *place, const struct words *words)
{
    bool comes_back = place->where != PASSING_PARAMETER || words->direction & DIRECTION_OUT;

    if (words->has_tolerance && innermost(place->type)->kind != TYPE_FLOATING)
        return reading_fault(reading, "\"tolerance\" is for floating values; \"volatile\" lets anything differ");
    if ((words->is_volatile || words->has_tolerance) && !comes_back)
        return reading_fault(reading, "\"%s\" is about what comes back, and nothing does here",
                             words->is_volatile ? "volatile" : "tolerance");
    return 0;
}

static int check_value(struct reading *reading, const struct passing_place *place, const struct words *words)
{
    const char *type = place->type->name;

    if (words->direction)
        return reading_fault(reading, "%s travels by value and has no direction; leave out \"in\", \"out\", \"string\"",
                             type);
    if (words->nullable)
        return reading_fault(reading, "\"nullable\" is for pointers%s",
                             place->type->kind == TYPE_HANDLE ? "; a handle may always be NULL" : "");
    if (words->closes && (place->type->kind != TYPE_HANDLE || place->where != PASSING_PARAMETER))
        return reading_fault(reading, "\"close\" is for a parameter that is a handle, and this is %s", type);
    if (place->where == PASSING_RESULT && type_has_pointers(place->type))
        return reading_fault(reading, "a returned struct with pointers inside is not there yet");
    return 0;
}

static int check_string(struct reading *reading, const struct passing_place *place, const struct words *words)
{
    const struct type *target = place->type->target;
    bool is_integer = target->kind == TYPE_SIGNED || target->kind == TYPE_UNSIGNED;

    if (!is_integer || target->size > sizeof(char32_t))
        return reading_fault(reading, "\"string\" is for char *, char16_t *, wchar_t * and the like, and this is %s%s",
                             place->type->name, is_integer ? "; write {\"until\": 0} beside the direction" : "");
    if (words->is_static)
        return reading_fault(reading, "\"static\" is for results; write \"string\": true");
    if (words->direction & DIRECTION_OUT && !words->extent.capacity)
        return reading_fault(reading, "a string that comes back needs to know how much room there is: "
                                      "{\"out\": {\"string\": true, \"capacity\": \"...\"}}");
    return 0;
}

/* Elements that can be compared with a number. */
static int check_until(struct reading *reading, const struct passing_place *place, const struct words *words)
{
    const struct type *target = place->type->target;

    if (!type_is_scalar(target) || target->kind == TYPE_FLOATING)
        return reading_fault(reading, "\"until\" is for integers, and this is %s", place->type->name);
    if (words->direction & DIRECTION_OUT && !words->extent.capacity)
        return reading_fault(reading, "what comes back needs to know how much room there is: "
                                      "{\"out\": {\"until\": ..., \"capacity\": \"...\"}}");
    return 0;
}

/* int values[4]: C sees a pointer to one, the reader sees four.  Nobody's guess is taken. */
static int check_bound(struct reading *reading, const struct passing_place *place, const struct words *words)
{
    const char *direction = words->direction == DIRECTION_IN    ? "in"
                            : words->direction == DIRECTION_OUT ? "out"
                                                                : "inout";

    if (words->extent.size || words->extent.count || words->extent.until || words->is_string || !place->bound ||
        strcmp(place->bound, "1") == 0)
        return 0;
    return reading_fault(
        reading,
        "\"%s\" alone is one element, and the prototype has [%s]; write {\"%s\": {\"count\": \"%s\"}}, "
        "or * instead of the brackets when it is one",
        direction, place->bound, direction, *place->bound ? place->bound : "...");
}

static int check_target(struct reading *reading, const struct passing_place *place, const struct words *words)
{
    const struct type *target = place->type->target;
    bool has_length = words->extent.size || words->extent.count;

    if (place->type->target_is_const && words->direction & DIRECTION_OUT)
        return reading_fault(reading, "const says that it is only read; write \"in\", or leave out the const");
    if (target->kind == TYPE_VOID && (words->extent.count || words->extent.until))
        return reading_fault(reading, "a void has no size to count with; write \"size\" for bytes");
    if (target->kind == TYPE_VOID && !has_length && !words->is_string)
        return reading_fault(reading, "how many bytes? %s", passing_advice(reading, place));
    if (words->extent.capacity && !(words->direction & DIRECTION_OUT))
        return reading_fault(reading, "\"capacity\" is room for what comes back, and nothing does; leave it out");
    if (words->direction == DIRECTION_OUT && type_has_pointers(target))
        return reading_fault(reading, "the pointers inside %s must point somewhere before the call; write \"inout\"",
                             target->name);
    return 0;
}

/* A length that is known now: at least 1, and whole elements. */
static int check_constant(struct reading *reading, const char *key, const struct expression *length,
                          const struct type *target, size_t unit)
{
    int64_t value, bytes;

    if (!expression_is_constant(length, &value))
        return 0;
    if (value <= 0)
        return reading_fault(reading, "\"%s\": %s is not more than 0", key, expression_text(length));
    if (__builtin_mul_overflow(value, (int64_t)unit, &bytes) || bytes > PTRDIFF_MAX / 2)
        return reading_fault(reading, "\"%s\": %s is more than any memory", key, expression_text(length));
    if (unit == 1 && target->size > 1 && (size_t)value % target->size)
        return reading_fault(reading, "\"%s\": %lld bytes are no whole number of %s (%zu bytes each); write \"count\"",
                             key, (long long)value, target->name, target->size);
    return 0;
}

static int read_length(struct reading *reading, const struct passing_place *place, const cJSON *json, size_t unit,
                       struct expression **length)
{
    const cJSON *before = reading_item(reading, json);
    int status = expression_read(reading, json->string, json, place->names, length);

    if (status == 0)
        status = check_constant(reading, json->string, *length, place->type->target, unit);
    (void)reading_item(reading, before);
    return status;
}

/* A number that an element can be. */
static int read_end(struct reading *reading, const cJSON *json, const struct type *element, int64_t *end)
{
    const cJSON *before = reading_item(reading, json);
    int status = expression_read_constant(reading, "until", json, end);

    if (status == 0)
        status = row_result_fit(reading, "until", element, end);
    (void)reading_item(reading, before);
    return status;
}

static int read_lengths(struct reading *reading, const struct passing_place *place, const struct words *words,
                        struct passing *passing)
{
    const cJSON *length = words->extent.size ? words->extent.size : words->extent.count;
    bool is_ended = words->is_string || words->extent.until;
    int status = 0;

    passing->unit = words->extent.count || is_ended ? place->type->target->size : 1;
    if (length) {
        passing->extent = EXTENT_COUNT;
        status = read_length(reading, place, length, passing->unit, &passing->length);
    } else if (is_ended) {
        passing->extent = EXTENT_ENDED;
        passing->is_list = words->is_list;
    }
    if (words->extent.until)
        status = read_end(reading, words->extent.until, place->type->target, &passing->end);
    if (status == 0 && words->extent.capacity)
        status = read_length(reading, place, words->extent.capacity, passing->unit, &passing->capacity);
    if (status == 0 && words->returned)
        status = read_length(reading, place, words->returned, passing->unit, &passing->returned);
    return status;
}

static int read_pointer(struct reading *reading, const struct passing_place *place, const struct words *words,
                        struct passing *passing)
{
    int status = check_target(reading, place, words);

    if (status == 0 && words->is_string)
        status = check_string(reading, place, words);
    if (status == 0 && words->extent.until)
        status = check_until(reading, place, words);
    if (status == 0)
        status = check_bound(reading, place, words);
    return status < 0 ? status : read_lengths(reading, place, words, passing);
}

/* A result that points into the memory of an argument: how far is all that comes back. */
static int read_into(struct reading *reading, const struct passing_place *place, const struct words *words,
                     struct passing *passing)
{
    const struct expression_names *names = place->names;
    const char *name = words->into->valuestring;
    const cJSON *before = reading_item(reading, words->into);

    if (words->is_string || words->extent.size || words->extent.count || words->closes)
        return reading_fault(reading, "\"into\" says all about a result; leave out the other words");
    for (size_t i = 0; i < names->parameter_count; i++) {
        const struct parameter *parameter = &names->parameters[i];

        if (!parameter->name || strcmp(parameter->name, name) != 0)
            continue;
        if (parameter->type->kind != TYPE_POINTER)
            return reading_fault(reading, "\"into\": %s is no pointer but %s", name, parameter->type->name);
        passing->into = (uint8_t)(i + 1);
        (void)reading_item(reading, before);
        return 0;
    }
    return reading_fault(reading, "\"into\": no parameter is called \"%.100s\"", name);
}

/* The others that can come back are strings that the library keeps for ever. */
static int read_result_pointer(struct reading *reading, const struct passing_place *place, const struct words *words,
                               struct passing *passing)
{
    const struct type *target = place->type->target;

    if (words->into)
        return read_into(reading, place, words, passing);
    if (!words->is_static || words->extent.size || words->extent.count || words->extent.capacity || words->closes)
        return reading_fault(reading, "%s", passing_result_advice(place->type));
    if ((target->kind != TYPE_SIGNED && target->kind != TYPE_UNSIGNED) || target->size != 1)
        return reading_fault(reading, "{\"string\": \"static\"} is for char *, and this is %s", place->type->name);
    passing->direction = DIRECTION_OUT;
    passing->extent = EXTENT_ENDED;
    passing->unit = 1;
    passing->is_static_string = true;
    passing->nullable = true;
    return 0;
}

/* What a row says of the members of its structs. */
static int check_members(struct reading *reading, const struct passing_place *place, const struct words *words)
{
    const struct type *type = place->type->kind == TYPE_POINTER ? place->type->target : place->type;

    if (!words->members)
        return 0;
    if (place->where == PASSING_RESULT || !place->names->parameters)
        return reading_fault(reading, "\"members\" is for the parameters of a row%s",
                             place->where == PASSING_MEMBER ? "; here the member's own type says it" : "");
    if (type->kind != TYPE_STRUCT)
        return reading_fault(reading, "\"members\" is for structs and pointers to them, and this is %s",
                             place->type->name);
    return 0;
}

static int hold_against_type(struct reading *reading, const struct passing_place *place, const struct words *words,
                             struct passing *passing)
{
    if (words->into && (place->type->kind != TYPE_POINTER || place->where != PASSING_RESULT))
        return reading_fault(reading, "\"into\" is for a result that is a pointer, and this is %s", place->type->name);
    if (place->type->kind != TYPE_POINTER)
        return check_value(reading, place, words);
    if (place->where == PASSING_RESULT)
        return read_result_pointer(reading, place, words, passing);
    if (words->closes)
        return reading_fault(reading,
                             "\"close\" is for handles passed by value; through a pointer it is not there yet");
    if (!words->direction && !place->name)
        return reading_fault(reading, "a pointer without a name; give it one in the prototype, and say with that as "
                                      "the key which way it goes");
    if (!words->direction)
        return reading_fault(reading, "the pointer %s says nothing about what is behind it; %s", place->type->name,
                             passing_advice(reading, place));
    return read_pointer(reading, place, words, passing);
}

int passing_read(struct reading *reading, const struct passing_place *place, const cJSON *json, struct passing *passing)
{
    struct words words;
    int status;

    if (json && place->type->kind == TYPE_VOID)
        return reading_fault(reading, "the function returns nothing, so nothing can be said about it");
    status = passing_words_read(reading, json, &words);
    if (status == 0)
        status = check_members(reading, place, &words);
    if (status < 0)
        return status;
    *passing = (struct passing){
        .direction = words.direction,
        .nullable = words.nullable,
        .closes = words.closes,
        .is_volatile = words.is_volatile,
        .tolerance = words.tolerance,
    };
    status = hold_against_type(reading, place, &words, passing);
    return status < 0 ? status : check_marks(reading, place, &words);
}
