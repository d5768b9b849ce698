/* Forecasts in words, for people and for tools. */
#include "preload/command/forecast.h"

#include <stdio.h>
#include <string.h>

/* @ stands for the function, # for the file. */
static const struct {
    const char *name, *why;
    const char *remedy; /* NULL: nothing is wrong with it */
} kinds[USE_KINDS] = {
    [USE_IMPORT] = {"import", "# imports it", NULL},
    [USE_NAMED] = {"named", "its name is a text in #, which calls dlsym: caught if it is asked for", NULL},
    [USE_OWN] = {"own", "the program has and exports @ itself, and the loader takes that first (#)",
                 "leave @ out of #, and link it to the library that has it"},
    [USE_HIDDEN] = {"hidden", "# has a hidden @ of its own: the loader has no part in the calls",
                    "link # to a shared library that has @, not to an archive or a copy of it"},
    [USE_SYMBOLIC] = {"symbolic", "called inside # itself, which is linked with -Bsymbolic",
                      "link # without -Bsymbolic, or remote those of its functions that call @"},
    [USE_PROTECTED] = {"protected", "called inside # itself, where its visibility is protected",
                       "build # with default visibility for @, or remote those of its functions that call it"},
    [USE_INSIDE] = {"inside", "called inside # itself, where the link editor has bound the calls",
                    "link # without -Bsymbolic-functions and a version script that binds @, or remote those of its "
                    "functions that call it"},
    [USE_NO_RELOCATION] = {"no_relocation", "# names @ as undefined but has no relocation for it: never called by it",
                           NULL},
};

static void fill(struct text *text, const char *form, const char *function, const char *file)
{
    for (; form && *form; form++) {
        if (*form == '@')
            text_add(text, function);
        else if (*form == '#')
            text_add(text, file);
        else
            text_add_bytes(text, form, 1);
    }
}

void use_explain(struct text *text, enum use_kind kind, const char *function, const char *file)
{
    fill(text, kinds[kind].why, function, file);
}

bool use_has_remedy(enum use_kind kind)
{
    return kinds[kind].remedy != NULL;
}

void use_remedy(struct text *text, enum use_kind kind, const char *function, const char *file)
{
    fill(text, kinds[kind].remedy, function, file);
}

const char *use_kind_name(enum use_kind kind)
{
    return kinds[kind].name;
}

bool use_is_caught(enum use_kind kind)
{
    return kind == USE_IMPORT || kind == USE_NAMED;
}

const char *outcome_name(enum outcome outcome)
{
    static const char *const names[] = {
        [OUTCOME_UNSEEN] = "unseen", [OUTCOME_CAUGHT] = "caught", [OUTCOME_NAMED] = "named",
        [OUTCOME_PARTLY] = "partly", [OUTCOME_MISSED] = "missed", [OUTCOME_INSIDE] = "inside",
    };

    return names[outcome];
}

static const struct function_forecast *find_missed(const struct forecast *forecast)
{
    for (size_t i = 0; i < forecast->count; i++)
        if (forecast->functions[i].outcome == OUTCOME_MISSED)
            return &forecast->functions[i];
    return NULL;
}

static char *say_missed(const struct function_forecast *function, const struct load_list *list)
{
    struct text text AUTO_TEXT = {0};
    const struct use *use = function->uses;

    text_format(&text, "%s runs native: ", function->row->name);
    while (!kinds[use->kind].remedy && use + 1 < function->uses + function->use_count)
        use++;
    use_explain(&text, use->kind, function->row->name, list->objects[use->object].name);
    return text.data ? strdup(text.data) : NULL;
}

char *forecast_warning(const struct forecast *forecast, const struct load_list *list)
{
    const struct function_forecast *missed = find_missed(forecast);

    if (forecast_count(forecast, OUTCOME_CAUGHT) || forecast_count(forecast, OUTCOME_PARTLY))
        return NULL;
    if (missed)
        return say_missed(missed, list);
    if (forecast->dropped_calls)
        return strdup("the link editor was told to ignore undefined symbols: calls of them go to address 0");
    if (forecast->calls_dlsym || forecast->starts_others)
        return NULL;
    return strdup("nothing in it calls a function of the active tables: all of it runs native");
}
