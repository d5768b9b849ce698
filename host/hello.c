/* Comparing the two ends: docs/protocol.md, "Hello". */
#include "host/hello.h"

#include "spec/base/text.h"
#include "spec/wire/protocol.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { HASH_DIGITS = 16, VERSION_MOST = 1000000 };

const char hello_program[] = "winapi-host " WINAPI_VERSION;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
static const char byte_order[] = "little";
#else
static const char byte_order[] = "big";
#endif

#ifdef __LP64__
static const char data_model[] = "LP64";
#else
static const char data_model[] = "ILP32";
#endif

static void check_version(struct member_reader *hello, const char *program)
{
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(hello->message, "protocol");
    struct member_reader reader;
    unsigned major, minor;

    member_start(&reader, version);
    major = (unsigned)member_number(&reader, "major", 0, VERSION_MOST);
    minor = (unsigned)member_number(&reader, "minor", 0, VERSION_MOST);
    if (reader.failed)
        member_fault(hello, "protocol: %s", reader.fault);
    else if (major != PROTOCOL_MAJOR)
        member_fault(hello,
                     "protocol %u.%u of the client (%.40s) and protocol %d.%d of this host (%s) do not fit: update %s",
                     major, minor, program, PROTOCOL_MAJOR, PROTOCOL_MINOR, hello_program,
                     major < PROTOCOL_MAJOR ? "the client" : "winapi-host");
}

static void check_same(struct member_reader *hello, const char *name, const char *own, const char *what)
{
    const char *theirs = member_text(hello, name);

    if (!hello->failed && strcmp(theirs, own) != 0)
        member_fault(hello, "%s of the client is %.40s, this host's is %s: it serves clients of its own %s only", what,
                     theirs, own, what);
}

void hello_check(struct member_reader *hello)
{
    check_version(hello, member_text(hello, "program"));
    check_same(hello, "byte_order", byte_order, "byte order");
    check_same(hello, "data_model", data_model, "data model");
}

static bool add_protocol(cJSON *welcome)
{
    cJSON *protocol = cJSON_AddObjectToObject(welcome, "protocol");

    return cJSON_AddNumberToObject(protocol, "major", PROTOCOL_MAJOR) &&
           cJSON_AddNumberToObject(protocol, "minor", PROTOCOL_MINOR);
}

/* "Linux 6.1.0 x86_64" */
static bool add_system(cJSON *welcome)
{
    struct utsname name;
    char system[sizeof(name.sysname) + sizeof(name.release) + sizeof(name.machine) + 3];

    if (uname(&name) < 0)
        return false;
    snprintf(system, sizeof(system), "%s %s %s", name.sysname, name.release, name.machine);
    return cJSON_AddStringToObject(welcome, "system", system) != NULL;
}

cJSON *hello_welcome(void)
{
    cJSON *welcome = cJSON_CreateObject();

    if (cJSON_AddStringToObject(welcome, "message", "welcome") && add_protocol(welcome) &&
        cJSON_AddStringToObject(welcome, "program", hello_program) &&
        cJSON_AddNumberToObject(welcome, "pid", getpid()) && add_system(welcome) &&
        cJSON_AddStringToObject(welcome, "data_model", data_model))
        return welcome;
    cJSON_Delete(welcome);
    return NULL;
}

static bool hash_is(const char *digits, uint64_t hash)
{
    char own[HASH_DIGITS + 1];

    snprintf(own, sizeof(own), "%016llx", (unsigned long long)hash);
    return strcmp(digits, own) == 0;
}

static cJSON *describe_table(struct member_reader *reader, const struct host_functions *functions)
{
    const char *name = member_text(reader, "table");
    const char *hash = member_text(reader, "hash");
    uint64_t row_count = member_number(reader, "rows", 0, JSON_NUMBER_MOST);
    const struct table *table = reader->failed ? NULL : catalog_table(functions->catalog, name);
    bool match = table && table->row_count == row_count && hash_is(hash, table->hash);
    cJSON *answer = cJSON_CreateObject();

    cJSON_AddStringToObject(answer, "table", name);
    if (!table)
        cJSON_AddTrueToObject(answer, "absent");
    else
        cJSON_AddBoolToObject(answer, "match", match);
    if (match)
        cJSON_AddNumberToObject(answer, "first", host_functions_first(functions, table));
    return answer;
}

cJSON *hello_tables(struct member_reader *hello, const struct host_functions *functions)
{
    const cJSON *tables = member_array(hello, "tables"), *table;
    cJSON *answers = cJSON_CreateArray();

    cJSON_ArrayForEach(table, tables)
    {
        struct member_reader reader;

        member_start(&reader, table);
        cJSON_AddItemToArray(answers, describe_table(&reader, functions));
        if (reader.failed)
            member_fault(hello, "tables: %s", reader.fault);
    }
    if (!hello->failed)
        return answers;
    cJSON_Delete(answers);
    return NULL;
}

static void add_difference(cJSON *answer, const struct row *row)
{
    AUTO_TEXT struct text own = {0};

    row_describe(row, &own);
    cJSON_AddStringToObject(answer, "differs", own.data ? own.data : "");
}

static cJSON *describe_row(struct member_reader *reader, const struct host_functions *functions,
                           const struct table *table)
{
    const char *name = member_text(reader, "name");
    const char *hash = member_text(reader, "hash");
    const struct row *row = table && !reader->failed ? table_find(table, name) : NULL;
    cJSON *answer = cJSON_CreateObject();

    cJSON_AddStringToObject(answer, "name", name);
    if (!row)
        cJSON_AddTrueToObject(answer, "absent");
    else if (hash_is(hash, row->hash))
        cJSON_AddNumberToObject(answer, "id", (double)(host_functions_first(functions, table) + row->index));
    else
        add_difference(answer, row);
    return answer;
}

cJSON *hello_rows(struct member_reader *rows, const struct host_functions *functions)
{
    const char *name = member_text(rows, "table");
    const struct table *table = catalog_table(functions->catalog, name);
    const cJSON *asked = member_array(rows, "rows"), *row;
    cJSON *answer = cJSON_CreateObject(), *answers;

    cJSON_AddStringToObject(answer, "message", "rows");
    cJSON_AddStringToObject(answer, "table", name);
    answers = cJSON_AddArrayToObject(answer, "rows");
    cJSON_ArrayForEach(row, asked)
    {
        struct member_reader reader;

        member_start(&reader, row);
        cJSON_AddItemToArray(answers, describe_row(&reader, functions, table));
        if (reader.failed)
            member_fault(rows, "rows: %s", reader.fault);
    }
    if (!rows->failed)
        return answer;
    cJSON_Delete(answer);
    return NULL;
}
