/* The environment: variables that make no sense, spec files, where stubs would be kept, LD_PRELOAD as it is now. */
#include "preload/command/doctor.h"
#include "preload/loader/place.h"
#include "preload/route.h"
#include "preload/stub/record.h"
#include "preload/stub/stub_file.h"
#include "spec/base/cache_place.h"
#include "spec/base/log.h"
#include "spec/base/own.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* ---- variables ---- */

static void take_fault(const char *text, void *context)
{
    struct doctor *doctor = context;

    cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(doctor->report, "settings"), cJSON_CreateString(text));
    doctor_trouble(doctor, "set it right: %s", text);
}

/* The directory must be there and ours to write to; the file, where it is, too.  Reading the settings would make it. */
static void check_file_variable(struct doctor *doctor, const char *name)
{
    const char *value = getenv(name);
    AUTO_FREE char *directory = value && *value ? strdup(value) : NULL;
    AUTO_FREE char *fault = NULL;
    char *slash = directory ? strrchr(directory, '/') : NULL;

    if (!directory)
        return;
    if (slash)
        slash[slash == directory] = '\0';
    if (access(value, W_OK) == 0 || (errno == ENOENT && access(slash ? directory : ".", W_OK | X_OK) == 0))
        return;
    if (asprintf(&fault, "%s=%s: %s", name, value, strerror(errno)) < 0)
        fault = NULL;
    take_fault(fault ? fault : name, doctor);
}

void doctor_settings(struct doctor *doctor)
{
    cJSON_AddArrayToObject(doctor->report, "settings");
    check_file_variable(doctor, "WINAPI_LOG_FILE");
    check_file_variable(doctor, "WINAPI_SHARED_MEM");
    unsetenv("WINAPI_LOG_FILE");
    log_divert(take_fault, doctor);
    settings_read(&doctor->core.settings);
    doctor->core.settings.shared_memory = NULL; /* asking a host changes no file */
    if (doctor->host)
        doctor->core.settings.host = doctor->host;
}

/* ---- spec files ---- */

static cJSON *add_spec(struct doctor *doctor, const char *path, const char *from)
{
    cJSON *spec = cJSON_CreateObject();

    cJSON_AddStringToObject(spec, "path", path);
    cJSON_AddStringToObject(spec, "from", from);
    cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(doctor->report, "specs"), spec);
    return spec;
}

/* What is wrong with it, a line each, as `winapi check` prints them. */
static void add_faults(struct doctor *doctor, cJSON *spec, const char *path, const char *text)
{
    cJSON *faults = cJSON_AddArrayToObject(spec, "faults");

    while (*text) {
        size_t size = strcspn(text, "\n");
        AUTO_FREE char *line = strndup(text, size);

        cJSON_AddItemToArray(faults, cJSON_CreateString(line ? line : ""));
        text += size + (text[size] == '\n');
    }
    doctor_trouble(doctor, "mend %s, and see with: winapi check %s", path, path);
}

static int read_spec(struct doctor *doctor, const char *path, const char *from)
{
    struct diagnostics diagnostics = {0};
    size_t before = doctor->core.catalog.table_count;
    int error = catalog_read(&doctor->core.catalog, path, &diagnostics);
    cJSON *spec = add_spec(doctor, path, from);

    if (doctor->core.catalog.table_count > before) {
        const struct table *table = doctor->core.catalog.tables[before];

        cJSON_AddStringToObject(spec, "table", table->name);
        cJSON_AddNumberToObject(spec, "functions", (double)table->row_count);
    }
    if (error || diagnostics.count)
        add_faults(doctor, spec, path, diagnostics.text.data ? diagnostics.text.data : strerror(-error));
    diagnostics_finish(&diagnostics);
    return error;
}

/* As in the program: those with a fault are left out, and the host is not given them. */
static void read_specs_from(struct doctor *doctor, size_t first, const char *from)
{
    struct spec_paths *specs = &doctor->core.specs;

    while (first < specs->count)
        if (read_spec(doctor, specs->paths[first], from))
            spec_paths_drop(specs, first);
        else
            first++;
}

static void miss_spec(struct doctor *doctor, const char *entry, const char *from, int error)
{
    cJSON *faults = cJSON_AddArrayToObject(add_spec(doctor, entry, from), "faults");

    cJSON_AddItemToArray(faults, cJSON_CreateString(strerror(-error)));
    doctor_trouble(doctor, "give a spec file that is there instead of %s (%s)", entry, from);
}

static void add_list(struct doctor *doctor, const char *list, const char *shipped, const char *from)
{
    size_t before = doctor->core.specs.count;
    AUTO_FREE char *bad = NULL;
    int error = spec_paths_add_list(&doctor->core.specs, list, shipped, &bad);

    read_specs_from(doctor, before, from);
    if (error)
        miss_spec(doctor, bad ? bad : list, from, error);
}

/* A stub knows where its spec files lie: the member `specs` of struct stub, which the loader relocates. */
static int find_spec_list(const struct elf_symbol *symbol, void *context)
{
    if (strcmp(symbol->name, STUB_SYMBOL) == 0)
        *(uint64_t *)context = symbol->value + offsetof(struct stub, specs);
    return 0;
}

static void add_specs_of_stub(struct doctor *doctor, const char *path)
{
    struct elf_file file;
    uint64_t address = 0;
    const char *list;

    if (elf_file_open(&file, path))
        return;
    elf_file_each_symbol(&file, find_spec_list, &address);
    list = address ? elf_file_pointed_text(&file, address) : NULL;
    if (list && *list)
        add_list(doctor, list, NULL, "kept stub");
    elf_file_close(&file);
}

static void add_usual(struct doctor *doctor)
{
    const char *preload = getenv("LD_PRELOAD");
    AUTO_FREE char *copy = preload ? strdup(preload) : NULL;
    char *entry, *rest = copy;

    if (spec_paths_add_user(&doctor->core.specs, getenv("XDG_CONFIG_HOME"), getenv("HOME")))
        doctor_trouble(doctor, "make the spec files in ~/.config/winapi/spec.d readable");
    read_specs_from(doctor, 0, "spec.d");
    while (rest && (entry = strsep(&rest, ": \t\n")))
        if (*entry)
            add_specs_of_stub(doctor, entry);
}

static void read_builtin(struct doctor *doctor, const char *shipped)
{
    AUTO_FREE char *path = NULL;

    if (shipped && asprintf(&path, "%s/winapi.json", shipped) >= 0)
        (void)!read_spec(doctor, path, "built in");
    else
        path = NULL;
}

static void make_bindings(struct core *core)
{
    size_t index = 0;

    core->bindings = calloc(core->catalog.row_count + 1, sizeof(*core->bindings));
    for (size_t t = 0; core->bindings && t < core->catalog.table_count; t++)
        for (size_t r = 0; r < core->catalog.tables[t]->row_count; r++, index++)
            core->bindings[index] =
                (struct binding){.row = &core->catalog.tables[t]->rows[r], .index = index, .mode = core->settings.mode};
    if (core->bindings)
        route_apply(core);
}

void doctor_specs(struct doctor *doctor)
{
    AUTO_FREE char *shipped = place_spec_directory();

    cJSON_AddArrayToObject(doctor->report, "specs");
    read_builtin(doctor, shipped);
    for (size_t i = 0; i < doctor->spec_count; i++)
        if (strcmp(doctor->specs[i], "winapi") != 0)
            add_list(doctor, doctor->specs[i], shipped, "--spec");
    if (doctor->spec_count == 0 && doctor->core.settings.spec)
        add_list(doctor, doctor->core.settings.spec, shipped, "WINAPI_SPEC");
    else if (doctor->spec_count == 0)
        add_usual(doctor);
    if (doctor->core.specs.count == 0)
        doctor_advise(doctor, "no spec file is active, so there is nothing but winapi_* to catch: name one with --spec "
                              "FILE, or put it into ~/.config/winapi/spec.d");
    make_bindings(&doctor->core);
    log_divert(NULL, NULL);
}

/* ---- stubs ---- */

/* Why no stub could be kept there; NULL: one could.  A directory that is not there yet would be made. */
static const char *judge_place(const char *path)
{
    AUTO_FREE char *parent = strdup(path);
    struct statvfs file_system;
    char *slash;

    if (access(path, F_OK) == 0) {
        const char *why = stub_cache_reject(path);

        if (why)
            return why;
        if (access(path, W_OK | X_OK) < 0)
            return strerror(errno);
        return statvfs(path, &file_system) == 0 && file_system.f_flag & ST_NOEXEC ? "it is mounted noexec" : NULL;
    }
    if (path[strcspn(path, ": \t\n\v\f\r")])
        return stub_cache_reject(path);
    while (parent && (slash = strrchr(parent, '/')) && slash > parent) {
        *slash = '\0';
        if (access(parent, F_OK) == 0)
            return access(parent, W_OK | X_OK) == 0 ? NULL : strerror(errno);
    }
    return strerror(ENOENT);
}

static bool add_place(cJSON *places, const char *path)
{
    const char *why = judge_place(path);
    cJSON *place = cJSON_CreateObject();

    cJSON_AddStringToObject(place, "path", path);
    cJSON_AddBoolToObject(place, "usable", !why);
    if (why)
        cJSON_AddStringToObject(place, "why", why);
    cJSON_AddItemToArray(places, place);
    return !why;
}

/* An entry of LD_PRELOAD that is not there is skipped by glibc with a line, by musl without one. */
static void check_preload(struct doctor *doctor)
{
    const char *preload = getenv("LD_PRELOAD");
    AUTO_FREE char *copy = preload ? strdup(preload) : NULL;
    char *entry, *rest = copy;

    while (rest && (entry = strsep(&rest, ": \t\n")))
        if (strchr(entry, '/') && access(entry, R_OK) < 0)
            doctor_trouble(doctor,
                           "correct LD_PRELOAD: %s: %s; the loader skips it (a path with a space or a colon "
                           "cannot be written there)",
                           entry, strerror(errno));
}

void doctor_stubs(struct doctor *doctor)
{
    cJSON *places = cJSON_AddArrayToObject(doctor->report, "stubs");
    bool is_found = false;

    for (int i = 0; i < CACHE_PLACES && !is_found; i++) {
        AUTO_FREE char *path = stub_cache_place(i);

        if (path)
            is_found = add_place(places, path);
    }
    if (!is_found && doctor->core.specs.count > 0)
        doctor_trouble(doctor, "give stubs a directory of your own: export XDG_CACHE_HOME=DIRECTORY, one that is "
                               "yours alone, without space or colon, and not mounted noexec");
    check_preload(doctor);
}
