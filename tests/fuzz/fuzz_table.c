/*
 * A spec file from somebody else: read it, then use everything in it.
 *
 * Each row is described, and each size evaluated with arguments that are all zero and that are all ones, whose
 * pointers lead to readable memory.
 */
#include "spec/base/scratch.h"
#include "spec/table/table.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static const uint64_t zero = 0, ones = UINT64_MAX;

static void evaluate_passing(const struct passing *passing, const struct scope *scope)
{
    uint64_t value;

    if (passing->length && expression_evaluate(passing->length, scope, &value) == 0)
        (void)expression_text(passing->length);
    if (passing->returned && expression_evaluate(passing->returned, scope, &value) == 0)
        (void)expression_text(passing->returned);
    if (passing->capacity && expression_evaluate(passing->capacity, scope, &value) == 0)
        (void)expression_text(passing->capacity);
}

static const struct type *target_of(const struct type *type)
{
    while (type->kind == TYPE_POINTER || type->kind == TYPE_ARRAY)
        type = type->target;
    return type;
}

/* The struct itself is as large as it says: a sanitizer sees a field that lies outside. */
static void evaluate_fields(const struct type *type, void *const *arguments)
{
    struct scratch memory = {0};
    void *object = scratch_take(&memory, type->size);

    if (object) {
        memset(object, 0xff, type->size);
        for (size_t i = 0; i < type->field_count; i++) {
            const struct scope scope = {.arguments = arguments, .object = object};

            evaluate_passing(&type->fields[i].passing, &scope);
        }
    }
    scratch_finish(&memory);
}

static void evaluate_row(const struct row *row, const uint64_t *number)
{
    const void *pointers[TABLE_PARAMETERS_MOST];
    void *arguments[TABLE_PARAMETERS_MOST];
    const struct scope scope = {.arguments = arguments};

    for (size_t i = 0; i < row->parameter_count; i++) {
        pointers[i] = number;
        arguments[i] = row->parameters[i].type->kind == TYPE_POINTER ? (void *)&pointers[i] : (void *)(uintptr_t)number;
    }
    for (size_t i = 0; i < row->parameter_count; i++) {
        evaluate_passing(&row->parameters[i].passing, &scope);
        if (target_of(row->parameters[i].type)->kind == TYPE_STRUCT)
            evaluate_fields(target_of(row->parameters[i].type), arguments);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct diagnostics diagnostics = {0};
    struct table *table;

    if (table_parse(&table, (const char *)data, size, "fuzz.json", &diagnostics) < 0) {
        diagnostics_finish(&diagnostics);
        return 0;
    }
    for (size_t i = 0; i < table->row_count; i++) {
        AUTO_TEXT struct text text = {0};

        row_describe(&table->rows[i], &text);
        evaluate_row(&table->rows[i], &zero);
        evaluate_row(&table->rows[i], &ones);
    }
    table_destroy(table);
    diagnostics_finish(&diagnostics);
    return 0;
}
