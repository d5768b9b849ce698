/*
 * A stub's contents and layout.
 *
 * The file is its own memory image: offsets in it are addresses in the object, in three segments (read, execute,
 * write).  Everything the loader needs is in the dynamic section; the section headers at the end are for link editors,
 * so that a stub can also be linked to.
 */
#include "preload/stub/stub_file.h"

#include "preload/stub/elf_hash.h"
#include "preload/stub/record.h"
#include "preload/stub/stub_image.h"
#include "spec/base/hash.h"
#include "spec/base/text.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BUILTIN_TABLE "winapi"

static bool is_in_stub(const struct row *row)
{
    return strcmp(row->table->name, BUILTIN_TABLE) != 0;
}

static int collect(struct image *image, const struct catalog *catalog)
{
    size_t count = 0;

    image->definitions = calloc(catalog->row_count + 1, sizeof(*image->definitions));
    if (!image->definitions)
        return -ENOMEM;
    for (size_t i = 0; i < catalog->row_count; i++) {
        if (is_in_stub(catalog->by_name[i]))
            image->definitions[count++].name = catalog->by_name[i]->name;
    }
    image->definitions[count].name = STUB_SYMBOL;
    image->layout.function_count = count;
    return 0;
}

/* Reserves `size` bytes aligned to `alignment` at the layout's growing end. */
static size_t reserve(struct layout *layout, size_t alignment, size_t size)
{
    size_t start = (layout->end + alignment - 1) / alignment * alignment;

    layout->end = start + size;
    return start;
}

static uint32_t reserve_string(struct layout *layout, const char *string)
{
    return (uint32_t)(reserve(layout, 1, strlen(string) + 1) - layout->strings);
}

static void lay_out_strings(struct image *image)
{
    struct layout *layout = &image->layout;

    layout->strings = reserve(layout, 1, 1);
    image->slow = reserve_string(layout, STUB_SLOW_SYMBOL);
    image->dlsym = reserve_string(layout, STUB_DLSYM);
    image->soname = reserve_string(layout, STUB_SONAME);
    image->specs = reserve_string(layout, image->spec_list);
    for (size_t i = 0; i <= layout->function_count; i++)
        image->definitions[i].string = reserve_string(layout, image->definitions[i].name);
    layout->strings_end = layout->end;
}

static size_t relocation_count(const struct layout *layout)
{
    return STUB_POINTERS + layout->function_count + STUB_IMPORTS;
}

/* The strings right behind the symbols, as linkers have them: that is how some who walk objects count the symbols. */
static void lay_out_read(struct image *image)
{
    struct layout *layout = &image->layout;
    size_t definitions = layout->function_count + 1;

    layout->symbol_count = SYMBOL_FIRST + definitions;
    layout->bucket_count = definitions / 2 + 1;
    for (layout->bloom_count = 1; layout->bloom_count * 8 < definitions; layout->bloom_count *= 2)
        ;
    layout->end = sizeof(Elf64_Ehdr) + SEGMENTS * sizeof(Elf64_Phdr);
    layout->symbols = reserve(layout, 8, layout->symbol_count * sizeof(Elf64_Sym));
    lay_out_strings(image);
    layout->gnu_hash = reserve(layout, 8, 16 + layout->bloom_count * 8 + (layout->bucket_count + definitions) * 4);
    layout->sysv_hash = reserve(layout, 8, (2 + layout->bucket_count + layout->symbol_count) * 4);
    layout->relocations = reserve(layout, 8, relocation_count(layout) * sizeof(Elf64_Rela));
    layout->names = reserve(layout, 4, layout->function_count * sizeof(uint32_t));
    layout->read_end = layout->end;
}

/* The writable segment fills its last page: musl's malloc would take what is left of it. */
static void lay_out_rest(struct layout *layout)
{
    size_t name_bytes = 0;

    layout->code = reserve(layout, STUB_PAGE, layout->function_count * STUB_CODE_SIZE);
    layout->first = reserve(layout, STUB_CODE_SIZE, (size_t)(stub_first_end - stub_first));
    layout->code_end = layout->end;
    layout->dynamic = reserve(layout, STUB_PAGE, DYNAMIC_ENTRIES * sizeof(Elf64_Dyn));
    layout->stub = reserve(layout, 8, sizeof(struct stub));
    layout->imports = reserve(layout, 8, STUB_IMPORTS * sizeof(void *));
    layout->records = reserve(layout, sizeof(struct record), layout->function_count * sizeof(struct record));
    layout->data_end = reserve(layout, STUB_PAGE, 0);
    for (size_t i = 0; i < SECTIONS; i++)
        name_bytes += strlen(stub_section_names[i]) + 1;
    layout->section_names = reserve(layout, 1, name_bytes);
    layout->sections = reserve(layout, 8, SECTIONS * sizeof(Elf64_Shdr));
}

static int compare_buckets(const void *left, const void *right)
{
    const struct definition *a = left, *b = right;

    if (a->bucket != b->bucket)
        return a->bucket < b->bucket ? -1 : 1;
    return a->place < b->place ? -1 : a->place > b->place;
}

static void sort_definitions(struct image *image)
{
    size_t count = image->layout.function_count + 1;

    for (size_t i = 0; i < count; i++) {
        struct definition *definition = &image->definitions[i];

        definition->hash = elf_hash_gnu(definition->name);
        definition->bucket = definition->hash % (uint32_t)image->layout.bucket_count;
        definition->place = (uint32_t)i;
    }
    qsort(image->definitions, count, sizeof(*image->definitions), compare_buckets);
}

static bool is_machine_known(void)
{
#ifdef __x86_64__
    return true;
#else
    return false;
#endif
}

static int make(struct image *image, const struct catalog *catalog)
{
    int error = collect(image, catalog);

    if (error)
        return error;
    lay_out_read(image);
    lay_out_rest(&image->layout);
    if (image->layout.end > INT32_MAX)
        return -E2BIG;
    sort_definitions(image);
    image->bytes = calloc(1, image->layout.end);
    if (!image->bytes)
        return -ENOMEM;
    stub_image_fill(image);
    return 0;
}

/* So that a stub which is kept finds its tables again, wherever it is loaded. */
static void list_specs(const struct catalog *catalog, struct text *list)
{
    text_add(list, "");
    for (size_t i = 0; i < catalog->table_count; i++) {
        const struct table *table = catalog->tables[i];

        if (strcmp(table->name, BUILTIN_TABLE) != 0)
            text_format(list, "%s%s", list->size ? ":" : "", table->path);
    }
}

uint64_t stub_file_hash(uint64_t contents)
{
    return hash_bytes(&contents, sizeof(contents), STUB_VERSION);
}

int stub_file_make(const struct catalog *catalog, uint64_t hash, uint8_t **bytes, size_t *size)
{
    AUTO_TEXT struct text specs = {0};
    struct image image = {.hash = hash};
    int error;

    list_specs(catalog, &specs);
    if (specs.failed)
        return -ENOMEM;
    image.spec_list = specs.data;
    error = is_machine_known() ? make(&image, catalog) : -ENOTSUP;
    free(image.definitions);
    if (error)
        return error;
    *bytes = image.bytes;
    *size = image.layout.end;
    return 0;
}
