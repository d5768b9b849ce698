/* Stubs are asked for seldom, so they are looked for each time: nothing is kept that a dlclose could make stale. */
#include "preload/stub/stub_list.h"

#include "preload/loader/elf_object.h"

#include <string.h>

extern struct stub builtin_stub;

/* One question to every stub; `found` ends the search. */
struct search {
    bool (*ask)(const struct stub *stub, struct search *search);
    const struct record *record;
    const char *name;
    void *code;
    uint64_t hash;
    void (*add)(const char *list, void *context);
    void *context;
    void (*visit)(struct record *record);
};

static bool is_stub(const struct stub *stub)
{
    return stub && memcmp(stub->magic, STUB_MAGIC, sizeof(stub->magic)) == 0 && stub->version == STUB_VERSION;
}

static int ask_object(const struct elf_object *object, void *context)
{
    const struct stub *stub = elf_object_find(object, STUB_SYMBOL);
    struct search *search = context;

    return is_stub(stub) && search->ask(stub, search);
}

static bool search_all(struct search *search)
{
    return search->ask(&builtin_stub, search) || elf_object_each(ask_object, search);
}

static bool ask_hash(const struct stub *stub, struct search *search)
{
    return stub != &builtin_stub && stub->hash == search->hash;
}

static bool ask_record(const struct stub *stub, struct search *search)
{
    if (search->record < stub->records || search->record >= stub->records + stub->count)
        return false;
    search->name = stub->strings + stub->names[search->record - stub->records];
    return true;
}

static bool ask_name(const struct stub *stub, struct search *search)
{
    uint32_t low = 0, high = stub->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(search->name, stub->strings + stub->names[middle]);

        if (order == 0) {
            search->code = (void *)(uintptr_t)(stub->code + (size_t)middle * STUB_CODE_SIZE);
            return true;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

static bool ask_specs(const struct stub *stub, struct search *search)
{
    if (*stub->specs)
        search->add(stub->specs, search->context);
    return false;
}

void stub_list_specs(void (*add)(const char *list, void *context), void *context)
{
    struct search search = {.ask = ask_specs, .add = add, .context = context};

    search_all(&search);
}

bool stub_list_has(uint64_t hash)
{
    struct search search = {.ask = ask_hash, .hash = hash};

    return search_all(&search);
}

static bool ask_records(const struct stub *stub, struct search *search)
{
    for (uint32_t i = 0; i < stub->count; i++)
        search->visit(&stub->records[i]);
    return false;
}

void stub_list_records(void (*visit)(struct record *record))
{
    search_all(&(struct search){.ask = ask_records, .visit = visit});
}

const char *stub_list_name(const struct record *record)
{
    struct search search = {.ask = ask_record, .record = record};

    return search_all(&search) ? search.name : "";
}

void *stub_list_code(const char *name)
{
    struct search search = {.ask = ask_name, .name = name};

    return search_all(&search) ? search.code : NULL;
}

long stub_list_nothing(void)
{
    return 0;
}
