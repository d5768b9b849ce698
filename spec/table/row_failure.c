/*
 * What a row says about the day the host is gone: "lost", "failure", "idempotent".
 *
 * The rules keep one promise: a caller never gets a value that looks like a result and is none.  So a row names the
 * value that means failure, or runs the function here, or ends the program, and says which.
 */
#include "spec/table/expression_tree.h"
#include "spec/table/table_parts.h"
#include "spec/table/type_names.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <string.h>

static int read_lost(struct reading *reading, const cJSON *json, enum lost_policy *lost)
{
    static const char *const names[] = {[LOST_FAIL] = "fail", [LOST_NATIVE] = "native", [LOST_ABORT] = "abort"};
    const char *name = cJSON_GetStringValue(json);

    if (!json)
        return 0;
    (void)reading_item(reading, json);
    for (unsigned i = 0; name && i < COUNT_OF(names); i++) {
        if (strcmp(name, names[i]) == 0) {
            *lost = (enum lost_policy)i;
            return 0;
        }
    }
    return reading_fault(reading, "\"lost\" must be \"fail\", \"native\" or \"abort\"");
}

static bool fits_integer(const struct type *type, int64_t value)
{
    unsigned bits = (unsigned)type->size * CHAR_BIT;

    if (type->kind == TYPE_BOOL)
        return value == 0 || value == 1;
    if (type->kind == TYPE_HANDLE || type->kind == TYPE_POINTER)
        return value == 0 || (value == -1 && type->kind == TYPE_HANDLE);
    if (type_is_signed(type))
        return bits >= 64 || (value >= -((int64_t)1 << (bits - 1)) && value < (int64_t)1 << (bits - 1));
    /* -1 is how C programmers write the largest value: (size_t)-1 */
    return value == -1 || (value >= 0 && (bits >= 64 || value < (int64_t)1 << bits));
}

int row_result_fit(struct reading *reading, const char *key, const struct type *type, int64_t *value)
{
    if (!fits_integer(type, *value))
        return reading_fault(reading, "\"%s\": %lld does not fit %s%s", key, (long long)*value, type->name,
                             type->kind == TYPE_HANDLE ? "; write null" : "");
    if (*value == -1 && type->size < sizeof(*value) && !type_is_signed(type))
        *value = ((int64_t)1 << (type->size * CHAR_BIT)) - 1;
    return 0;
}

static int set_integer(struct reading *reading, struct row *row, int64_t value)
{
    const struct type *type = row->result.type;

    if (type->kind == TYPE_STRUCT && value != 0)
        return reading_fault(reading, "\"failure\" of a function that returns a struct must be null: all bytes zero");
    if (type->kind != TYPE_STRUCT) {
        int status = row_result_fit(reading, "failure", type, &value);

        if (status < 0)
            return status;
    }
    row->failure.value.integer = value;
    row->failure.is_given = true;
    return 0;
}

static int set_floating(struct reading *reading, struct row *row, const cJSON *json)
{
    const char *name = cJSON_GetStringValue(json);

    if (cJSON_IsNumber(json))
        row->failure.value.floating = json->valuedouble;
    else if (name && strcmp(name, "NaN") == 0)
        row->failure.value.floating = NAN;
    else if (name && (strcmp(name, "Infinity") == 0 || strcmp(name, "-Infinity") == 0))
        row->failure.value.floating = name[0] == '-' ? -HUGE_VAL : HUGE_VAL;
    else
        return reading_fault(reading,
                             "\"failure\" of a function that returns %s must be a number, \"NaN\", "
                             "\"Infinity\" or \"-Infinity\"",
                             row->result.type->name);
    row->failure.is_given = true;
    return 0;
}

static int read_value(struct reading *reading, const cJSON *json, struct row *row)
{
    const struct type *type = row->result.type;
    int64_t value;
    int status;

    (void)reading_item(reading, json);
    if (type->kind == TYPE_FLOATING)
        return set_floating(reading, row, json);
    if (cJSON_IsNull(json) && type_is_scalar(type))
        return reading_fault(reading, "\"failure\": null does not fit %s; write a number", type->name);
    if (cJSON_IsNull(json))
        return set_integer(reading, row, 0);
    if (cJSON_IsBool(json))
        return set_integer(reading, row, cJSON_IsTrue(json));
    if (!cJSON_IsString(json) && !reading_is_integer(json, &value))
        return reading_fault(reading,
                             "\"failure\" of a function that returns %s must be a whole number, null, true, "
                             "false or the name of a constant",
                             type->name);
    status = expression_read_constant(reading, "failure", json, &value);
    return status < 0 ? status : set_integer(reading, row, value);
}

static int read_error_number(struct reading *reading, const cJSON *json, struct failure *failure)
{
    const char *name = cJSON_GetStringValue(json);
    int64_t number;

    (void)reading_item(reading, json);
    if (name && error_number_parse(name, &failure->error_number) == 0)
        return 0;
    if (!reading_is_integer(json, &number) || number <= 0 || number > 4095)
        return reading_fault(reading, "\"errno\" in \"failure\" must be a name such as \"EIO\" or a number from 1 on");
    failure->error_number = (int)number;
    return 0;
}

static int read_failure_object(struct reading *reading, const cJSON *json, struct row *row)
{
    const cJSON *value = NULL, *item;

    cJSON_ArrayForEach(item, json)
    {
        int status = 0;

        reading_key(reading, item);
        if (strcmp(item->string, "return") == 0)
            value = item;
        else if (strcmp(item->string, "errno") == 0)
            status = read_error_number(reading, item, &row->failure);
        else
            return reading_fault(reading, "unknown key \"%.100s\" in \"failure\"; there are return and errno",
                                 item->string);
        if (status < 0)
            return status;
    }
    (void)reading_item(reading, json);
    if (row->result.type->kind == TYPE_VOID)
        return value ? reading_fault(reading, "the function returns nothing, so \"failure\" has no \"return\"") : 0;
    if (!value)
        return reading_fault(reading, "\"failure\" needs \"return\" too: {\"return\": -1, \"errno\": \"EIO\"}");
    return read_value(reading, value, row);
}

/* A default that stands in the table is not for functions that return nothing. */
static int read_failure(struct reading *reading, const cJSON *json, const cJSON *otherwise, struct row *row)
{
    const cJSON *own = cJSON_GetObjectItemCaseSensitive(json, "failure");
    bool is_void = row->result.type->kind == TYPE_VOID;

    if (!own && (!otherwise || is_void))
        return 0;
    if (!own)
        own = otherwise;
    if (cJSON_IsObject(own))
        return read_failure_object(reading, own, row);
    (void)reading_item(reading, own);
    if (is_void)
        return reading_fault(reading, "the function returns nothing, so there is no \"failure\" value; only "
                                      "{\"errno\": \"EIO\"} can be said");
    return read_value(reading, own, row);
}

/* "native" needs a value as well where running it here may not be possible: it was sent, or the family lives there. */
static int check_native(struct reading *reading, const struct row *row)
{
    if (row->failure.is_given || row->result.type->kind == TYPE_VOID)
        return 0;
    if (row_has_handle(row))
        return reading_fault(reading,
                             "\"lost\": \"native\" cannot be kept while handles of the host are open; say with "
                             "\"failure\" what is returned then");
    if (!row->idempotent)
        return reading_fault(reading,
                             "\"lost\": \"native\" runs the function again, perhaps after the host ran it: add "
                             "\"idempotent\": true if that does no harm, else say with \"failure\" what is "
                             "returned");
    return 0;
}

static int check_enough(struct reading *reading, const struct row *row, bool lost_is_said)
{
    if (row->lost == LOST_ABORT)
        return 0;
    if (row->lost == LOST_NATIVE)
        return check_native(reading, row);
    if (row->result.type->kind == TYPE_VOID && !lost_is_said)
        return reading_fault(reading, "returns nothing, so its caller cannot see that the host is gone: say with "
                                      "\"lost\" whether that is so (\"fail\"), or \"native\" or \"abort\"");
    if (row->result.type->kind != TYPE_VOID && !row->failure.is_given)
        return reading_fault(reading,
                             "\"failure\" is missing: the %s that says it failed; where every value may be a "
                             "result, \"lost\": \"native\" or \"abort\"",
                             row->result.type->name);
    return 0;
}

int row_failure_read(struct reading *reading, const cJSON *json, const struct row_defaults *defaults, struct row *row)
{
    const cJSON *lost = row_key(json, "lost", defaults->lost);
    int status = read_lost(reading, lost, &row->lost);

    if (status == 0)
        status = reading_flag(reading, row_key(json, "idempotent", defaults->idempotent), &row->idempotent);
    if (status == 0)
        status = read_failure(reading, json, defaults->failure, row);
    (void)reading_item(reading, NULL);
    return status < 0 ? status : check_enough(reading, row, lost != NULL);
}
