/* What the program is, and what the loader would load for it. */
#include "preload/command/doctor.h"
#include "preload/loader/place.h"
#include "spec/base/own.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_builtin_of_shells(const char *name)
{
    static const char *const names[] = {".",     ":",    "alias",  "bg",    "cd",      "command", "eval",
                                        "exec",  "exit", "export", "fg",    "getopts", "hash",    "jobs",
                                        "local", "read", "return", "set",   "shift",   "source",  "times",
                                        "trap",  "type", "ulimit", "umask", "unalias", "unset",   "wait"};

    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static void say_not_found(struct doctor *doctor, cJSON *program, int error)
{
    cJSON_AddStringToObject(program, "kind", "missing");
    if (is_builtin_of_shells(doctor->name)) {
        doctor_say(program, "refusal", "%s is a command of the shell itself, and no program", doctor->name);
        doctor_trouble(doctor, "name the shell instead, such as: winapi doctor bash");
        return;
    }
    doctor_say(program, "refusal", "%s: %s", doctor->name, strerror(-error));
    if (error == -EACCES)
        doctor_trouble(doctor, "make it executable: chmod +x %s", doctor->name);
    else
        doctor_trouble(doctor, "give the program's path: %s is not %s", doctor->name,
                       strchr(doctor->name, '/') ? "there" : "in PATH");
}

/* ---- what can be done about one that is not caught ---- */

static void advise_refused(struct doctor *doctor)
{
    const struct program *program = &doctor->program;
    const char *path = program_path(program);

    if (program->kind == PROGRAM_STATIC || program->kind == PROGRAM_STATIC_PIE)
        doctor_trouble(doctor,
                       program->is_go
                           ? "build it to call C through libc's loader: CGO_ENABLED=1 go build; only what it "
                             "calls through cgo is caught then (%s)"
                           : "link it dynamically: without -static and -static-pie (%s)",
                       path);
    else if (strstr(program->refusal, " set") || strstr(program->refusal, "capabilities"))
        doctor_trouble(doctor,
                       "use a copy without the privilege: cp %s . (setcap -r or chmod ug-s on the copy), and "
                       "start it as the user whose rights it needs",
                       path);
    else if (strstr(program->refusal, " env "))
        doctor_trouble(doctor, "start the interpreter yourself: winapi run -- INTERPRETER %s", doctor->name);
    else if (program->kind == PROGRAM_FOREIGN)
        doctor_trouble(doctor, "build %s, or winapi, for the same kind of machine", path);
    else
        doctor_trouble(doctor, "%s", program->refusal);
}

static void describe_file(cJSON *report, const struct program *program)
{
    struct elf_file file;
    const char *machine;

    if (elf_file_open(&file, program_path(program)))
        return;
    machine = elf_machine_name(file.machine);
    if (machine)
        cJSON_AddStringToObject(report, "machine", machine);
    else
        cJSON_AddNumberToObject(report, "machine", file.machine);
    cJSON_AddStringToObject(report, "libc", libc_name(libc_of(file.interpreter)));
    if (file.interpreter)
        cJSON_AddStringToObject(report, "interpreter", file.interpreter);
    elf_file_close(&file);
}

static void describe(cJSON *report, const struct program *program)
{
    cJSON *chain = cJSON_AddArrayToObject(report, "chain");

    for (size_t i = 0; i < program->chain_count; i++)
        cJSON_AddItemToArray(chain, cJSON_CreateString(program->chain[i]));
    cJSON_AddStringToObject(report, "kind", program_kind_name(program->kind));
    cJSON_AddBoolToObject(report, "script", program->is_script);
    cJSON_AddBoolToObject(report, "loader", program->has_loader);
    cJSON_AddBoolToObject(report, "go", program->is_go);
    describe_file(report, program);
    if (program->refusal)
        cJSON_AddStringToObject(report, "refusal", program->refusal);
}

/* ---- libraries ---- */

static void add_library(const struct doctor *doctor, cJSON *libraries, const struct load_object *object)
{
    cJSON *library = cJSON_CreateObject();

    cJSON_AddStringToObject(library, "name", object->name);
    if (object->path)
        cJSON_AddStringToObject(library, "path", object->path);
    cJSON_AddStringToObject(library, "needed_by",
                            object->is_preloaded ? "LD_PRELOAD" : doctor->list.objects[object->needed_by].name);
    cJSON_AddItemToArray(libraries, library);
}

/* A program that was linked to a stub finds it where `winapi run` preloads it: glibc knows it by its SONAME. */
static bool is_stub(const struct doctor *doctor, const char *name)
{
    return strcmp(name, "winapi_stub.so") == 0 && doctor->list.search.libc != LIBC_MUSL;
}

static void list_libraries(struct doctor *doctor)
{
    cJSON *libraries = cJSON_AddArrayToObject(doctor->report, "libraries");
    cJSON *missing = cJSON_AddArrayToObject(doctor->report, "missing");

    for (size_t i = 1; i < doctor->list.count; i++) {
        const struct load_object *object = &doctor->list.objects[i];

        if (object->path) {
            add_library(doctor, libraries, object);
        } else if (!is_stub(doctor, object->name)) {
            add_library(doctor, missing, object);
            doctor_trouble(doctor,
                           "install %s, which %s needs, or name its directory in LD_LIBRARY_PATH; without it the "
                           "program does not start",
                           object->name, doctor->list.objects[object->needed_by].name);
        }
    }
}

/* ---- libwinapi_preload.so ---- */

struct lack {
    const struct load_list *list;
    const char *name; /* of what the library needs; points into its file */
};

static int is_definition(const struct elf_symbol *symbol, void *context)
{
    return symbol->is_defined && strcmp(symbol->name, context) == 0;
}

/* Ends at the first symbol that the library cannot do without, and that nothing here has. */
static int find_lack(const struct elf_symbol *symbol, void *context)
{
    struct lack *lack = context;

    if (symbol->is_defined || symbol->binding == STB_WEAK)
        return 0;
    for (size_t i = 0; i < lack->list->count; i++)
        if (lack->list->objects[i].path &&
            elf_file_each_symbol(&lack->list->objects[i].file, is_definition, (void *)(uintptr_t)symbol->name))
            return 0;
    lack->name = symbol->name;
    return 1;
}

/* musl knows no symbol versions and no second libc: all that the library needs must be in the one that is there. */
static void check_fit(struct doctor *doctor)
{
    cJSON *preload = cJSON_GetObjectItemCaseSensitive(doctor->report, "preload");
    const char *path = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(preload, "path"));
    struct lack lack = {.list = &doctor->list};
    struct elf_file file;

    if (!path || elf_file_open(&file, path))
        return;
    if (doctor->list.search.libc == LIBC_MUSL)
        elf_file_each_symbol(&file, find_lack, &lack);
    cJSON_AddBoolToObject(preload, "fits", !lack.name);
    if (lack.name)
        doctor_trouble(doctor,
                       "install a libwinapi_preload.so that is built for musl too: %s needs %s, which this "
                       "program's libc does not have",
                       path, lack.name);
    elf_file_close(&file);
}

static void load(struct doctor *doctor)
{
    int error =
        load_list_init(&doctor->list, program_path(&doctor->program), getenv("LD_PRELOAD"), getenv("LD_LIBRARY_PATH"));

    if (error) {
        doctor_trouble(doctor, "%s: its libraries cannot be found: %s", program_path(&doctor->program),
                       strerror(-error));
        return;
    }
    if (access(doctor->list.search.loader, X_OK) < 0)
        doctor_trouble(doctor, "install the loader %s that %s asks for (%s); without it nothing starts the program",
                       doctor->list.search.loader, program_path(&doctor->program), libc_name(doctor->list.search.libc));
    list_libraries(doctor);
    check_fit(doctor);
}

static void find_preload(struct doctor *doctor)
{
    AUTO_FREE char *path = place_preload_library();
    cJSON *preload = cJSON_AddObjectToObject(doctor->report, "preload");

    cJSON_AddBoolToObject(preload, "found", path != NULL);
    if (path)
        cJSON_AddStringToObject(preload, "path", path);
    if (!path)
        doctor_trouble(doctor, "install libwinapi_preload.so: it is not beside this command");
    else if (strpbrk(path, ": \t\n"))
        doctor_trouble(doctor, "move the installation: LD_PRELOAD cannot express %s, with its space or colon", path);
}

void doctor_program(struct doctor *doctor)
{
    cJSON *report = cJSON_AddObjectToObject(doctor->report, "program");
    AUTO_FREE char *path = NULL;
    int error = program_find(doctor->name, &path);

    cJSON_AddStringToObject(report, "name", doctor->name);
    find_preload(doctor);
    if (error) {
        say_not_found(doctor, report, error);
        return;
    }
    program_examine(&doctor->program, path, doctor->arguments);
    cJSON_AddStringToObject(report, "path", path);
    describe(report, &doctor->program);
    if (doctor->program.refusal)
        advise_refused(doctor);
    else if (doctor->program.kind == PROGRAM_DYNAMIC)
        load(doctor);
    else
        doctor_trouble(doctor, "see what %s is: it cannot be read as a program", program_path(&doctor->program));
}
