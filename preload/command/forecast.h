/*
 * Which calls of a program would be caught, told from its files and those of its libraries.
 *
 * A stub stands in front of all libraries, behind the program itself.  So a call is caught when the loader binds it,
 * which a relocation shows, unless the program exports a function of that name.
 */
#ifndef WINAPI_PRELOAD_COMMAND_FORECAST_H
#define WINAPI_PRELOAD_COMMAND_FORECAST_H

#include "preload/command/load_list.h"
#include "spec/base/error.h"
#include "spec/base/text.h"
#include "spec/table/catalog.h"

#include <stdbool.h>
#include <stddef.h>

enum use_kind {
    USE_IMPORT,        /* the loader binds it: caught */
    USE_NAMED,         /* its name is among the texts of an object that calls dlsym: caught if that is what it is for */
    USE_OWN,           /* the program defines and exports it: first in the loader's order */
    USE_HIDDEN,        /* defined in the object and not exported */
    USE_SYMBOLIC,      /* called inside its library, which is linked with -Bsymbolic */
    USE_PROTECTED,     /* the same, with protected visibility */
    USE_INSIDE,        /* the same, bound by the link editor */
    USE_NO_RELOCATION, /* named as undefined, but nothing for the loader to do: left over, and not called */
    USE_KINDS,
};

struct use {
    enum use_kind kind;
    size_t object;         /* index in the load list */
    bool is_bound_at_once; /* the loader looks the name up before any code runs */
};

enum outcome {
    OUTCOME_UNSEEN, /* nobody uses it, as far as the files show */
    OUTCOME_CAUGHT,
    OUTCOME_NAMED,  /* USE_NAMED only */
    OUTCOME_PARTLY, /* some calls are caught, and some of other objects are not */
    OUTCOME_MISSED,
    OUTCOME_INSIDE, /* only its own library calls it, whose other functions the program calls through tables only */
};

struct function_forecast {
    const struct row *row;
    struct use *uses;
    size_t use_count;
    bool is_defined;  /* some object here exports it */
    bool is_programs; /* the program does */
    enum outcome outcome;
};

struct forecast {
    struct function_forecast *functions; /* one for each row, in the order of tables and rows */
    size_t count;
    char **orphans; /* names that the program needs, and that neither a library nor a table has */
    size_t orphan_count;
    size_t dropped_calls; /* of the program, to functions whose names the link editor was told to ignore */
    bool calls_dlsym;     /* the program or a library other than libc itself */
    bool starts_others;   /* the same for fork, exec and their kin */
    bool starts_bare;     /* no name that only a table has is looked up before a constructor could run */
};

/*
 * Brief: as far as forecast_warning() needs it, in a millisecond or so: texts are not read, code only where it decides,
 * and there are no orphans.
 */
enum forecast_care { FORECAST_BRIEF, FORECAST_FULL };

MUST_CHECK int forecast_make(struct forecast *forecast, const struct load_list *list, const struct catalog *catalog,
                             enum forecast_care care);
void forecast_finish(struct forecast *forecast);

/* Of this outcome. */
size_t forecast_count(const struct forecast *forecast, enum outcome outcome);

/* "import", "hidden" ... */
const char *use_kind_name(enum use_kind kind);
const char *outcome_name(enum outcome outcome);
bool use_is_caught(enum use_kind kind);

/* What is said of such a use of a function, in this file; and what can be done about it: nothing where nothing is
 * wrong. */
void use_explain(struct text *text, enum use_kind kind, const char *function, const char *file);
bool use_has_remedy(enum use_kind kind);
void use_remedy(struct text *text, enum use_kind kind, const char *function, const char *file);

/*
 * The line for a program of which nothing will be caught, malloc'ed; NULL: something may be, or that cannot be told.
 * One that opens libraries later, or starts other programs, is given the benefit of the doubt.
 */
char *forecast_warning(const struct forecast *forecast, const struct load_list *list);

#endif
