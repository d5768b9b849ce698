/* One pass over the symbols of each object, one over its code and one over its texts. */
#include "preload/command/forecast.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A function that an object has itself: whether it is called there is seen in the code. */
struct own {
    size_t function;
    uint64_t value;
    enum use_kind kind;
    bool is_called;
};

struct pass {
    struct forecast *forecast;
    const struct load_list *list;
    const struct catalog *catalog;
    size_t object;
    struct own *own;
    size_t own_count;
    char **wanted; /* strong undefined names of the program, until somebody is found to have them */
    size_t wanted_count;
    uint64_t calls_of_zero;
    bool calls_dlsym;
    bool is_brief, has_import;
    bool has_failed; /* memory */
};

static const struct load_object *object_of(const struct pass *pass)
{
    return &pass->list->objects[pass->object];
}

/* The index among all rows, or SIZE_MAX. */
static size_t find_function(const struct pass *pass, const char *name)
{
    const struct row *row = catalog_find(pass->catalog, name);
    size_t first = 0;

    if (!row)
        return SIZE_MAX;
    for (size_t t = 0; pass->catalog->tables[t] != row->table; t++)
        first += pass->catalog->tables[t]->row_count;
    return first + row->index;
}

static void add_use(struct pass *pass, size_t index, enum use_kind kind, bool is_bound_at_once)
{
    struct function_forecast *function = &pass->forecast->functions[index];
    struct use *uses;

    for (size_t i = 0; i < function->use_count; i++)
        if (function->uses[i].object == pass->object && function->uses[i].kind == kind)
            return;
    uses = realloc(function->uses, (function->use_count + 1) * sizeof(*uses));
    if (!uses) {
        pass->has_failed = true;
        return;
    }
    uses[function->use_count++] =
        (struct use){.kind = kind, .object = pass->object, .is_bound_at_once = is_bound_at_once};
    function->uses = uses;
}

static void add_own(struct pass *pass, size_t function, uint64_t value, enum use_kind kind)
{
    struct own *own = realloc(pass->own, (pass->own_count + 1) * sizeof(*own));

    if (!own) {
        pass->has_failed = true;
        return;
    }
    own[pass->own_count++] = (struct own){.function = function, .value = value, .kind = kind};
    pass->own = own;
}

/* ---- symbols ---- */

static bool binds_at_once(const struct pass *pass, const struct elf_symbol *symbol)
{
    return symbol->binding != STB_WEAK && (symbol->relocated & ELF_ADDRESS_TAKEN || object_of(pass)->file.binds_now ||
                                           pass->list->search.libc != LIBC_GLIBC || getenv("LD_BIND_NOW"));
}

static void take_undefined(struct pass *pass, const struct elf_symbol *symbol, size_t function)
{
    bool is_used = symbol->relocated || symbol->value; /* a value: the program's PLT entry stands for its address */

    pass->has_import |= is_used;
    add_use(pass, function, is_used ? USE_IMPORT : USE_NO_RELOCATION, binds_at_once(pass, symbol));
}

/* Why calls inside an object that defines the function are not caught. */
static enum use_kind kind_of_own(const struct pass *pass, const struct elf_symbol *symbol)
{
    if (pass->object == 0)
        return USE_OWN;
    if (symbol->visibility == STV_PROTECTED)
        return USE_PROTECTED;
    return object_of(pass)->file.is_symbolic ? USE_SYMBOLIC : USE_INSIDE;
}

static void take_defined(struct pass *pass, const struct elf_symbol *symbol, size_t function)
{
    enum use_kind kind = kind_of_own(pass, symbol);
    bool is_symbolic = kind == USE_SYMBOLIC && pass->list->search.libc != LIBC_MUSL;

    if (symbol->is_hidden_version || !symbol->is_function)
        return;
    pass->forecast->functions[function].is_defined = true;
    pass->forecast->functions[function].is_programs |= pass->object == 0;
    if (!symbol->relocated)
        add_own(pass, function, symbol->value, kind);
    else if (pass->object == 0 || symbol->visibility == STV_PROTECTED || is_symbolic)
        add_use(pass, function, kind, false);
    else
        add_use(pass, function, USE_IMPORT, false);
}

/* Those that start other programs, or libraries' code later; what is only seen in the program counts. */
static void note_abilities(struct pass *pass, const char *name)
{
    static const char *const starters[] = {"fork",   "vfork",   "_Fork",       "clone",        "execve",   "execv",
                                           "execvp", "execvpe", "execl",       "execlp",       "execle",   "fexecve",
                                           "system", "popen",   "posix_spawn", "posix_spawnp", "execveat", "syscall"};
    static const char *const lookups[] = {"dlsym", "dlvsym", "dlopen", "dlmopen"};

    for (size_t i = 0; i < COUNT_OF(starters); i++)
        if (strcmp(name, starters[i]) == 0)
            pass->forecast->starts_others = true;
    for (size_t i = 0; i < COUNT_OF(lookups); i++)
        if (strcmp(name, lookups[i]) == 0)
            pass->forecast->calls_dlsym = pass->calls_dlsym = true;
}

static void want(struct pass *pass, const char *name)
{
    char **wanted = realloc(pass->wanted, (pass->wanted_count + 1) * sizeof(*wanted));

    if (wanted)
        pass->wanted = wanted;
    if (wanted && (wanted[pass->wanted_count] = strdup(name)))
        pass->wanted_count++;
    else
        pass->has_failed = true;
}

static int take_symbol(const struct elf_symbol *symbol, void *context)
{
    struct pass *pass = context;
    size_t function = symbol->is_function ? find_function(pass, symbol->name) : SIZE_MAX;

    if (!symbol->is_defined) {
        note_abilities(pass, symbol->name);
        if (function != SIZE_MAX)
            take_undefined(pass, symbol, function);
        else if (pass->object == 0 && symbol->binding != STB_WEAK)
            want(pass, symbol->name);
    } else if (function != SIZE_MAX) {
        take_defined(pass, symbol, function);
    }
    return pass->has_failed;
}

static bool is_local(const struct elf_symbol *symbol)
{
    return symbol->is_defined && symbol->type == STT_FUNC &&
           (symbol->binding == STB_LOCAL || symbol->visibility == STV_HIDDEN || symbol->visibility == STV_INTERNAL);
}

static bool has_own(const struct pass *pass, size_t function)
{
    for (size_t i = 0; i < pass->own_count; i++)
        if (pass->own[i].function == function)
            return true;
    return false;
}

static bool has_use(const struct pass *pass, size_t index)
{
    const struct function_forecast *function = &pass->forecast->functions[index];

    for (size_t i = 0; i < function->use_count; i++)
        if (function->uses[i].object == pass->object)
            return true;
    return has_own(pass, index);
}

/* A program's own functions are not exported without need, so a global one in .symtab alone is hidden there too. */
static int take_local(const struct elf_symbol *symbol, void *context)
{
    struct pass *pass = context;
    size_t function = find_function(pass, symbol->name);

    if (function == SIZE_MAX || has_use(pass, function))
        return 0;
    if (is_local(symbol) || (pass->object == 0 && symbol->is_defined && symbol->type == STT_FUNC))
        add_own(pass, function, symbol->value, USE_HIDDEN);
    else if (!symbol->is_defined)
        add_use(pass, function, USE_NO_RELOCATION, false);
    return pass->has_failed;
}

/* ---- code and texts ---- */

static void take_call(uint64_t target, void *context)
{
    struct pass *pass = context;

    pass->calls_of_zero += target == 0;
    for (size_t i = 0; i < pass->own_count; i++)
        if (pass->own[i].value == target)
            pass->own[i].is_called = true;
}

/* Calls of address 0 are looked for in programs at fixed addresses: in others they go through a void PLT slot. */
static bool is_code_wanted(const struct pass *pass)
{
    bool has_fixed_address = pass->object == 0 && object_of(pass)->file.type == ET_EXEC;

    return pass->own_count > 0 || (has_fixed_address && !(pass->is_brief && pass->has_import));
}

/* Where the code cannot be read, a function that the program has itself counts as called. */
static void take_calls(struct pass *pass)
{
    bool is_read = is_code_wanted(pass) && elf_file_each_call(&object_of(pass)->file, take_call, pass);

    for (size_t i = 0; i < pass->own_count; i++)
        if (pass->own[i].is_called || (!is_read && pass->object == 0))
            add_use(pass, pass->own[i].function, pass->own[i].kind, false);
}

static void take_word(const char *word, void *context)
{
    struct pass *pass = context;
    size_t function = find_function(pass, word);

    if (function != SIZE_MAX && !has_use(pass, function))
        add_use(pass, function, USE_NAMED, false);
}

/*
 * Calls of address 0 are also what is left of weak functions that are not there, behind an `if` that is never true: in
 * a program of which functions are seen, they say nothing.
 */
static bool uses_any(const struct pass *pass)
{
    for (size_t i = 0; i < pass->forecast->count; i++)
        if (pass->forecast->functions[i].use_count > 0)
            return true;
    return false;
}

static void read_object(struct pass *pass)
{
    const struct elf_file *file = &object_of(pass)->file;

    pass->own_count = 0;
    pass->calls_dlsym = false;
    elf_file_each_symbol(file, take_symbol, pass);
    elf_file_each_local(file, take_local, pass);
    take_calls(pass);
    if (pass->calls_dlsym && !pass->is_brief)
        elf_file_each_word(file, take_word, pass);
    if (pass->object == 0)
        pass->forecast->dropped_calls = file->dropped_calls + (uses_any(pass) ? 0 : pass->calls_of_zero);
}

/* ---- names that nobody has ---- */

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static int strike_out(const struct elf_symbol *symbol, void *context)
{
    struct pass *pass = context;
    char **found;

    if (!symbol->is_defined)
        return 0;
    found = bsearch(&symbol->name, pass->wanted, pass->wanted_count, sizeof(*found), compare_names);
    if (found)
        pass->forecast->orphans[found - pass->wanted] = NULL;
    return 0;
}

/* With a library missing nobody can tell what it has. */
static bool is_complete(const struct load_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (!list->objects[i].path)
            return false;
    return true;
}

static int find_orphans(struct pass *pass)
{
    struct forecast *forecast = pass->forecast;
    size_t count = is_complete(pass->list) ? pass->wanted_count : 0, kept = 0;

    forecast->orphans = calloc(count + 1, sizeof(*forecast->orphans));
    if (!forecast->orphans)
        return -ENOMEM;
    if (count == 0)
        return 0;
    qsort(pass->wanted, count, sizeof(*pass->wanted), compare_names);
    memcpy(forecast->orphans, pass->wanted, count * sizeof(*pass->wanted));
    for (size_t i = 0; i < pass->list->count; i++)
        elf_file_each_symbol(&pass->list->objects[i].file, strike_out, pass);
    for (size_t i = 0; i < count; i++)
        if (forecast->orphans[i])
            forecast->orphans[kept++] = strdup(forecast->orphans[i]);
    forecast->orphan_count = kept;
    return 0;
}

/* ---- outcomes ---- */

struct neighbours {
    const struct pass *pass;
    size_t library;
};

static int has_name(const struct elf_symbol *symbol, void *context)
{
    return symbol->is_defined && strcmp(symbol->name, context) == 0;
}

static int is_of_library(const struct elf_symbol *symbol, void *context)
{
    const struct neighbours *neighbours = context;
    const struct elf_file *library = &neighbours->pass->list->objects[neighbours->library].file;

    return !symbol->is_defined && symbol->is_function && find_function(neighbours->pass, symbol->name) == SIZE_MAX &&
           elf_file_each_symbol(library, has_name, (void *)(uintptr_t)symbol->name);
}

/* Whether somebody calls a function of this library that no table has: it would run here, and what it calls too. */
static bool runs_here(const struct pass *pass, size_t library)
{
    struct neighbours neighbours = {.pass = pass, .library = library};

    for (size_t i = 0; i < pass->list->count; i++)
        if (i != library && pass->list->objects[i].path &&
            elf_file_each_symbol(&pass->list->objects[i].file, is_of_library, &neighbours))
            return true;
    return false;
}

/* The program's export goes before the stub's, whoever calls. */
static void yield_to_program(struct function_forecast *function)
{
    for (size_t i = 0; function->is_programs && i < function->use_count; i++)
        if (function->uses[i].kind == USE_IMPORT)
            function->uses[i] = (struct use){.kind = USE_OWN};
}

static bool is_inside(const struct use *use)
{
    return use->object != 0 && !use_is_caught(use->kind) && use->kind != USE_OWN;
}

static enum outcome judge(const struct pass *pass, const struct function_forecast *function)
{
    bool is_caught = false, is_missed = false, is_named = false, is_used_inside = false, matters = false;

    for (size_t i = 0; i < function->use_count; i++) {
        const struct use *use = &function->uses[i];

        if (use->kind == USE_NO_RELOCATION)
            continue;
        is_caught |= use->kind == USE_IMPORT;
        is_named |= use->kind == USE_NAMED;
        is_used_inside |= is_inside(use);
        is_missed |= !use_is_caught(use->kind) && !is_inside(use);
    }
    if (is_caught || is_missed)
        return !is_missed ? OUTCOME_CAUGHT : is_caught ? OUTCOME_PARTLY : OUTCOME_MISSED;
    if (is_named)
        return OUTCOME_NAMED;
    for (size_t i = 0; i < function->use_count && !matters; i++)
        matters = function->uses[i].kind != USE_NO_RELOCATION && is_inside(&function->uses[i]) &&
                  runs_here(pass, function->uses[i].object);
    if (is_used_inside)
        return matters ? OUTCOME_MISSED : OUTCOME_INSIDE;
    return OUTCOME_UNSEEN;
}

static void judge_all(struct pass *pass)
{
    struct forecast *forecast = pass->forecast;

    forecast->starts_bare = true;
    for (size_t i = 0; i < forecast->count; i++) {
        struct function_forecast *function = &forecast->functions[i];

        yield_to_program(function);
        function->outcome = judge(pass, function);
        for (size_t k = 0; k < function->use_count; k++)
            if (!function->is_defined && function->uses[k].is_bound_at_once)
                forecast->starts_bare = false;
    }
}

/* ---- all of it ---- */

static int begin(struct forecast *forecast, const struct catalog *catalog)
{
    *forecast = (struct forecast){.count = catalog->row_count};
    forecast->functions = calloc(catalog->row_count + 1, sizeof(*forecast->functions));
    if (!forecast->functions)
        return -ENOMEM;
    for (size_t t = 0, index = 0; t < catalog->table_count; t++)
        for (size_t r = 0; r < catalog->tables[t]->row_count; r++)
            forecast->functions[index++].row = &catalog->tables[t]->rows[r];
    return 0;
}

int forecast_make(struct forecast *forecast, const struct load_list *list, const struct catalog *catalog,
                  enum forecast_care care)
{
    struct pass pass = {.forecast = forecast, .list = list, .catalog = catalog, .is_brief = care == FORECAST_BRIEF};
    int error = begin(forecast, catalog);

    for (; !error && pass.object < list->count; pass.object++) {
        if (list->objects[pass.object].path)
            read_object(&pass);
        error = pass.has_failed ? -ENOMEM : 0;
    }
    if (!error && !pass.is_brief)
        error = find_orphans(&pass);
    if (!error)
        judge_all(&pass);
    for (size_t i = 0; i < pass.wanted_count; i++)
        free(pass.wanted[i]);
    free(pass.wanted);
    free(pass.own);
    if (error)
        forecast_finish(forecast);
    return error;
}

void forecast_finish(struct forecast *forecast)
{
    for (size_t i = 0; forecast->functions && i < forecast->count; i++)
        free(forecast->functions[i].uses);
    for (size_t i = 0; i < forecast->orphan_count; i++)
        free(forecast->orphans[i]);
    free(forecast->orphans);
    free(forecast->functions);
    *forecast = (struct forecast){0};
}

size_t forecast_count(const struct forecast *forecast, enum outcome outcome)
{
    size_t count = 0;

    for (size_t i = 0; i < forecast->count; i++)
        count += forecast->functions[i].outcome == outcome;
    return count;
}
