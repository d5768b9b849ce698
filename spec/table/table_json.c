/*
 * The JSON of a spec file: cJSON parses it, and what cJSON lets pass is looked for here.
 *
 * A NUL would cut a string short in silence, and of two members with one name only the first would be seen.
 */
#include "spec/table/names.h"
#include "spec/table/table_parts.h"

#include <errno.h>
#include <string.h>

enum { MEMBERS_WITHOUT_MAP = 16, NESTING_MOST = 32 };

/* Where the escape \u0000 stands; `size` when it does not. */
static size_t find_escaped_nul(const char *json, size_t size)
{
    static const char escape[] = "\\u0000";

    for (size_t i = 0; i + 1 < size; i++) {
        if (json[i] != '\\')
            continue;
        if (size - i >= strlen(escape) && memcmp(json + i, escape, strlen(escape)) == 0)
            return i;
        i++; /* what is escaped is no backslash of its own */
    }
    return size;
}

static int check_nul(struct reading *reading, const char *json, size_t size)
{
    const char *nul = memchr(json, '\0', size);
    size_t escaped;

    if (nul)
        return reading_fault_at(reading, (size_t)(nul - json), "a NUL byte; a spec file is text");
    escaped = find_escaped_nul(json, size);
    if (escaped < size)
        return reading_fault_at(reading, escaped, "\\u0000 cannot be part of a name or a text");
    return 0;
}

/* How many brackets are open at most, those in strings not counted. */
static int check_nesting(struct reading *reading, const char *json, size_t size)
{
    unsigned depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < size; i++) {
        if (json[i] == '"')
            in_string = !in_string;
        else if (in_string)
            i += json[i] == '\\';
        else if (json[i] == '[' || json[i] == '{')
            depth++;
        else if ((json[i] == ']' || json[i] == '}') && depth)
            depth--;
        if (depth > NESTING_MOST)
            return reading_fault_at(reading, i, "nested too deep; no spec file needs that");
    }
    return 0;
}

static int fault_double(struct reading *reading, const cJSON *item)
{
    reading_key(reading, item);
    return reading_fault(reading, "the key \"%.100s\" is there twice in one object", item->string);
}

static int check_small_object(struct reading *reading, const cJSON *object)
{
    for (const cJSON *item = object->child; item; item = item->next) {
        for (const cJSON *other = object->child; other != item; other = other->next) {
            if (strcmp(item->string, other->string) == 0)
                return fault_double(reading, item);
        }
    }
    return 0;
}

static int check_large_object(struct reading *reading, const cJSON *object)
{
    AUTO_NAMES struct names names = {0};

    for (const cJSON *item = object->child; item; item = item->next) {
        int status = names_add(&names, item->string, 0);

        if (status == -EEXIST)
            return fault_double(reading, item);
        if (status < 0)
            return status;
    }
    return 0;
}

/* Recursion is as deep as the text nests: NESTING_MOST. */
static int check_doubles(struct reading *reading, const cJSON *json)
{
    int status = 0;

    if (cJSON_IsObject(json) && cJSON_GetArraySize(json) > MEMBERS_WITHOUT_MAP)
        status = check_large_object(reading, json);
    else if (cJSON_IsObject(json))
        status = check_small_object(reading, json);
    for (const cJSON *item = json->child; item && status == 0; item = item->next)
        status = check_doubles(reading, item);
    return status;
}

static int check_rest(struct reading *reading, const char *json, size_t size, const char *end)
{
    size_t at = (size_t)(end - json);

    while (at < size && strchr(" \t\r\n", json[at]))
        at++;
    if (at < size)
        return reading_fault_at(reading, at, "something follows the end of the table");
    return 0;
}

int table_json_parse(struct reading *reading, const char *json, size_t size, cJSON **tree)
{
    const char *end = json;
    int status = check_nul(reading, json, size);

    if (status == 0)
        status = check_nesting(reading, json, size);
    if (status < 0)
        return status;
    *tree = cJSON_ParseWithLengthOpts(json, size, &end, false);
    if (!*tree)
        return reading_fault_at(reading, end ? (size_t)(end - json) : 0,
                                "this is not JSON; the fault is here or just before");

    reading->text.tree = *tree;
    status = check_rest(reading, json, size, end);
    if (status == 0 && !cJSON_IsObject(*tree))
        status = reading_fault(reading, "a spec file is a JSON object: {\"table\": \"NAME\", ...}");
    if (status == 0)
        status = check_doubles(reading, *tree);
    if (status < 0) {
        position_forget(&reading->text);
        cJSON_Delete(*tree);
        reading->text.tree = *tree = NULL;
    }
    return status;
}
