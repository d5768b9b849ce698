/* A type is copied down to the member in question: others may use the original. */
#include "spec/table/members.h"

#include "spec/base/text.h"
#include "spec/table/passing.h"
#include "spec/table/reading.h"

#include <errno.h>
#include <string.h>

static struct type *copy_type(struct reading *reading, const struct type *type)
{
    struct type *copy = reading_take(reading, 1, sizeof(*copy));

    if (copy)
        *copy = *type;
    return copy;
}

static struct field *find_field(struct field *fields, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

static int fault_unknown(struct reading *reading, const struct type *type, const cJSON *item)
{
    AUTO_TEXT struct text list = {0};

    for (size_t i = 0; i < type->field_count && i < 12; i++)
        text_format(&list, "%s %.60s", i ? "," : "", type->fields[i].name);
    reading_key(reading, item);
    return reading_fault(reading, "no member of %s is called \"%.100s\"; the members are:%s", type->name, item->string,
                         list.data ? list.data : "");
}

static const char *path_of(struct reading *reading, const char *path, const char *name)
{
    AUTO_TEXT struct text text = {0};

    text_format(&text, "%s.%s", path, name);
    return text.failed ? NULL : reading_copy(reading, text.data, text.size);
}

static int read_member(struct reading *reading, const cJSON *words, const char *path,
                       const struct expression_names *names, struct field *field)
{
    const struct passing_place place = {PASSING_MEMBER, field->name, field->type, names, NULL};
    const char *inside = path_of(reading, path, field->name);
    int status;

    if (!inside)
        return -ENOMEM;
    reading_part(reading, "parameter", inside, words);
    status = passing_read(reading, &place, words, &field->passing);
    return status < 0 ? status : members_read(reading, words, inside, names, &field->type);
}

static int read_struct(struct reading *reading, const cJSON *members, const char *path,
                       const struct expression_names *outer, struct type *type)
{
    struct field *fields = reading_take(reading, type->field_count, sizeof(*fields));
    struct expression_names names = *outer;
    const cJSON *item;
    int status = 0;

    if (!fields)
        return -ENOMEM;
    memcpy(fields, type->fields, type->field_count * sizeof(*fields));
    type->fields = fields;
    names.fields = fields;
    names.field_count = type->field_count;
    cJSON_ArrayForEach(item, members)
    {
        struct field *field = find_field(fields, type->field_count, item->string);

        status = field ? read_member(reading, item, path, &names, field) : fault_unknown(reading, type, item);
        reading_part(reading, "parameter", path, members);
        if (status < 0)
            return status;
    }
    return 0;
}

int members_read(struct reading *reading, const cJSON *words, const char *path, const struct expression_names *names,
                 const struct type **type)
{
    const cJSON *members = cJSON_GetObjectItemCaseSensitive(words, "members");
    struct type *copy, *target;

    if (!members)
        return 0;
    copy = copy_type(reading, *type);
    if (!copy)
        return -ENOMEM;
    *type = copy;
    if (copy->kind != TYPE_POINTER)
        return read_struct(reading, members, path, names, copy);
    target = copy_type(reading, copy->target);
    if (!target)
        return -ENOMEM;
    copy->target = target;
    return read_struct(reading, members, path, names, target);
}
