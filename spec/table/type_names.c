/*
 * Names into types.
 *
 * A name's entry is read when something first needs it, so entries come in any order; a name that is needed while it
 * is being read contains itself.
 */
#include "spec/table/type_names.h"

#include "spec/table/declaration.h"
#include "spec/table/reading.h"
#include "spec/table/type_build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* "struct foo" without the word: what names the class of its handles. */
static const char *without_tag(const char *name)
{
    const char *space = strchr(name, ' ');

    return space && strncmp(name, "struct ", 7) == 0 ? space + 1 : name;
}

/* A copy under another name, so that messages say what the spec file says. */
static int rename_type(struct reading *reading, const struct type **type, const char *name)
{
    struct type *copy = type_create(reading, TYPE_VOID, name);

    if (!copy)
        return -ENOMEM;
    *copy = **type;
    copy->name = name;
    *type = copy;
    return 0;
}

static int read_opaque(struct reading *reading, struct named_type *named)
{
    struct type *type = type_create(reading, TYPE_OPAQUE, named->name);

    if (!type)
        return -ENOMEM;
    type->alignment = 1;
    type->handle = without_tag(named->name);
    named->type = type;
    return 0;
}

static int read_handle(struct reading *reading, struct named_type *named)
{
    named->type = type_create_handle(reading, named->name, without_tag(named->name));
    return named->type ? 0 : -ENOMEM;
}

/* "unsigned long": another name for something. */
static int read_synonym(struct reading *reading, struct named_type *named, const char *text)
{
    struct declaration declaration;
    const struct named_type *other;
    size_t number;
    int status = declaration_type(reading, text, &declaration);

    if (status == 0)
        status = types_resolve(reading, &declaration, TYPE_PLACE_NAME, &named->type);
    if (status == 0 && named->type->kind != TYPE_OPAQUE)
        status = rename_type(reading, &named->type, named->name);
    if (status < 0)
        return status;

    other = names_find(&reading->types->by_name, declaration.type, &number) ? &reading->types->list[number] : NULL;
    named->is_const = declaration.pointer_count ? declaration.pointer_is_const[declaration.pointer_count - 1]
                                                : declaration.is_const || (other && other->is_const);
    return 0;
}

static int read_compound(struct reading *reading, struct named_type *named)
{
    struct type *type = type_create(reading, TYPE_STRUCT, named->name);

    if (!type)
        return -ENOMEM;
    named->type = type;
    if (cJSON_GetObjectItemCaseSensitive(named->json, "struct"))
        return struct_type_read(reading, named->json, type);
    if (cJSON_GetObjectItemCaseSensitive(named->json, "enum"))
        return enum_type_read(reading, named->json, type);
    if (cJSON_GetObjectItemCaseSensitive(named->json, "union"))
        return reading_fault(reading, "unions are not there yet");
    return reading_fault(reading,
                         "a type is C text, \"opaque\", \"handle\", {\"struct\": \"...\"} or {\"enum\": \"...\"}");
}

static int read_named(struct reading *reading, struct named_type *named)
{
    const char *text = cJSON_GetStringValue(named->json);

    if (!text)
        return read_compound(reading, named);
    reading_text(reading, named->json);
    if (strcmp(text, "opaque") == 0)
        return read_opaque(reading, named);
    if (strcmp(text, "handle") == 0)
        return read_handle(reading, named);
    return read_synonym(reading, named, text);
}

/* Reads a name's type unless that was done; its faults are told under its own name, once. */
static int use_named(struct reading *reading, struct named_type *named)
{
    struct place before = reading->place;
    int status;

    if (named->state == NAMED_TYPE_READ)
        return 0;
    if (named->state == NAMED_TYPE_BROKEN)
        return -EINVAL;
    if (named->state == NAMED_TYPE_READING)
        return reading_fault(reading, "the type %s contains itself", named->name);
    if (reading->types->nesting == TYPE_NESTING_MOST)
        return reading_fault(reading, "types that stand for types, more than %d deep", TYPE_NESTING_MOST);

    named->state = NAMED_TYPE_READING;
    reading->types->nesting++;
    reading_owner(reading, "type", named->name, named->json);
    status = read_named(reading, named);
    named->state = status < 0 ? NAMED_TYPE_BROKEN : NAMED_TYPE_READ;
    reading->types->nesting--;
    reading->place = before;
    return status;
}

/* "struct foo" may also have its entry as "foo". */
static struct named_type *find_named(const struct types *types, const char *name)
{
    size_t number;

    if (names_find(&types->by_name, name, &number))
        return &types->list[number];
    if (!strchr(name, ' ') || !names_find(&types->by_name, strchr(name, ' ') + 1, &number))
        return NULL;
    return &types->list[number];
}

static bool tag_fits(const char *name, const struct type *type)
{
    if (strncmp(name, "struct ", 7) == 0)
        return type->kind == TYPE_STRUCT || type->kind == TYPE_OPAQUE;
    if (strncmp(name, "enum ", 5) == 0)
        return type->kind == TYPE_ENUM;
    return true;
}

static int find_base(struct reading *reading, const char *name, const struct type **type, bool *is_const)
{
    struct named_type *named = find_named(reading->types, name);
    int status;

    *type = type_built_in(name);
    if (*type)
        return 0;
    if (!named)
        return reading_fault(reading, "unknown type \"%s\"; say in \"types\" what it is", name);
    status = use_named(reading, named);
    if (status < 0)
        return status;
    *type = named->type;
    *is_const |= named->is_const;
    if (!tag_fits(name, *type))
        return reading_fault(reading, "%s is no %.*s in \"types\"", named->name, (int)strcspn(name, " "), name);
    return 0;
}

int types_resolve(struct reading *reading, const struct declaration *declaration, enum type_place place,
                  const struct type **type)
{
    bool is_const = declaration->is_const;
    int status = find_base(reading, declaration->type, type, &is_const);

    return status < 0 ? status : type_build(reading, declaration, place, is_const, type);
}

void types_finish(struct types *types)
{
    free(types->list);
    free(types->constants);
    names_finish(&types->by_name);
    names_finish(&types->constant_names);
    *types = (struct types){0};
}

/* "struct  foo" and "struct foo" are one.  NULL: no name that C would take. */
static const char *tidy_name(struct reading *reading, const char *key)
{
    size_t tag = strncmp(key, "struct ", 7) == 0 ? 6 : strncmp(key, "enum ", 5) == 0 ? 4 : 0;
    const char *name = key + tag + strspn(key + tag, " ");
    char *tidy;

    if (!declaration_is_name(name))
        return NULL;
    tidy = reading_take(reading, strlen(key) + 1, 1);
    if (tidy && tag) {
        memcpy(tidy, key, tag + 1);
        strcpy(tidy + tag + 1, name);
    } else if (tidy) {
        strcpy(tidy, name);
    }
    return tidy;
}

static int add_name(struct reading *reading, const cJSON *json)
{
    struct types *types = reading->types;
    const char *name = tidy_name(reading, json->string);
    int status;

    reading_owner(reading, "type", json->string, json);
    if (reading->out_of_memory)
        return -ENOMEM;
    if (!name)
        return reading_fault(reading, "this cannot be the name of a type: \"foo\" and \"struct foo\" can");
    if (type_built_in(name))
        return reading_fault(reading, "every table has this type; remove it from \"types\"");
    if (!cJSON_IsString(json) && !cJSON_IsObject(json))
        return reading_fault(reading,
                             "a type is C text, \"opaque\", \"handle\", {\"struct\": \"...\"} or {\"enum\": \"...\"}");

    status = names_add(&types->by_name, name, types->count);
    if (status == -ENOMEM)
        reading->out_of_memory = true;
    if (status == -EEXIST)
        return reading_fault(reading, "the type is there twice");
    if (status == 0)
        types->list[types->count++] = (struct named_type){.name = name, .json = json};
    return status;
}

static void add_names(struct reading *reading, const cJSON *types)
{
    const cJSON *item;

    (void)reading_item(reading, types);
    if (types && !cJSON_IsObject(types)) {
        reading_fault(reading, "\"types\" must be an object: {\"uLong\": \"unsigned long\"}");
        return;
    }
    reading->types->list = calloc((size_t)cJSON_GetArraySize(types) + 1, sizeof(*reading->types->list));
    if (!reading->types->list) {
        reading->out_of_memory = true;
        return;
    }
    cJSON_ArrayForEach(item, types)
    {
        if (add_name(reading, item) == -ENOMEM)
            break;
    }
    reading_owner(reading, NULL, NULL, NULL);
}

static void read_types(struct reading *reading, bool enums)
{
    struct types *all = reading->types;

    for (size_t i = 0; i < all->count && !reading->out_of_memory; i++) {
        bool is_enum = cJSON_GetObjectItemCaseSensitive(all->list[i].json, "enum") != NULL;

        if (is_enum == enums && all->list[i].state != NAMED_TYPE_BROKEN && use_named(reading, &all->list[i]) == -ENOMEM)
            reading->out_of_memory = true;
    }
}

/* Enums first: their enumerators may stand in constants, array lengths and sizes anywhere. */
void types_read(struct reading *reading, const cJSON *constants, const cJSON *types)
{
    bool *is_late = reading_take(reading, (size_t)cJSON_GetArraySize(constants) + 1, sizeof(*is_late));

    if (!is_late)
        return;
    constants_read(reading, constants, is_late);
    add_names(reading, types);
    read_types(reading, true);
    constants_read_late(reading, constants, is_late);
    read_types(reading, false);
}
