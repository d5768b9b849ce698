/* Counts and clients for people and for `winapi stat`. */
#include "host/statistics_message.h"

#include "host/hello.h"
#include "spec/wire/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double count_of(const _Atomic uint64_t *count)
{
    return (double)atomic_load_explicit(count, memory_order_relaxed);
}

static void add_function(cJSON *functions, const struct row *row, const struct function_sum *sum)
{
    cJSON *function = cJSON_CreateObject();

    cJSON_AddStringToObject(function, "table", row->table->name);
    cJSON_AddStringToObject(function, "name", row->name);
    cJSON_AddNumberToObject(function, "calls", (double)sum->calls);
    cJSON_AddNumberToObject(function, "errors", (double)sum->errors);
    cJSON_AddNumberToObject(function, "bytes_in", (double)sum->bytes_in);
    cJSON_AddNumberToObject(function, "bytes_out", (double)sum->bytes_out);
    cJSON_AddItemToArray(functions, function);
}

static void add_client(cJSON *clients, const struct client_slot *slot)
{
    /* Counterpart: the release in statistics_client_name(). */
    uint32_t size = atomic_load_explicit(&slot->name_size, memory_order_acquire);
    struct client_sum sum = statistics_client_sum(slot);
    char name[STATISTICS_NAME_MOST + 1] = "";
    cJSON *client = cJSON_CreateObject();

    memcpy(name, slot->name, size < STATISTICS_NAME_MOST ? size : STATISTICS_NAME_MOST);
    cJSON_AddNumberToObject(client, "worker", atomic_load(&slot->worker));
    cJSON_AddNumberToObject(client, "pid", slot->pid);
    cJSON_AddNumberToObject(client, "uid", slot->uid);
    cJSON_AddStringToObject(client, "program", name);
    cJSON_AddNumberToObject(client, "since_s", (double)(clock_now_ns() - slot->since_ns) / 1e9);
    cJSON_AddNumberToObject(client, "calls", (double)sum.calls);
    cJSON_AddNumberToObject(client, "sleeps", (double)sum.sleeps);
    cJSON_AddNumberToObject(client, "wakes", (double)sum.wakes);
    cJSON_AddItemToArray(clients, client);
}

static void add_tables(cJSON *message, const struct catalog *catalog)
{
    cJSON *tables = cJSON_AddArrayToObject(message, "tables");

    for (size_t i = 0; i < catalog->table_count; i++)
        cJSON_AddItemToArray(tables, cJSON_CreateString(catalog->tables[i]->name));
}

static void add_functions(cJSON *message, const struct statistics *statistics, const struct host_functions *functions,
                          bool all)
{
    cJSON *list = cJSON_AddArrayToObject(message, "functions");
    struct function_sum *sums = statistics_sum(statistics);

    for (size_t i = 0; sums && i < functions->count; i++)
        if (all || sums[i].calls > 0)
            add_function(list, functions->list[i].row, &sums[i]);
    free(sums);
}

static void add_clients(cJSON *message, const struct statistics *statistics)
{
    cJSON *clients = cJSON_AddArrayToObject(message, "clients");

    for (size_t i = 0; i < statistics->client_count; i++)
        if (atomic_load(&statistics->clients[i].is_used))
            add_client(clients, &statistics->clients[i]);
}

cJSON *statistics_message(const struct statistics *statistics, const struct host_functions *functions, bool all)
{
    cJSON *message = cJSON_CreateObject();

    cJSON_AddStringToObject(message, "message", "stat");
    cJSON_AddNumberToObject(message, "pid", statistics->supervisor);
    cJSON_AddStringToObject(message, "program", hello_program);
    cJSON_AddNumberToObject(message, "uptime_s", (double)(clock_now_ns() - statistics->started_ns) / 1e9);
    add_tables(message, functions->catalog);
    add_functions(message, statistics, functions, all);
    add_clients(message, statistics);
    cJSON_AddNumberToObject(message, "ended_clients", count_of(&statistics->ended_clients));
    cJSON_AddNumberToObject(message, "crashed_clients", count_of(&statistics->crashed_clients));
    return message;
}

void statistics_describe_tracks(const struct client_slot *slot, const struct host_functions *functions, char *text,
                                size_t size)
{
    size_t used = 0;

    snprintf(text, size, "no function");
    for (size_t i = 0; i < TRACKS && used < size; i++) {
        uint32_t id = atomic_load_explicit(&slot->tracks[i], memory_order_relaxed);
        const struct host_function *function = id ? host_functions_find(functions, id - 1) : NULL;

        if (function)
            used += (size_t)snprintf(text + used, size - used, "%s%s: %s", used ? ", " : "", function->row->table->name,
                                     function->row->name);
    }
}
