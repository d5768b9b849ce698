/*
 * Names into types.
 *
 * A declaration is built from the inside: its base name, then a pointer for each star, then an array for each pair of
 * brackets.  What cannot travel is refused here, where the place is known: a parameter, a result, a member.
 */
#include "spec/table/type_names.h"

#include "spec/base/text.h"
#include "spec/table/declaration.h"
#include "spec/table/expression_tree.h"
#include "spec/table/reading.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct type *create_type(struct reading *reading, enum type_kind kind, const char *name)
{
    struct type *type = reading_take(reading, 1, sizeof(*type));

    if (type)
        *type = (struct type){.kind = kind, .name = name};
    return type;
}

static struct type *create_handle(struct reading *reading, const char *name, const char *class)
{
    struct type *type = create_type(reading, TYPE_HANDLE, name);

    if (type) {
        type->handle = class;
        type->size = sizeof(void *);
        type->alignment = _Alignof(void *);
    }
    return type;
}

/* "struct foo" without the word: what names the class of its handles. */
static const char *without_tag(const char *name)
{
    const char *space = strchr(name, ' ');

    return space && strncmp(name, "struct ", 7) == 0 ? space + 1 : name;
}

/* The name of a type with one sign more, as C would spell it: "const Bytef *". */
static const char *spell_pointer(struct reading *reading, const struct type *target, bool target_is_const)
{
    bool after_star = target->name[strlen(target->name) - 1] == '*';
    AUTO_TEXT struct text name = {0};

    text_format(&name, "%s%s%s*", target_is_const && !after_star ? "const " : "", target->name, after_star ? "" : " ");
    if (!name.data || name.failed) {
        reading->out_of_memory = true;
        return NULL;
    }
    return reading_copy(reading, name.data, name.size);
}

static int make_pointer(struct reading *reading, const struct type **type, bool target_is_const)
{
    const char *name = spell_pointer(reading, *type, target_is_const);
    struct type *pointer;

    if (!name)
        return -ENOMEM;
    if ((*type)->kind == TYPE_OPAQUE) {
        *type = create_handle(reading, name, (*type)->handle);
        return *type ? 0 : -ENOMEM;
    }
    pointer = create_type(reading, TYPE_POINTER, name);
    if (!pointer)
        return -ENOMEM;
    pointer->size = sizeof(void *);
    pointer->alignment = _Alignof(void *);
    pointer->target = *type;
    pointer->target_is_const = target_is_const;
    *type = pointer;
    return 0;
}

static int make_array(struct reading *reading, const struct type **type, const char *length)
{
    struct type *array;
    int64_t count;
    size_t size;
    int status;

    if (!*length)
        return reading_fault(reading, "members without a length ([]) are not there yet");
    status = expression_parse_constant(reading, "array length", length, &count);
    if (status < 0)
        return status;
    if (count <= 0)
        return reading_fault(reading, "an array of %lld elements: there must be at least one", (long long)count);
    if (__builtin_mul_overflow((size_t)count, (*type)->size, &size) || size > STRUCT_SIZE_MOST)
        return reading_fault(reading, "an array of more than %d bytes; use a pointer with a size", STRUCT_SIZE_MOST);

    array = create_type(reading, TYPE_ARRAY, (*type)->name);
    if (!array)
        return -ENOMEM;
    array->size = size;
    array->alignment = (*type)->alignment;
    array->target = *type;
    array->count = (size_t)count;
    *type = array;
    return 0;
}

/* A copy under another name, so that messages say what the spec file says. */
static int rename_type(struct reading *reading, const struct type **type, const char *name)
{
    struct type *copy = create_type(reading, TYPE_VOID, name);

    if (!copy)
        return -ENOMEM;
    *copy = **type;
    copy->name = name;
    *type = copy;
    return 0;
}

static int read_opaque(struct reading *reading, struct named_type *named)
{
    struct type *type = create_type(reading, TYPE_OPAQUE, named->name);

    if (!type)
        return -ENOMEM;
    type->alignment = 1;
    type->handle = without_tag(named->name);
    named->type = type;
    return 0;
}

static int read_handle(struct reading *reading, struct named_type *named)
{
    named->type = create_handle(reading, named->name, without_tag(named->name));
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
    struct type *type = create_type(reading, TYPE_STRUCT, named->name);

    if (!type)
        return -ENOMEM;
    named->type = type;
    if (cJSON_GetObjectItemCaseSensitive(named->json, "struct"))
        return struct_type_read(reading, named->json, type);
    if (cJSON_GetObjectItemCaseSensitive(named->json, "enum"))
        return enum_type_read(reading, named->json, type);
    return reading_fault(reading,
                         "a type is C text, \"opaque\", \"handle\", {\"struct\": \"...\"} or {\"enum\": \"...\"}");
}

static int read_named(struct reading *reading, struct named_type *named)
{
    const char *text = cJSON_GetStringValue(named->json);

    if (!text)
        return read_compound(reading, named);
    if (strcmp(text, "opaque") == 0)
        return read_opaque(reading, named);
    if (strcmp(text, "handle") == 0)
        return read_handle(reading, named);
    return read_synonym(reading, named, text);
}

/* Reads a name's type unless that was done; its faults are told under its own name, once. */
static int use_named(struct reading *reading, struct named_type *named)
{
    const char *kind = reading->owner_kind, *owner = reading->owner;
    const char *part_kind = reading->part_kind, *part = reading->part;
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
    reading_owner(reading, "type", named->name);
    status = read_named(reading, named);
    named->state = status < 0 ? NAMED_TYPE_BROKEN : NAMED_TYPE_READ;
    reading->types->nesting--;
    reading_owner(reading, kind, owner);
    reading_part(reading, part_kind, part);
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

static int check_pointer(struct reading *reading, const struct type *type)
{
    if (type->kind != TYPE_POINTER || type->target->kind != TYPE_POINTER)
        return 0;
    return reading_fault(reading,
                         "%s: pointers to pointers are not there yet, but for those to handles; what is behind it can "
                         "be declared \"opaque\" when only the library looks at it",
                         type->name);
}

/* What has no bytes of its own cannot be passed, returned or contained. */
static int check_complete(struct reading *reading, const struct type *type, enum type_place place)
{
    if (type->kind == TYPE_OPAQUE && place != TYPE_PLACE_NAME)
        return reading_fault(reading, "%s is opaque, so only a pointer to it can stand here", type->name);
    if (type->kind == TYPE_VOID && place != TYPE_PLACE_RESULT && place != TYPE_PLACE_NAME)
        return reading_fault(reading, "void has no value; a pointer may be meant");
    return 0;
}

static int add_pointers(struct reading *reading, const struct declaration *declaration, const struct type **type,
                        bool is_const)
{
    for (unsigned i = 0; i < declaration->pointer_count; i++) {
        int status = make_pointer(reading, type, is_const);

        if (status < 0)
            return status;
        is_const = declaration->pointer_is_const[i];
    }
    return 0;
}

/* A parameter's first pair of brackets is a star to C; members have real arrays. */
static int add_arrays(struct reading *reading, const struct declaration *declaration, enum type_place place,
                      const struct type **type, bool is_const)
{
    if (!declaration->array_count)
        return 0;
    if ((*type)->kind == TYPE_VOID || (*type)->kind == TYPE_OPAQUE)
        return reading_fault(reading, "C has no array of %s", (*type)->name);
    if ((*type)->kind == TYPE_POINTER)
        return reading_fault(reading, "arrays of pointers are not there yet");
    if (place == TYPE_PLACE_PARAMETER && declaration->array_count == 1)
        return make_pointer(reading, type, is_const);
    if (place != TYPE_PLACE_MEMBER && place != TYPE_PLACE_SIZEOF)
        return reading_fault(reading, "arrays are there inside structs only, so far");

    for (unsigned i = declaration->array_count; i > 0; i--) {
        int status = make_array(reading, type, declaration->arrays[i - 1]);

        if (status < 0)
            return status;
    }
    return 0;
}

int types_resolve(struct reading *reading, const struct declaration *declaration, enum type_place place,
                  const struct type **type)
{
    bool is_const = declaration->is_const;
    int status = find_base(reading, declaration->type, type, &is_const);

    if (status == 0)
        status = add_pointers(reading, declaration, type, is_const);
    if (declaration->pointer_count)
        is_const = declaration->pointer_is_const[declaration->pointer_count - 1];
    if (status == 0)
        status = add_arrays(reading, declaration, place, type, is_const);
    if (status == 0)
        status = check_pointer(reading, *type);
    if (status == 0)
        status = check_complete(reading, *type, place);
    return status;
}

void types_finish(struct types *types)
{
    free(types->list);
    free(types->constants);
    names_finish(&types->by_name);
    names_finish(&types->constant_names);
    *types = (struct types){0};
}

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

static void read_constants(struct reading *reading, const cJSON *constants)
{
    const cJSON *item;

    if (constants && !cJSON_IsObject(constants)) {
        reading_fault(reading, "\"constants\" must be an object: {\"NAME\": 1}");
        return;
    }
    cJSON_ArrayForEach(item, constants)
    {
        int64_t value;

        reading_owner(reading, "constant", item->string);
        if (expression_read_constant(reading, "value", item, &value) == 0 &&
            types_add_constant(reading, item->string, value) == -ENOMEM)
            break;
    }
    reading_owner(reading, NULL, NULL);
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

    reading_owner(reading, "type", json->string);
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
    reading_owner(reading, NULL, NULL);
}

/* Enums first: their enumerators may stand in array lengths and sizes anywhere. */
void types_read(struct reading *reading, const cJSON *constants, const cJSON *types)
{
    struct types *all = reading->types;

    read_constants(reading, constants);
    add_names(reading, types);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < all->count && !reading->out_of_memory; i++) {
            bool is_enum = cJSON_GetObjectItemCaseSensitive(all->list[i].json, "enum") != NULL;

            if (is_enum == (pass == 0) && all->list[i].state != NAMED_TYPE_BROKEN &&
                use_named(reading, &all->list[i]) == -ENOMEM)
                reading->out_of_memory = true;
        }
    }
}
