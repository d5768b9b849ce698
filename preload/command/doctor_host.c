/* The host: asked as the program would ask it, and nothing called. */
#include "preload/command/doctor.h"
#include "preload/lane/connection.h"
#include "spec/base/own.h"
#include "spec/base/text.h"
#include "spec/wire/arena.h"

#include <errno.h>
#include <string.h>

enum { ARENA_SIZE = 64 << 20 };

static const char *text_of(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

    return text ? text : "";
}

static void copy_member(cJSON *to, const cJSON *from, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(from, name);

    if (cJSON_IsString(member) || cJSON_IsNumber(member))
        cJSON_AddItemToObject(to, name, cJSON_Duplicate(member, true));
}

/* "same", "differs" or "absent", as the welcome has it. */
static const char *judge_table(const cJSON *table)
{
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(table, "match")))
        return "same";
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(table, "absent")) ? "absent" : "differs";
}

static void hear_welcome(cJSON *host, const cJSON *welcome)
{
    cJSON *tables = cJSON_AddArrayToObject(host, "tables");
    const cJSON *table;

    copy_member(host, welcome, "program");
    copy_member(host, welcome, "system");
    copy_member(host, welcome, "pid");
    copy_member(host, welcome, "medium");
    copy_member(host, welcome, "medium_why");
    cJSON_ArrayForEach(table, cJSON_GetObjectItemCaseSensitive(welcome, "tables"))
    {
        cJSON *entry = cJSON_CreateObject();

        cJSON_AddStringToObject(entry, "name", text_of(table, "table"));
        cJSON_AddStringToObject(entry, "state", judge_table(table));
        cJSON_AddItemToArray(tables, entry);
    }
}

static void hear_row(const struct doctor *doctor, cJSON *differences, const char *table, const cJSON *row)
{
    const struct row *ours = catalog_find(&doctor->core.catalog, text_of(row, "name"));
    AUTO_TEXT struct text description = {0};
    cJSON *entry;

    if (!ours || cJSON_GetObjectItemCaseSensitive(row, "id"))
        return;
    row_describe(ours, &description);
    entry = cJSON_CreateObject();
    cJSON_AddStringToObject(entry, "name", ours->name);
    cJSON_AddStringToObject(entry, "table", table);
    cJSON_AddStringToObject(entry, "guest", description.data ? description.data : "");
    if (*text_of(row, "differs"))
        cJSON_AddStringToObject(entry, "host", text_of(row, "differs"));
    else
        cJSON_AddNullToObject(entry, "host");
    cJSON_AddItemToArray(differences, entry);
}

static void hear(const cJSON *answer, void *context)
{
    struct doctor *doctor = context;
    cJSON *host = cJSON_GetObjectItemCaseSensitive(doctor->report, "host");
    cJSON *differences = cJSON_GetObjectItemCaseSensitive(host, "differences");
    const cJSON *row;

    if (strcmp(text_of(answer, "message"), "welcome") == 0)
        hear_welcome(host, answer);
    if (strcmp(text_of(answer, "message"), "rows") == 0)
        cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(answer, "rows"))
            hear_row(doctor, differences, text_of(answer, "table"), row);
}

/* ---- what it means ---- */

/* One line for each table that the host lacks; one for each row that differs. */
static void advise_table(struct doctor *doctor, const struct table *table, const char *address)
{
    const cJSON *tables =
        cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(doctor->report, "host"), "tables");
    const cJSON *entry;

    cJSON_ArrayForEach(entry, tables)
    {
        if (strcmp(text_of(entry, "name"), table->name) == 0 && strcmp(text_of(entry, "state"), "absent") == 0)
            doctor_trouble(doctor, "give the host at %s the table %s: start it with: winapi-host --spec %s", address,
                           table->name, table->path);
    }
}

static void advise_rows(struct doctor *doctor)
{
    const cJSON *host = cJSON_GetObjectItemCaseSensitive(doctor->report, "host");
    const cJSON *entry;

    cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(host, "differences"))
    {
        const struct row *row = catalog_find(&doctor->core.catalog, text_of(entry, "name"));

        if (*text_of(entry, "host"))
            doctor_trouble(doctor,
                           "give both sides the same row for %s (%s) and start the host anew: here it is %s, "
                           "there %s",
                           text_of(entry, "name"), row ? row->table->path : "", text_of(entry, "guest"),
                           text_of(entry, "host"));
        else
            doctor_trouble(doctor, "give the host's table %s the row of %s, from %s, and start the host anew",
                           text_of(entry, "table"), text_of(entry, "name"), row ? row->table->path : "");
    }
}

static void add_served(struct doctor *doctor, const struct connection *connection)
{
    cJSON *functions = cJSON_GetObjectItemCaseSensitive(doctor->report, "functions"), *entry;
    size_t index = 0;

    cJSON_ArrayForEach(entry, functions)
    {
        cJSON_AddBoolToObject(entry, "served", connection->ids[index] != CONNECTION_NO_ID);
        if (connection->refusals[index])
            cJSON_AddStringToObject(entry, "not_served", connection->refusals[index]);
        index++;
    }
}

static void take_connection(struct doctor *doctor, cJSON *host, const struct connection *connection)
{
    cJSON_AddStringToObject(host, "address", connection->address);
    add_served(doctor, connection);
    for (size_t i = 0; i < doctor->core.catalog.table_count; i++)
        advise_table(doctor, doctor->core.catalog.tables[i], connection->address);
    advise_rows(doctor);
    if (doctor->core.settings.medium == MEDIUM_MEMORY && strcmp(text_of(host, "medium"), "memory") != 0)
        doctor_trouble(doctor, "see to shared memory: %s; calls go over sockets, which is slower",
                       text_of(host, "medium_why"));
}

/* Where all is to run natively, or only the built-in functions are active and no host is named, nobody is asked. */
static bool is_needed(const struct doctor *doctor)
{
    if (!doctor->core.settings.host && doctor->core.specs.count == 0)
        return forecast_count(&doctor->forecast, OUTCOME_CAUGHT) > 0;
    for (size_t i = 0; doctor->core.bindings && i < doctor->core.catalog.row_count; i++)
        if (doctor->core.bindings[i].mode != MODE_NATIVE)
            return true;
    return false;
}

static void add_medium_fault(const char *text, void *context)
{
    cJSON_AddStringToObject(context, "medium_why", text);
}

/* An arena of the doctor's own, smaller than a program's: what it is for is to be passed on. */
static struct arena *make_arena(const struct doctor *doctor, struct memory *memory, struct arena *arena, cJSON *host)
{
    int error = 0;

    *memory = (struct memory){.fd = -1};
    if (doctor->core.settings.medium != MEDIUM_MEMORY) {
        add_medium_fault("WINAPI_TRANSPORT asks for sockets", host);
        return NULL;
    }
    error = memory_create(memory, ARENA_SIZE, NULL);
    if (!error)
        error = arena_init(arena, memory);
    if (error)
        add_medium_fault(strerror(-error), host);
    return error ? NULL : arena;
}

static void ask(struct doctor *doctor, cJSON *host)
{
    struct connection *connection = NULL;
    struct absence absence = {0};
    struct memory memory;
    struct arena arena, *made = make_arena(doctor, &memory, &arena, host);
    int error =
        connection_open_heard(&connection, &doctor->core, made, &absence, (struct connection_listener){hear, doctor});

    cJSON_AddBoolToObject(host, "answers", error == 0);
    if (error) {
        cJSON_AddStringToObject(host, "why", absence.text);
        doctor_trouble(doctor, "see to the host: %s", absence.text);
    } else {
        take_connection(doctor, host, connection);
    }
    connection_close(connection);
    if (made)
        arena_finish(made);
    memory_finish(&memory);
}

void doctor_host(struct doctor *doctor)
{
    cJSON *host = cJSON_AddObjectToObject(doctor->report, "host");

    cJSON_AddArrayToObject(host, "differences");
    cJSON_AddBoolToObject(host, "asked", is_needed(doctor));
    if (is_needed(doctor))
        ask(doctor, host);
}
