/*
 * A row without names: what decides the bytes on the wire, and nothing else.  docs/protocol.md, "Rows".
 *
 *     u8 (u8, in u1[p2]?, u4)
 *     s4 (out u1[*p1 room *p1], inout u8, in u1[p3], u8)
 *
 * A letter and the size in bytes for a scalar, for a bit-field ':' and its bits, h and the class for a handle, braces
 * around a struct; before what a pointer points to, its direction; after it, its length in brackets ("until" before the
 * last element, "back" before what comes back, where that is not what goes in, and "room" before the capacity), and ?
 * when it may be NULL.
 */
#include "spec/table/expression_tree.h"
#include "spec/table/table.h"

#include <inttypes.h>
#include <string.h>

/* What is inside arrays and behind pointers is never a pointer itself, so nothing was said about it. */
static const struct passing nothing_said;

static void describe_value(const struct type *type, const struct passing *passing, struct text *text);

/* Bytes that end with a NUL, which have a word of their own. */
static bool is_string(const struct type *target, const struct passing *passing)
{
    return passing->extent == EXTENT_ENDED && target->size == 1 && passing->end == 0 && !passing->is_list;
}

static void describe_length(const struct type *target, const struct passing *passing, struct text *text)
{
    bool in_bytes = passing->unit != target->size && target->size > 1;

    text_add(text, "[");
    if (passing->extent == EXTENT_ENDED && !is_string(target, passing))
        text_format(text, "until %" PRId64 "%s%s", passing->end, passing->is_list ? " 0" : "",
                    passing->capacity ? " " : "");
    if (passing->length)
        expression_describe(passing->length, text);
    if (passing->returned) {
        text_add(text, " back ");
        expression_describe(passing->returned, text);
    }
    if (passing->capacity) {
        text_add(text, passing->length ? " room " : "room ");
        expression_describe(passing->capacity, text);
    }
    text_add(text, in_bytes ? " bytes]" : "]");
}

static void describe_pointer(const struct type *type, const struct passing *passing, struct text *text)
{
    static const char *const directions[] = {"", "in ", "out ", "inout "};

    if (passing->into) {
        text_format(text, "into p%u", passing->into - 1u);
        return;
    }
    text_add(text, passing->is_static_string ? "static " : directions[passing->direction]);
    if (is_string(type->target, passing))
        text_add(text, "string");
    else if (type->target->kind == TYPE_VOID)
        text_add(text, "u1");
    else
        describe_value(type->target, &nothing_said, text);
    if (passing->length || passing->capacity || (passing->extent == EXTENT_ENDED && !is_string(type->target, passing)))
        describe_length(type->target, passing, text);
    if (passing->nullable && !passing->is_static_string)
        text_add(text, "?");
}

static void describe_struct(const struct type *type, struct text *text)
{
    text_add(text, "{");
    for (size_t i = 0; i < type->field_count; i++) {
        text_add(text, i ? ", " : "");
        describe_value(type->fields[i].type, &type->fields[i].passing, text);
    }
    text_add(text, "}");
}

static char scalar_letter(const struct type *type)
{
    switch (type->kind) {
    case TYPE_BOOL:
        return 'b';
    case TYPE_FLOATING:
        return 'f';
    default:
        return type_is_signed(type) ? 's' : 'u';
    }
}

static void describe_value(const struct type *type, const struct passing *passing, struct text *text)
{
    switch (type->kind) {
    case TYPE_VOID:
        text_add(text, "void");
        break;
    case TYPE_HANDLE:
        text_format(text, "%sh:%s", passing->closes ? "close " : "", type->handle);
        break;
    case TYPE_POINTER:
        describe_pointer(type, passing, text);
        break;
    case TYPE_ARRAY:
        text_format(text, "%zu*", type->count);
        describe_value(type->target, &nothing_said, text);
        break;
    case TYPE_STRUCT:
        describe_struct(type, text);
        break;
    default:
        if (type->bit_count)
            text_format(text, "%c:%u", scalar_letter(type), type->bit_count);
        else
            text_format(text, "%c%zu", scalar_letter(type), type->size);
    }
}

void row_describe(const struct row *row, struct text *text)
{
    describe_value(row->result.type, &row->result.passing, text);
    text_add(text, " (");
    for (size_t i = 0; i < row->parameter_count; i++) {
        text_add(text, i ? ", " : "");
        describe_value(row->parameters[i].type, &row->parameters[i].passing, text);
    }
    text_add(text, ")");
    if (row->is_async)
        text_format(text, " async %" PRId64, row->async_result);
}
