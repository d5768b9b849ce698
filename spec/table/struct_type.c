/* {"struct": "void *data; size_t size;", "data": {...}}: members as C text, layout as this process has it. */
#include "spec/table/declaration.h"
#include "spec/table/expression_tree.h"
#include "spec/table/names.h"
#include "spec/table/passing.h"
#include "spec/table/reading.h"
#include "spec/table/type_names.h"

#include <errno.h>
#include <string.h>

static size_t round_up(size_t size, size_t alignment)
{
    return (size + alignment - 1) / alignment * alignment;
}

/* Members down to the innermost structs.  Each struct was held to STRUCT_LEAVES_MOST, so this ends soon. */
static size_t count_leaves(const struct type *type)
{
    size_t leaves = 0;

    type = type_innermost(type);
    if (type->kind != TYPE_STRUCT)
        return 1;
    for (size_t i = 0; i < type->field_count; i++)
        leaves += count_leaves(type->fields[i].type);
    return leaves;
}

/* Where the next member may begin. */
struct layout {
    size_t bits; /* from the begin of the struct */
    bool is_packed;
};

static size_t next_byte(const struct layout *layout)
{
    return (layout->bits + 7) / 8;
}

static void place_member(struct layout *layout, struct field *field, struct type *type)
{
    size_t alignment = layout->is_packed ? 1 : field->type->alignment;

    field->offset = round_up(next_byte(layout), alignment);
    layout->bits = (field->offset + field->type->size) * 8;
    if (type->alignment < alignment)
        type->alignment = alignment;
    type->is_only_behind |= type_innermost(field->type)->is_only_behind;
}

/* An enum without negative values is unsigned to the compilers, which shows in bit-fields. */
static bool is_never_negative(const struct type *type)
{
    for (size_t i = 0; i < type->enumerator_count; i++)
        if (type->enumerators[i].value < 0)
            return false;
    return type->kind == TYPE_ENUM;
}

static int read_width(struct reading *reading, const struct declaration *member, const struct type *type,
                      int64_t *width)
{
    int64_t most = type->kind == TYPE_BOOL ? 1 : (int64_t)type->size * 8;
    int status = expression_parse_constant(reading, "bits", member->bits, width);

    if (status < 0)
        return status;
    if (!type_is_scalar(type) || type->kind == TYPE_FLOATING)
        return reading_fault(reading, "a bit-field is of an integer, a bool or an enum, not of %s", type->name);
    if (*width < 0 || *width > most)
        return reading_fault(reading, "%lld bits of %s, which has %lld", (long long)*width, type->name,
                             (long long)most);
    if (!*width && member->name)
        return reading_fault(reading, "a bit-field of 0 bits has no name: it ends the word that others lie in");
    return 0;
}

/* As the ABI of x86-64 has it: within a unit as large as its type, or, if it does not fit there, from the next on. */
static void skip_to_room(struct layout *layout, const struct type *type, size_t width)
{
    size_t unit = type->size * 8;

    if (!width || (!layout->is_packed && layout->bits / unit != (layout->bits + width - 1) / unit))
        layout->bits = round_up(layout->bits, unit);
}

/* A type of its own: that of the declaration, but some of the bits only. */
static int make_bits(struct reading *reading, const struct layout *layout, size_t width, struct field *field)
{
    struct type *bits = reading_take(reading, 1, sizeof(*bits));

    if (!bits)
        return -ENOMEM;
    *bits = *field->type;
    if (is_never_negative(bits))
        bits->target = type_built_in("unsigned int");
    field->offset = layout->bits / 8;
    bits->bit_shift = layout->bits % 8;
    bits->bit_count = (uint8_t)width;
    bits->size = (bits->bit_shift + width + 7) / 8;
    field->type = bits;
    if (bits->size > sizeof(uint64_t))
        return reading_fault(reading, "a packed bit-field that lies in nine bytes is not there yet");
    return 0;
}

static int place_bits(struct reading *reading, struct layout *layout, const struct declaration *member,
                      struct field *field, struct type *type)
{
    const struct type *whole = field->type;
    int64_t width;
    int status = read_width(reading, member, whole, &width);

    if (status < 0)
        return status;
    type->is_only_behind = true;
    skip_to_room(layout, whole, (size_t)width);
    if (member->name && !layout->is_packed && type->alignment < whole->alignment)
        type->alignment = whole->alignment;
    if (member->name)
        status = make_bits(reading, layout, (size_t)width, field);
    layout->bits += (size_t)width;
    return status;
}

/* Members without a name take room only. */
static int lay_out_member(struct reading *reading, const struct declaration *member, struct layout *layout,
                          struct field *field, struct type *type)
{
    int status;

    reading_part(reading, "member", member->name, NULL);
    *field = (struct field){.name = member->name};
    status = types_resolve(reading, member, TYPE_PLACE_MEMBER, &field->type);
    if (status == 0 && member->bits)
        status = place_bits(reading, layout, member, field, type);
    else if (status == 0)
        place_member(layout, field, type);
    return status;
}

static int lay_out(struct reading *reading, const struct declaration *members, size_t count, struct layout *layout,
                   struct field *fields, struct type *type)
{
    size_t leaves = 0;

    for (size_t i = 0; i < count; i++) {
        struct field *field = &fields[type->field_count];
        int status = lay_out_member(reading, &members[i], layout, field, type);

        if (status < 0)
            return status;
        leaves += count_leaves(field->type);
        type->field_count += members[i].name != NULL;
        if (next_byte(layout) > STRUCT_SIZE_MOST || leaves > STRUCT_LEAVES_MOST)
            return reading_fault(reading, "a struct of more than %d bytes or %d members", STRUCT_SIZE_MOST,
                                 STRUCT_LEAVES_MOST);
    }
    return 0;
}

/* "packed" and "aligned", as the attributes of these names. */
static int read_attributes(struct reading *reading, const cJSON *json, struct layout *layout, size_t *aligned)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, "aligned");
    int64_t alignment;
    int status = reading_flag(reading, cJSON_GetObjectItemCaseSensitive(json, "packed"), &layout->is_packed);

    if (status < 0 || !item)
        return status;
    (void)reading_item(reading, item);
    if (!reading_is_integer(item, &alignment) || alignment < 1 || alignment > STRUCT_ALIGNMENT_MOST ||
        alignment & (alignment - 1))
        return reading_fault(reading, "\"aligned\" must be a power of two, at most %d", STRUCT_ALIGNMENT_MOST);
    *aligned = (size_t)alignment;
    return 0;
}

static bool is_reserved(const char *key)
{
    return strcmp(key, "struct") == 0 || strcmp(key, "comment") == 0 || strcmp(key, "packed") == 0 ||
           strcmp(key, "aligned") == 0;
}

static int check_names(struct reading *reading, const struct type *type, struct names *names)
{
    for (size_t i = 0; i < type->field_count; i++) {
        int status = names_add(names, type->fields[i].name, i);

        reading_part(reading, "member", type->fields[i].name, NULL);
        if (status == -EEXIST)
            return reading_fault(reading, "the name is there twice");
        if (status < 0)
            return status;
        if (is_reserved(type->fields[i].name))
            return reading_fault(reading, "this name means something else here; give the member another one");
    }
    reading_part(reading, NULL, NULL, NULL);
    return 0;
}

static int check_keys(struct reading *reading, const cJSON *json, const struct names *names)
{
    const cJSON *item;
    size_t number;

    cJSON_ArrayForEach(item, json)
    {
        if (is_reserved(item->string) || names_find(names, item->string, &number))
            continue;
        reading_key(reading, item);
        return reading_fault(reading, "unknown key \"%.100s\": no member of the struct is called that", item->string);
    }
    return 0;
}

static int read_words(struct reading *reading, const cJSON *json, struct field *fields, size_t count)
{
    const struct expression_names names = {.fields = fields, .field_count = count};
    int status = 0;

    for (size_t i = 0; i < count; i++) {
        const cJSON *words = cJSON_GetObjectItemCaseSensitive(json, fields[i].name);
        const struct passing_place place = {PASSING_MEMBER, fields[i].name, fields[i].type, &names, NULL};
        int result;

        reading_part(reading, "member", fields[i].name, words);
        result = passing_read(reading, &place, words, &fields[i].passing);
        status = result < 0 ? result : status;
    }
    reading_part(reading, NULL, NULL, NULL);
    return status;
}

static int read_members(struct reading *reading, const cJSON *json, struct field *fields, struct type *type)
{
    AUTO_NAMES struct names names = {0};
    int status = check_names(reading, type, &names);

    if (status == 0)
        status = check_keys(reading, json, &names);
    if (status == 0)
        status = read_words(reading, json, fields, type->field_count);
    return status;
}

static int make_fields(struct reading *reading, const cJSON *json, const struct declaration *members, size_t count,
                       struct type *type)
{
    struct field *fields = reading_take(reading, count, sizeof(*fields));
    struct layout layout = {0};
    size_t aligned = 1;
    int status;

    if (!fields)
        return -ENOMEM;
    type->fields = fields;
    type->alignment = 1;
    status = read_attributes(reading, json, &layout, &aligned);
    (void)reading_item(reading, NULL);
    if (status == 0)
        status = lay_out(reading, members, count, &layout, fields, type);
    if (status < 0)
        return status;
    reading_part(reading, NULL, NULL, NULL);
    if (!type->field_count)
        return reading_fault(reading, "a struct without members; write \"opaque\" when only the library looks inside");
    type->is_only_behind |= layout.is_packed || aligned > type->alignment;
    if (type->alignment < aligned)
        type->alignment = aligned;
    type->size = round_up(next_byte(&layout), type->alignment);
    return read_members(reading, json, fields, type);
}

int struct_type_read(struct reading *reading, const cJSON *json, struct type *type)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, "struct");
    const char *text = cJSON_GetStringValue(item);
    struct declaration *members;
    size_t count;
    int status;

    reading_text(reading, item);
    if (!text)
        return reading_fault(reading, "\"struct\" must be text: \"void *data; size_t size;\"");
    status = declaration_members(reading, text, &members, &count);
    return status < 0 ? status : make_fields(reading, json, members, count, type);
}
