/*
 * Rows that pass the same handles around belong together: one family, routed and toggled as one.
 *
 * Two rows that share a class of handles are in one family, and so are two families that share a row.  Each class
 * has a parent class, itself at first; a row joins all of its classes under one.
 */
#include "spec/table/names.h"
#include "spec/table/table_parts.h"

#include <errno.h>
#include <stdlib.h>

struct families {
    struct names classes;
    size_t *parents; /* of each class */
    size_t count, capacity;
};

static void families_finish(struct families *families)
{
    names_finish(&families->classes);
    free(families->parents);
}

static size_t find_root(struct families *families, size_t class)
{
    while (families->parents[class] != class) {
        families->parents[class] = families->parents[families->parents[class]];
        class = families->parents[class];
    }
    return class;
}

static int grow(struct families *families)
{
    size_t capacity = families->capacity ? families->capacity * 2 : 16;
    size_t *parents = reallocarray(families->parents, capacity, sizeof(*parents));

    if (!parents)
        return -ENOMEM;
    families->parents = parents;
    families->capacity = capacity;
    return 0;
}

static int add_class(struct families *families, const char *name, size_t *class)
{
    if (families->parents && names_find(&families->classes, name, class))
        return 0;
    if (!families->parents || families->count == families->capacity) {
        int status = grow(families);

        if (status < 0)
            return status;
    }
    *class = families->count++;
    families->parents[*class] = *class;
    return names_add(&families->classes, name, *class);
}

enum { NO_CLASS = -1 };

/* Joins every class in the type with `root`, the row's; NO_CLASS until it has one. */
static int join_type(struct families *families, const struct type *type, long *root)
{
    size_t class;
    int status;

    while (type->kind == TYPE_POINTER || type->kind == TYPE_ARRAY)
        type = type->target;
    for (size_t i = 0; i < type->field_count; i++) {
        status = join_type(families, type->fields[i].type, root);
        if (status < 0)
            return status;
    }
    if (type->kind != TYPE_HANDLE)
        return 0;

    status = add_class(families, type->handle, &class);
    if (status < 0)
        return status;
    class = find_root(families, class);
    if (*root != NO_CLASS)
        families->parents[class] = find_root(families, (size_t)*root);
    *root = (long)find_root(families, class);
    return 0;
}

static int join_row(struct families *families, const struct row *row, long *root)
{
    int status = join_type(families, row->result.type, root);

    for (size_t i = 0; i < row->parameter_count && status == 0; i++)
        status = join_type(families, row->parameters[i].type, root);
    return status;
}

/* Numbers in the order in which the rows come; until then row->family holds the row's class, plus one. */
static int number_rows(struct families *families, struct row *rows, size_t count)
{
    unsigned *numbers = calloc(families->count + 1, sizeof(*numbers));
    unsigned last = 0;

    if (!numbers)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        size_t root;

        if (!rows[i].family)
            continue;
        root = find_root(families, rows[i].family - 1);
        if (!numbers[root])
            numbers[root] = ++last;
        rows[i].family = numbers[root];
    }
    free(numbers);
    return 0;
}

bool row_has_handle(const struct row *row)
{
    struct families families = {0};
    long root = NO_CLASS;
    int status = join_row(&families, row, &root);

    families_finish(&families);
    return status < 0 || root != NO_CLASS;
}

int family_number(struct row *rows, size_t count)
{
    struct families families = {0};
    int status = 0;

    for (size_t i = 0; i < count && status == 0; i++) {
        long root = NO_CLASS;

        status = join_row(&families, &rows[i], &root);
        rows[i].family = (unsigned)(root + 1);
    }
    if (status == 0)
        status = number_rows(&families, rows, count);
    families_finish(&families);
    return status;
}
