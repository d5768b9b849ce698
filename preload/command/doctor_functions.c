/* Function by function: who uses it, whether that is caught and by which way in, and why not. */
#include "preload/command/doctor.h"
#include "spec/base/text.h"

#include <string.h>

enum { NAMES_MOST = 60 };

static const char *file_of(const struct doctor *doctor, const struct use *use)
{
    return use->object == 0 ? program_path(&doctor->program) : doctor->list.objects[use->object].name;
}

static void add_use(const struct doctor *doctor, cJSON *uses, const struct function_forecast *function,
                    const struct use *use)
{
    struct text why AUTO_TEXT = {0};
    cJSON *entry = cJSON_CreateObject();

    cJSON_AddStringToObject(entry, "object", file_of(doctor, use));
    cJSON_AddStringToObject(entry, "kind", use_kind_name(use->kind));
    cJSON_AddBoolToObject(entry, "caught", use_is_caught(use->kind));
    use_explain(&why, use->kind, function->row->name, file_of(doctor, use));
    cJSON_AddStringToObject(entry, "why", why.data ? why.data : "");
    cJSON_AddItemToArray(uses, entry);
}

/* The ways in that catch it.  Plain LD_PRELOAD starts the program once more, so it must come to its first start. */
static void add_ways(const struct doctor *doctor, cJSON *entry, const struct function_forecast *function)
{
    cJSON *ways = cJSON_AddArrayToObject(entry, "ways");
    bool is_builtin = strcmp(function->row->table->name, "winapi") == 0;

    if (function->outcome != OUTCOME_CAUGHT && function->outcome != OUTCOME_PARTLY &&
        function->outcome != OUTCOME_NAMED)
        return;
    cJSON_AddItemToArray(ways, cJSON_CreateString("run"));
    cJSON_AddItemToArray(ways, cJSON_CreateString("stub"));
    if (doctor->forecast.starts_bare && (!doctor->program.has_loader || is_builtin))
        cJSON_AddItemToArray(ways, cJSON_CreateString("preload"));
}

static void add_function(const struct doctor *doctor, cJSON *functions, size_t index)
{
    const struct function_forecast *function = &doctor->forecast.functions[index];
    cJSON *entry = cJSON_CreateObject(), *uses;

    cJSON_AddStringToObject(entry, "name", function->row->name);
    cJSON_AddStringToObject(entry, "table", function->row->table->name);
    cJSON_AddStringToObject(entry, "outcome", outcome_name(function->outcome));
    if (doctor->core.bindings)
        cJSON_AddStringToObject(entry, "mode", mode_name(doctor->core.bindings[index].mode));
    cJSON_AddBoolToObject(entry, "defined", function->is_defined);
    add_ways(doctor, entry, function);
    uses = cJSON_AddArrayToObject(entry, "uses");
    for (size_t i = 0; i < function->use_count; i++)
        add_use(doctor, uses, function, &function->uses[i]);
    cJSON_AddItemToArray(functions, entry);
}

/* The use that is to be remedied; NULL: none. */
static const struct use *find_fault(const struct function_forecast *function)
{
    if (function->outcome != OUTCOME_MISSED && function->outcome != OUTCOME_PARTLY)
        return NULL;
    for (size_t i = 0; i < function->use_count; i++)
        if (use_has_remedy(function->uses[i].kind))
            return &function->uses[i];
    return NULL;
}

static bool is_alike(const struct use *one, const struct use *other)
{
    return one && other && one->kind == other->kind && one->object == other->object;
}

/* One piece of advice for all functions with the same fault in the same file: it is given at the first of them. */
static void advise_missed(struct doctor *doctor, size_t index)
{
    const struct forecast *forecast = &doctor->forecast;
    const struct use *fault = find_fault(&forecast->functions[index]);
    struct text names AUTO_TEXT = {0}, advice AUTO_TEXT = {0};
    size_t more = 0;

    for (size_t i = 0; fault && i < forecast->count; i++) {
        if (!is_alike(fault, find_fault(&forecast->functions[i])))
            continue;
        if (i < index)
            return;
        if (i > index && names.size > NAMES_MOST)
            more++;
        else
            text_format(&names, "%s%s", names.size ? ", " : "", forecast->functions[i].row->name);
    }
    if (!fault)
        return;
    if (more)
        text_format(&names, " and %zu more", more);
    use_remedy(&advice, fault->kind, names.data ? names.data : "", file_of(doctor, fault));
    doctor_trouble(doctor, "%s", advice.data ? advice.data : "");
}

/* Modes that keep a function here are asked for, so they are no trouble, but easily forgotten. */
static void advise_native(struct doctor *doctor)
{
    size_t count = 0;
    const char *first = "";

    for (size_t i = 0; doctor->core.bindings && i < doctor->forecast.count; i++)
        if (doctor->core.bindings[i].mode == MODE_NATIVE && doctor->forecast.functions[i].outcome == OUTCOME_CAUGHT) {
            first = count++ ? first : doctor->forecast.functions[i].row->name;
        }
    if (count)
        doctor_advise(doctor, "mind that %s%s run natively, as WINAPI_MODE or WINAPI_ROUTE says; unset them otherwise",
                      first, count > 1 ? " and others" : "");
}

static void advise(struct doctor *doctor)
{
    const struct forecast *forecast = &doctor->forecast;

    for (size_t i = 0; i < forecast->orphan_count; i++)
        doctor_trouble(doctor,
                       "give %s a row in a spec file, or a library: nothing has it, and the program does not start "
                       "without it",
                       forecast->orphans[i]);
    if (forecast->dropped_calls)
        doctor_trouble(doctor,
                       "link %s without --unresolved-symbols=ignore-all, to a stub instead (winapi stubs FILE -o "
                       "libSTUB.so): its calls of what was undefined go to address 0, and their names are gone",
                       program_path(&doctor->program));
    for (size_t i = 0; i < forecast->count; i++)
        advise_missed(doctor, i);
    if (!forecast->starts_bare)
        doctor_advise(doctor,
                      "use winapi run, or a stub that is kept: with plain LD_PRELOAD the loader refuses the program, "
                      "because only a table has some of its functions");
    else if (doctor->program.has_loader)
        doctor_advise(doctor, "use winapi run, or a stub that is kept: started by the loader as a command, the program "
                              "cannot be started once more");
    advise_native(doctor);
}

void doctor_functions(struct doctor *doctor)
{
    cJSON *functions = cJSON_AddArrayToObject(doctor->report, "functions");
    int error;

    if (doctor->list.count == 0)
        return;
    error = forecast_make(&doctor->forecast, &doctor->list, &doctor->core.catalog, FORECAST_FULL);
    if (error) {
        doctor_trouble(doctor, "memory has run out: %s", strerror(-error));
        return;
    }
    for (size_t i = 0; i < doctor->forecast.count; i++)
        add_function(doctor, functions, i);
    cJSON_AddBoolToObject(doctor->report, "calls_dlsym", doctor->forecast.calls_dlsym);
    cJSON_AddBoolToObject(doctor->report, "starts_others", doctor->forecast.starts_others);
    advise(doctor);
}
