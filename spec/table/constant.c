/* Numbers with names: those of "constants", and enumerators. */
#include "spec/table/declaration.h"
#include "spec/table/expression_tree.h"
#include "spec/table/reading.h"
#include "spec/table/type_names.h"

#include <errno.h>
#include <stdlib.h>

bool types_find_constant(const struct types *types, const char *name, int64_t *value)
{
    size_t number;

    if (!names_find(&types->constant_names, name, &number))
        return false;
    *value = types->constants[number];
    return true;
}

static int grow_constants(struct types *types)
{
    size_t capacity = types->constant_capacity ? types->constant_capacity * 2 : 64;
    int64_t *constants = reallocarray(types->constants, capacity, sizeof(*constants));

    if (!constants)
        return -ENOMEM;
    types->constants = constants;
    types->constant_capacity = capacity;
    return 0;
}

int types_add_constant(struct reading *reading, const char *name, int64_t value)
{
    struct types *types = reading->types;
    int status = 0;

    if (!declaration_is_name(name))
        return reading_fault(reading, "\"%.100s\" cannot be the name of a constant: letters, digits and _ can", name);
    if (types->constant_count == types->constant_capacity)
        status = grow_constants(types);
    if (status == 0)
        status = names_add(&types->constant_names, name, types->constant_count);
    if (status == -ENOMEM)
        reading->out_of_memory = true;
    if (status == -EEXIST)
        return reading_fault(reading, "the constant %s is there twice", name);
    if (status == 0)
        types->constants[types->constant_count++] = value;
    return status;
}

static int read_constant(struct reading *reading, const cJSON *json)
{
    int64_t value;
    int status;

    reading_owner(reading, "constant", json->string, json);
    status = expression_read_constant(reading, "value", json, &value);
    return status < 0 ? status : types_add_constant(reading, json->string, value);
}

/* Whether the value can be computed by now.  What is wrong with it is not told yet. */
static bool is_known(struct reading *reading, const cJSON *json)
{
    struct diagnostics *diagnostics = reading->diagnostics;
    size_t faults = reading->faults;
    int64_t value;
    bool known;

    reading->diagnostics = NULL;
    known = expression_read_constant(reading, "value", json, &value) == 0;
    reading->diagnostics = diagnostics;
    reading->faults = faults;
    return known;
}

void constants_read(struct reading *reading, const cJSON *constants, bool *is_late)
{
    const cJSON *item;

    (void)reading_item(reading, constants);
    if (constants && !cJSON_IsObject(constants)) {
        reading_fault(reading, "\"constants\" must be an object: {\"NAME\": 1}");
        return;
    }
    cJSON_ArrayForEach(item, constants)
    {
        *is_late = !is_known(reading, item);
        if (!*is_late++ && read_constant(reading, item) == -ENOMEM)
            break;
    }
    reading_owner(reading, NULL, NULL, NULL);
}

void constants_read_late(struct reading *reading, const cJSON *constants, const bool *is_late)
{
    const cJSON *item;

    if (!cJSON_IsObject(constants))
        return;
    cJSON_ArrayForEach(item, constants)
    {
        if (*is_late++ && read_constant(reading, item) == -ENOMEM)
            break;
    }
    reading_owner(reading, NULL, NULL, NULL);
}
