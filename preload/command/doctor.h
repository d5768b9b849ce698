/*
 * `winapi doctor`: what will be caught of a program, and what stands in the way.
 *
 * The report is one tree of cJSON: `--json` prints it as it is, and the text for people is made from it.  Each part
 * adds its member, and says at once what should be done, the most important first, because the parts run in that
 * order.  The form of the tree is described in winapi-doctor(1).
 */
#ifndef WINAPI_PRELOAD_COMMAND_DOCTOR_H
#define WINAPI_PRELOAD_COMMAND_DOCTOR_H

#include "preload/command/forecast.h"
#include "preload/command/load_list.h"
#include "preload/command/program.h"
#include "preload/core.h"
#include "spec/base/error.h"
#include "spec/table/spec_path.h"

#include <cjson/cJSON.h>
#include <stdbool.h>

struct doctor {
    const char *name; /* PROGRAM, as it was given */
    char **arguments; /* what follows it */
    const char *host; /* --host, or NULL */
    char **specs;     /* each --spec */
    size_t spec_count;

    struct core core; /* made as the guest makes its own: settings, spec files, catalog, bindings */
    struct program program;
    struct load_list list; /* both are empty for a program that cannot be caught */
    struct forecast forecast;

    cJSON *report, *advice;
    bool has_trouble; /* something will not be caught, or is wrong */
};

/* The parts, in this order. */
void doctor_settings(struct doctor *doctor);
void doctor_specs(struct doctor *doctor);
void doctor_program(struct doctor *doctor);
void doctor_functions(struct doctor *doctor);
void doctor_host(struct doctor *doctor);
void doctor_stubs(struct doctor *doctor);

/* The report as text for people. */
void doctor_print(const cJSON *report);

/* One thing to do; doctor_trouble() also says that not all is well. */
void doctor_advise(struct doctor *doctor, const char *format, ...) FORMAT_LIKE(2, 3);
void doctor_trouble(struct doctor *doctor, const char *format, ...) FORMAT_LIKE(2, 3);

/* Adds a text member, formatted. */
void doctor_say(cJSON *object, const char *name, const char *format, ...) FORMAT_LIKE(3, 4);

#endif
