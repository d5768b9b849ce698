/* {"struct": "void *data; size_t size;", "data": {...}}: members as C text, layout as this process has it. */
#include "spec/table/declaration.h"
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

    while (type->kind == TYPE_ARRAY)
        type = type->target;
    if (type->kind != TYPE_STRUCT)
        return 1;
    for (size_t i = 0; i < type->field_count; i++)
        leaves += count_leaves(type->fields[i].type);
    return leaves;
}

static int check_member(struct reading *reading, const struct type *type)
{
    const struct type *element = type;

    while (element->kind == TYPE_ARRAY)
        element = element->target;
    if (element->kind == TYPE_POINTER && element->target->kind == TYPE_STRUCT)
        return reading_fault(reading, "pointers to structs inside structs are not there yet");
    if (element->kind == TYPE_POINTER && element->target->kind == TYPE_HANDLE)
        return reading_fault(reading, "pointers to handles inside structs are not there yet");
    if (type->kind == TYPE_ARRAY && type_has_pointers(element))
        return reading_fault(reading, "arrays, inside structs, of structs with pointers are not there yet");
    return 0;
}

static int lay_out(struct reading *reading, const struct declaration *members, struct field *fields, struct type *type)
{
    size_t leaves = 0;

    for (size_t i = 0; i < type->field_count; i++) {
        int status;

        reading_part(reading, "member", members[i].name, NULL);
        fields[i].name = members[i].name;
        status = types_resolve(reading, &members[i], TYPE_PLACE_MEMBER, &fields[i].type);
        if (status == 0)
            status = check_member(reading, fields[i].type);
        if (status < 0)
            return status;

        fields[i].offset = round_up(type->size, fields[i].type->alignment);
        type->size = fields[i].offset + fields[i].type->size;
        if (type->alignment < fields[i].type->alignment)
            type->alignment = fields[i].type->alignment;
        leaves += count_leaves(fields[i].type);
        if (type->size > STRUCT_SIZE_MOST || leaves > STRUCT_LEAVES_MOST)
            return reading_fault(reading, "a struct of more than %d bytes or %d members", STRUCT_SIZE_MOST,
                                 STRUCT_LEAVES_MOST);
    }
    type->size = round_up(type->size, type->alignment);
    return 0;
}

static bool is_reserved(const char *key)
{
    return strcmp(key, "struct") == 0 || strcmp(key, "comment") == 0;
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

int struct_type_read(struct reading *reading, const cJSON *json, struct type *type)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, "struct");
    const char *text = cJSON_GetStringValue(item);
    struct declaration *members;
    struct field *fields;
    int status;

    type->alignment = 1;
    reading_text(reading, item);
    if (!text)
        return reading_fault(reading, "\"struct\" must be text: \"void *data; size_t size;\"");
    status = declaration_members(reading, text, &members, &type->field_count);
    if (status < 0)
        return status;
    if (!type->field_count)
        return reading_fault(reading, "a struct without members; write \"opaque\" when only the library looks inside");

    fields = reading_take(reading, type->field_count, sizeof(*fields));
    if (!fields)
        return -ENOMEM;
    type->fields = fields;
    status = lay_out(reading, members, fields, type);
    return status < 0 ? status : read_members(reading, json, fields, type);
}
