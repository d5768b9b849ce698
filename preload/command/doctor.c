/*
 * Options, the parts one after the other, the verdict.
 *
 * Exit codes: 0 all is well; 1 something will not be caught, or is wrong; 2 a wrong option; 3 the files do not tell
 * whether anything is caught.
 */
#include "preload/command/doctor.h"

#include "preload/command/command.h"
#include "spec/base/own.h"
#include "spec/base/text.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_WELL, EXIT_TROUBLE, EXIT_USAGE, EXIT_UNTOLD, GO_ON = -1, FORM_VERSION = 1 };

static const char help[] =
    "usage: winapi doctor [--spec FILE]... [--host ADDRESS] [--json] [--] PROGRAM [ARGUMENT]...\n"
    "\n"
    "Says which functions of a program would be carried out by a host, and why others would not.\n"
    "The program is not run, and nothing is changed; the host is asked, and started if it has to be.\n"
    "\n"
    "  --spec FILE      as in `winapi run`; without it WINAPI_SPEC decides, else what plain LD_PRELOAD would take\n"
    "  --host ADDRESS   unix:PATH or exec:COMMAND, instead of WINAPI_HOST\n"
    "  --json           for tools: winapi-doctor(1) has the form\n"
    "\n"
    "Exits with 0 when all is well, 1 when something is wrong, 3 when the files do not tell.\n";

static FORMAT_LIKE(1, 0) char *make_text(const char *format, va_list arguments)
{
    char *text = NULL;

    return vasprintf(&text, format, arguments) < 0 ? NULL : text;
}

void doctor_advise(struct doctor *doctor, const char *format, ...)
{
    AUTO_FREE char *text = NULL;
    va_list arguments;

    va_start(arguments, format);
    text = make_text(format, arguments);
    va_end(arguments);
    cJSON_AddItemToArray(doctor->advice, cJSON_CreateString(text ? text : ""));
}

void doctor_trouble(struct doctor *doctor, const char *format, ...)
{
    AUTO_FREE char *text = NULL;
    va_list arguments;

    va_start(arguments, format);
    text = make_text(format, arguments);
    va_end(arguments);
    doctor->has_trouble = true;
    cJSON_AddItemToArray(doctor->advice, cJSON_CreateString(text ? text : ""));
}

void doctor_say(cJSON *object, const char *name, const char *format, ...)
{
    AUTO_FREE char *text = NULL;
    va_list arguments;

    va_start(arguments, format);
    text = make_text(format, arguments);
    va_end(arguments);
    cJSON_AddStringToObject(object, name, text ? text : "");
}

static int take_option(struct doctor *doctor, int option, bool *as_json)
{
    switch (option) {
    case 's':
        doctor->specs[doctor->spec_count++] = optarg;
        return GO_ON;
    case 'H':
        doctor->host = optarg;
        return GO_ON;
    case 'j':
        *as_json = true;
        return GO_ON;
    default:
        fputs(help, option == 'h' ? stdout : stderr);
        return option == 'h' ? EXIT_WELL : EXIT_USAGE;
    }
}

static int parse(struct doctor *doctor, int argc, char **argv, bool *as_json)
{
    static const struct option options[] = {
        {"spec", required_argument, NULL, 's'},
        {"host", required_argument, NULL, 'H'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
        int code = take_option(doctor, option, as_json);

        if (code != GO_ON)
            return code;
    }
    if (!argv[optind])
        return take_option(doctor, '?', as_json);
    doctor->name = argv[optind];
    doctor->arguments = argv + optind + 1;
    return GO_ON;
}

/* Nothing that a program would do with a host is seen in its files. */
static bool is_untold(const struct doctor *doctor)
{
    return !doctor->has_trouble && forecast_count(&doctor->forecast, OUTCOME_CAUGHT) == 0;
}

/* At the end: what to type. */
static void add_command(struct doctor *doctor)
{
    struct text command AUTO_TEXT = {0};

    text_add(&command, "winapi run");
    for (size_t i = 0; i < doctor->spec_count; i++)
        text_format(&command, " --spec %s", doctor->specs[i]);
    if (doctor->host)
        text_format(&command, " --host %s", doctor->host);
    if (is_untold(doctor))
        doctor_advise(doctor, "run it and look: %s --trace -- %s%s", command.data, doctor->name,
                      doctor->forecast.starts_others ? "; programs that it starts are caught like itself" : "");
    else if (!doctor->has_trouble)
        doctor_advise(doctor, "nothing has to be done; start it with: %s -- %s", command.data, doctor->name);
}

static void add_verdict(struct doctor *doctor)
{
    size_t caught = forecast_count(&doctor->forecast, OUTCOME_CAUGHT), named;
    const char *verdict = doctor->has_trouble ? "trouble" : is_untold(doctor) ? "untold" : "well";

    named = forecast_count(&doctor->forecast, OUTCOME_NAMED);
    cJSON_AddStringToObject(doctor->report, "verdict", verdict);
    if (doctor->has_trouble && doctor->program.refusal)
        doctor_say(doctor->report, "summary", "nothing of it can be caught: %s", doctor->program.refusal);
    else if (doctor->has_trouble)
        doctor_say(doctor->report, "summary", "not all is well: %d thing%s to do, below",
                   cJSON_GetArraySize(doctor->advice), cJSON_GetArraySize(doctor->advice) == 1 ? "" : "s");
    else if (caught)
        doctor_say(doctor->report, "summary", "all is well: %zu function%s will be caught", caught,
                   caught == 1 ? "" : "s");
    else if (named)
        doctor_say(doctor->report, "summary",
                   "the files do not tell: %zu name%s of active functions are in them as text, for dlsym it seems",
                   named, named == 1 ? "" : "s");
    else
        doctor_say(doctor->report, "summary", "the files do not tell: nothing in them calls an active function");
    add_command(doctor);
}

static void examine(struct doctor *doctor)
{
    cJSON_AddNumberToObject(doctor->report, "form", FORM_VERSION);
    doctor_settings(doctor);
    doctor_specs(doctor);
    doctor_program(doctor);
    doctor_functions(doctor);
    doctor_host(doctor);
    doctor_stubs(doctor);
    add_verdict(doctor);
    cJSON_AddItemToObject(doctor->report, "advice", doctor->advice);
}

static void print(const cJSON *report, bool as_json)
{
    char *text = as_json ? cJSON_Print(report) : NULL;

    if (!as_json)
        doctor_print(report);
    if (text)
        puts(text);
    cJSON_free(text);
}

static void finish(struct doctor *doctor)
{
    forecast_finish(&doctor->forecast);
    load_list_finish(&doctor->list);
    program_finish(&doctor->program);
    catalog_finish(&doctor->core.catalog);
    spec_paths_finish(&doctor->core.specs);
    free(doctor->core.bindings);
    free(doctor->specs);
    cJSON_Delete(doctor->report);
}

int command_doctor(int argc, char **argv)
{
    struct doctor doctor = {.specs = calloc((size_t)argc + 1, sizeof(*doctor.specs))};
    bool as_json = false;
    int code = doctor.specs ? parse(&doctor, argc, argv, &as_json) : EXIT_TROUBLE;

    if (code == GO_ON) {
        doctor.report = cJSON_CreateObject();
        doctor.advice = cJSON_CreateArray();
        examine(&doctor);
        print(doctor.report, as_json);
        code = doctor.has_trouble ? EXIT_TROUBLE : is_untold(&doctor) ? EXIT_UNTOLD : EXIT_WELL;
    }
    finish(&doctor);
    return code;
}
