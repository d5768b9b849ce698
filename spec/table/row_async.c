/* What a row says about not waiting: "async". */
#include "spec/table/expression_tree.h"
#include "spec/table/table_parts.h"

#include <string.h>

static int refuse_out(struct reading *reading, const struct row *row)
{
    for (size_t i = 0; i < row->parameter_count; i++) {
        const struct parameter *parameter = &row->parameters[i];
        bool is_out = parameter->type->kind == TYPE_POINTER && parameter->passing.direction & DIRECTION_OUT;

        if (!is_out && !type_brings_back(parameter->type))
            continue;
        reading_part(reading, "parameter", parameter->name ? parameter->name : "without a name", NULL);
        return reading_fault(reading, "\"async\": the caller does not wait, so nothing can come back here");
    }
    return 0;
}

/* "async": {"returns": 0} */
static int read_promise(struct reading *reading, const cJSON *json, const struct type *type, int64_t *value)
{
    const cJSON *returns = cJSON_GetObjectItemCaseSensitive(json, "returns");
    const cJSON *item;

    cJSON_ArrayForEach(item, json)
    {
        reading_key(reading, item);
        if (strcmp(item->string, "returns") != 0)
            return reading_fault(reading, "unknown key \"%.100s\" in \"async\"; there is returns", item->string);
    }
    (void)reading_item(reading, returns ? returns : json);
    if (type->kind == TYPE_VOID || type->kind == TYPE_FLOATING || !type_is_scalar(type))
        return reading_fault(reading,
                             "\"async\" with \"returns\" is for functions that return an integer, a bool or an "
                             "enum; for one that returns nothing write \"async\": true");
    if (!returns)
        return reading_fault(reading,
                             "\"async\": say with \"returns\" what the caller gets at once, which is also what "
                             "the function returns when all is well: {\"returns\": 0}");
    if (cJSON_IsBool(returns)) {
        *value = cJSON_IsTrue(returns);
    } else {
        int status = expression_read_constant(reading, "returns", returns, value);

        if (status < 0)
            return status;
    }
    return row_result_fit(reading, "returns", type, value);
}

int row_async_read(struct reading *reading, const cJSON *json, struct row *row)
{
    const struct type *type = row->result.type;

    if (!json || cJSON_IsFalse(json))
        return 0;
    row->is_async = true;
    (void)reading_item(reading, json);
    if (cJSON_IsObject(json)) {
        int status = read_promise(reading, json, type, &row->async_result);

        return status < 0 ? status : refuse_out(reading, row);
    }
    if (!cJSON_IsTrue(json))
        return reading_fault(reading, "\"async\" must be true, or {\"returns\": VALUE} where the function returns "
                                      "something");
    if (type->kind != TYPE_VOID)
        return reading_fault(reading,
                             "\"async\": the function returns %s; say what its caller gets at once, which is also "
                             "what it returns when all is well: {\"returns\": 0}",
                             type->name);
    return refuse_out(reading, row);
}
