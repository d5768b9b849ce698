/* One row: the prototype first, then the keys that say what C cannot. */
#include "spec/table/declaration.h"
#include "spec/table/members.h"
#include "spec/table/names.h"
#include "spec/table/passing.h"
#include "spec/table/table_parts.h"
#include "spec/table/type_names.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static const char *const reserved_keys[] = {"prototype", "lost",    "failure", "compare", "idempotent", "timeout_ms",
                                            "errno",     "handler", "comment", "return",  "async"};

static bool is_reserved(const char *key)
{
    for (size_t i = 0; i < COUNT_OF(reserved_keys); i++) {
        if (strcmp(key, reserved_keys[i]) == 0)
            return true;
    }
    return false;
}

static const char *label(const char *name)
{
    return name ? name : "without a name";
}

static int add_parameter_name(struct reading *reading, struct names *names, const char *name, size_t index)
{
    int status;

    reading_part(reading, "parameter", name, NULL);
    if (is_reserved(name))
        return reading_fault(reading,
                             "\"%s\" is a key of the row itself; give the parameter another name in the "
                             "prototype (C does not mind)",
                             name);
    status = names_add(names, name, index);
    return status == -EEXIST ? reading_fault(reading, "the name is there twice") : status;
}

static int read_prototype(struct reading *reading, const struct prototype *prototype, struct row *row,
                          struct names *names)
{
    struct parameter *parameters = reading_take(reading, prototype->parameter_count, sizeof(*parameters));
    int status;

    row->parameters = parameters;
    row->result.name = "return";
    if (!parameters)
        return -ENOMEM;
    status = types_resolve(reading, &prototype->result, TYPE_PLACE_RESULT, &row->result.type);
    for (size_t i = 0; i < prototype->parameter_count && status == 0; i++) {
        const struct declaration *declaration = &prototype->parameters[i];

        if (declaration->name)
            status = add_parameter_name(reading, names, declaration->name, i);
        reading_part(reading, "parameter", label(declaration->name), NULL);
        parameters[i].name = declaration->name;
        if (status == 0)
            status = types_resolve(reading, declaration, TYPE_PLACE_PARAMETER, &parameters[i].type);
        row->parameter_count = i + 1;
    }
    reading_part(reading, NULL, NULL, NULL);
    return status;
}

static int check_keys(struct reading *reading, const cJSON *json, const struct row *row, const struct names *names)
{
    const cJSON *item;
    size_t number;

    cJSON_ArrayForEach(item, json)
    {
        AUTO_TEXT struct text list = {0};

        if (is_reserved(item->string) || names_find(names, item->string, &number))
            continue;
        for (size_t i = 0; i < row->parameter_count; i++)
            text_format(&list, "%s %s", i ? "," : "", row->parameters[i].name ? row->parameters[i].name : "(no name)");
        reading_key(reading, item);
        return reading_fault(reading,
                             "unknown key \"%.100s\": no parameter is called that (the parameters are:%s), "
                             "and the other keys are in docs/spec-files.md",
                             item->string, list.data ? list.data : " none");
    }
    return 0;
}

static int read_passings(struct reading *reading, const cJSON *json, const struct prototype *prototype, struct row *row)
{
    const struct expression_names names = {
        .result = &row->result, .parameters = row->parameters, .parameter_count = row->parameter_count};
    const cJSON *result_words = cJSON_GetObjectItemCaseSensitive(json, "return");
    const struct passing_place result = {PASSING_RESULT, "return", row->result.type, &names, NULL};
    int status;

    reading_part(reading, "result", "", result_words);
    status = passing_read(reading, &result, result_words, &row->result.passing);
    for (size_t i = 0; i < row->parameter_count; i++) {
        struct parameter *parameter = &row->parameters[i];
        const struct declaration *declaration = &prototype->parameters[i];
        const char *bound = declaration->array_count ? declaration->arrays[0] : NULL;
        const struct passing_place place = {PASSING_PARAMETER, parameter->name, parameter->type, &names, bound};
        const cJSON *words = parameter->name ? cJSON_GetObjectItemCaseSensitive(json, parameter->name) : NULL;
        int result_here;

        reading_part(reading, "parameter", label(parameter->name), words);
        result_here = passing_read(reading, &place, words, &parameter->passing);
        if (result_here == 0)
            result_here = members_read(reading, words, label(parameter->name), &names, &parameter->type);
        status = result_here < 0 ? result_here : status;
    }
    reading_part(reading, NULL, NULL, NULL);
    return status;
}

static int read_compare(struct reading *reading, const cJSON *json, bool *safe)
{
    const char *word = cJSON_GetStringValue(json);

    if (!json)
        return 0;
    (void)reading_item(reading, json);
    *safe = word && strcmp(word, "safe") == 0;
    if (!*safe && (!word || strcmp(word, "never") != 0))
        return reading_fault(reading, "\"compare\" must be \"safe\" (may run twice) or \"never\"");
    return 0;
}

static int read_timeout(struct reading *reading, const cJSON *json, unsigned *timeout_ms)
{
    int64_t value;

    if (!json)
        return 0;
    (void)reading_item(reading, json);
    if (!reading_is_integer(json, &value) || value <= 0 || value > INT_MAX)
        return reading_fault(reading, "\"timeout_ms\" must be a whole number from 1 to %d", INT_MAX);
    *timeout_ms = (unsigned)value;
    return 0;
}

static int read_errno(struct reading *reading, const cJSON *json, bool *keeps_errno)
{
    (void)reading_item(reading, json);
    if (json && !cJSON_IsBool(json))
        return reading_fault(reading, "\"errno\" must be true (it travels) or false (it is left alone); the errno of a "
                                      "failure stands in \"failure\"");
    *keeps_errno = json && !cJSON_IsTrue(json);
    return 0;
}

/* "handler": "symbol", or with the library that has it. */
static int read_handler(struct reading *reading, const cJSON *json, struct row *row)
{
    const cJSON *item, *symbol = json;

    if (!json)
        return 0;
    (void)reading_item(reading, json);
    if (cJSON_IsObject(json))
        symbol = cJSON_GetObjectItemCaseSensitive(json, "symbol");
    if (!cJSON_IsString(symbol) || !declaration_is_name(symbol->valuestring))
        return reading_fault(reading, "\"handler\" must name the function that the host calls: \"my_crc32\" or "
                                      "{\"symbol\": \"my_crc32\", \"library\": \"./libmine.so\"}");
    row->symbol = reading_copy(reading, symbol->valuestring, strlen(symbol->valuestring));
    if (!row->symbol)
        return -ENOMEM;
    cJSON_ArrayForEach(item, json)
    {
        reading_key(reading, item);
        if (strcmp(item->string, "symbol") != 0 && strcmp(item->string, "library") != 0)
            return reading_fault(reading, "unknown key \"%.100s\" in \"handler\"; there are symbol and library",
                                 item->string);
    }
    return library_read(reading, cJSON_GetObjectItemCaseSensitive(json, "library"), &row->library);
}

const cJSON *row_key(const cJSON *row, const char *key, const cJSON *otherwise)
{
    const cJSON *json = cJSON_GetObjectItemCaseSensitive(row, key);

    return json ? json : otherwise;
}

static int read_rest(struct reading *reading, const cJSON *json, const struct row_defaults *defaults, struct row *row)
{
    int status = read_compare(reading, row_key(json, "compare", defaults->compare), &row->compare_safe);

    if (status == 0)
        status = read_timeout(reading, row_key(json, "timeout_ms", defaults->timeout_ms), &row->timeout_ms);
    if (status == 0)
        status = read_errno(reading, row_key(json, "errno", defaults->error_number), &row->keeps_errno);
    if (status == 0)
        status = row_async_read(reading, cJSON_GetObjectItemCaseSensitive(json, "async"), row);
    if (status == 0)
        status = read_handler(reading, cJSON_GetObjectItemCaseSensitive(json, "handler"), row);
    (void)reading_item(reading, NULL);
    if (status == 0 && !row->library && !row->table->library)
        status = reading_fault(reading, "no library: say at the top of the file which one has it: "
                                        "\"library\": \"libNAME.so.1\"");
    return status;
}

/* The parts are read even after a fault in another one, where they do not need it. */
static int read_parts(struct reading *reading, const cJSON *json, const struct prototype *prototype,
                      const struct row_defaults *defaults, struct row *row)
{
    int passings = read_passings(reading, json, prototype, row);
    int order = passings < 0 ? passings : row_order_find(reading, row);
    int failure = row_failure_read(reading, json, defaults, row);
    int rest = read_rest(reading, json, defaults, row);

    return order < 0 ? order : failure < 0 ? failure : rest;
}

int row_read(struct reading *reading, const cJSON *json, const struct row_defaults *defaults, struct row *row)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, "prototype");
    const char *text = cJSON_GetStringValue(item);
    AUTO_NAMES struct names names = {0};
    struct prototype prototype;
    char number[24];
    int status;

    snprintf(number, sizeof(number), "%zu", row->index + 1);
    reading_owner(reading, "row", reading_copy(reading, number, strlen(number)), json);
    reading_text(reading, item);
    if (!text)
        return reading_fault(reading, "a row is an object with a \"prototype\": {\"prototype\": \"int f(int a)\"}");
    row->prototype = reading_copy(reading, text, strlen(text));
    if (!row->prototype)
        return -ENOMEM;
    status = declaration_prototype(reading, row->prototype, &prototype);
    if (status < 0)
        return status;

    row->name = prototype.result.name;
    row->symbol = row->name;
    status = read_prototype(reading, &prototype, row, &names);
    if (status == 0)
        status = check_keys(reading, json, row, &names);
    if (status == 0)
        status = read_parts(reading, json, &prototype, defaults, row);
    return status;
}
