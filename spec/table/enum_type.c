/* {"enum": "A = 0, B, C = 1 << 4"}: C's rules for the values, one constant for each name. */
#include "spec/table/expression_tree.h"
#include "spec/table/lexer.h"
#include "spec/table/reading.h"
#include "spec/table/type_names.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static bool fits(const struct type *type, int64_t value)
{
    if (type_is_signed(type))
        return value >= INT_MIN && value <= INT_MAX;
    return value >= 0 && value <= UINT_MAX;
}

/* "C = 1 << 4"; *next is the value it has without one. */
static int read_enumerator(struct reading *reading, char *text, const struct type *type, struct enumerator *enumerator,
                           int64_t *next)
{
    char *value = strchr(text, '=');
    int status = 0;

    if (value)
        *value++ = '\0';
    text += strspn(text, " \t\r\n");
    text[strcspn(text, " \t\r\n")] = '\0';
    if (value)
        status = expression_parse_constant(reading, text, value + strspn(value, " \t\r\n"), next);
    if (status < 0)
        return status;
    if (!fits(type, *next))
        return reading_fault(reading, "%s does not fit %s%s", text, type->target->name,
                             type_is_signed(type) && *next > 0 ? "; add \"unsigned\": true" : "");
    *enumerator = (struct enumerator){.name = text, .value = *next};
    ++*next;
    return types_add_constant(reading, text, enumerator->value);
}

static size_t count_commas(const char *text)
{
    size_t count = 0;

    for (; *text; text++)
        count += *text == ',';
    return count;
}

static int read_enumerators(struct reading *reading, char *text, struct type *type)
{
    struct enumerator *list = reading_take(reading, count_commas(text) + 1, sizeof(*list));
    int64_t next = 0;
    char *one;

    if (!list)
        return -ENOMEM;
    type->enumerators = list;
    while ((one = strsep(&text, ",")) != NULL) {
        int status;

        if (!text && type->enumerator_count && !one[strspn(one, " \t\r\n")])
            break; /* C allows a comma after the last one */
        status = read_enumerator(reading, one, type, &list[type->enumerator_count], &next);
        if (status < 0)
            return status;
        type->enumerator_count++;
    }
    return 0;
}

static int read_members(struct reading *reading, const cJSON *json, bool *is_unsigned)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, json)
    {
        if (strcmp(item->string, "enum") == 0 || strcmp(item->string, "comment") == 0)
            continue;
        reading_key(reading, item);
        if (strcmp(item->string, "unsigned") != 0)
            return reading_fault(reading,
                                 "unknown key \"%.100s\" beside \"enum\"; there are \"unsigned\" and "
                                 "\"comment\"",
                                 item->string);
        if (reading_flag(reading, item, is_unsigned) < 0)
            return -EINVAL;
    }
    (void)reading_item(reading, NULL);
    return 0;
}

int enum_type_read(struct reading *reading, const cJSON *json, struct type *type)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, "enum");
    const char *text = cJSON_GetStringValue(item);
    bool is_unsigned = false;
    char *copy;
    int status = read_members(reading, json, &is_unsigned);

    if (status < 0)
        return status;
    reading_text(reading, item);
    if (!text)
        return reading_fault(reading, "\"enum\" must be text: \"A = 0, B, C = 1 << 4\"");

    type->kind = TYPE_ENUM;
    type->target = type_built_in(is_unsigned ? "unsigned int" : "int");
    type->size = type->target->size;
    type->alignment = type->target->alignment;
    copy = reading_copy(reading, text, strlen(text));
    if (!copy)
        return -ENOMEM;
    lexer_blank_comments(copy);
    return read_enumerators(reading, copy, type);
}
