/*
 * `winapi stat`: asks a running host what it has done: docs/protocol.md, "Statistics".  With a process's number it
 * looks at that instead: stat_process.c.
 *
 * The answer comes from another program, so members that are missing or of another type print as 0 or "?".
 */
#include "preload/command/command.h"
#include "preload/command/guest_control.h"
#include "preload/command/stat_process.h"
#include "preload/settings.h"
#include "spec/base/own.h"
#include "spec/wire/address.h"
#include "spec/wire/channel.h"
#include "spec/wire/clock.h"
#include "spec/wire/protocol.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { TIMEOUT_MS = 5000 };

static const char help[] =
    "usage: winapi stat [--host unix:PATH] [--json]\n"
    "       winapi stat [--json] PID\n"
    "\n"
    "Shows what a running host has done: calls of each function, and its clients.  Without --host\n"
    "it is the one that WINAPI_HOST names, else the per-user host.\n"
    "\n"
    "With PID: what the calls of that process, a program under libwinapi_preload.so, have come to.\n";

static double number_of(const cJSON *object, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);

    return cJSON_IsNumber(member) ? member->valuedouble : 0;
}

static const char *string_of(const cJSON *object, const char *name)
{
    const char *string = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

    return string ? string : "?";
}

static void print_functions(const cJSON *functions)
{
    const cJSON *function;

    printf("%-16s %-32s %10s %8s %16s %16s\n", "table", "function", "calls", "errors", "bytes in", "bytes out");
    cJSON_ArrayForEach(function, functions)
    {
        printf("%-16s %-32s %10.0f %8.0f %16.0f %16.0f\n", string_of(function, "table"), string_of(function, "name"),
               number_of(function, "calls"), number_of(function, "errors"), number_of(function, "bytes_in"),
               number_of(function, "bytes_out"));
    }
}

static void print_clients(const cJSON *clients)
{
    const cJSON *client;

    printf("\n%-16s %-32s %10s %8s %16s %10s %10s\n", "client", "program", "calls", "worker", "seconds", "sleeps",
           "wake-ups");
    cJSON_ArrayForEach(client, clients)
    {
        printf("%-16.0f %-32s %10.0f %8.0f %16.1f %10.0f %10.0f\n", number_of(client, "pid"),
               string_of(client, "program"), number_of(client, "calls"), number_of(client, "worker"),
               number_of(client, "since_s"), number_of(client, "sleeps"), number_of(client, "wakes"));
    }
}

static int print_table(const cJSON *answer)
{
    printf("%s, pid %.0f, up for %.1f s; %.0f clients have ended, %.0f of them by a crash\n\n",
           string_of(answer, "program"), number_of(answer, "pid"), number_of(answer, "uptime_s"),
           number_of(answer, "ended_clients"), number_of(answer, "crashed_clients"));
    print_functions(cJSON_GetObjectItemCaseSensitive(answer, "functions"));
    print_clients(cJSON_GetObjectItemCaseSensitive(answer, "clients"));
    return 0;
}

static int print_json(const cJSON *answer)
{
    char *text = cJSON_Print(answer);

    if (!text)
        return -ENOMEM;
    puts(text);
    cJSON_free(text);
    return 0;
}

/* The answer, which the caller deletes.  An error message of the host's is printed; -EPROTO. */
static int ask(struct channel *channel, cJSON **answer)
{
    uint64_t deadline_ns = clock_deadline_ns(TIMEOUT_MS);
    cJSON *question = cJSON_CreateObject();
    int error = -ENOMEM;

    if (cJSON_AddStringToObject(question, "message", "stat"))
        error = channel_send(channel, question, -1, deadline_ns);
    cJSON_Delete(question);
    if (!error)
        error = channel_receive(channel, answer, CONTROL_MESSAGE_MOST, deadline_ns);
    if (error || strcmp(string_of(*answer, "message"), "stat") == 0)
        return error;
    fprintf(stderr, "winapi stat: the host says: %s\n", string_of(*answer, "text"));
    cJSON_Delete(*answer);
    return -EPROTO;
}

static int show(const char *path, bool as_json)
{
    struct channel channel;
    cJSON *answer = NULL;
    int error, fd = address_connect_unix(path, clock_deadline_ns(TIMEOUT_MS));

    if (fd < 0)
        return fd;
    channel_start(&channel, fd, fd);
    error = ask(&channel, &answer);
    if (!error) {
        error = as_json ? print_json(answer) : print_table(answer);
        cJSON_Delete(answer);
    }
    channel_finish(&channel);
    return error;
}

static char *default_path(const char **why)
{
    const char *value = getenv("WINAPI_SOCKET_PORT");
    unsigned port = SOCKET_PORT_DEFAULT;

    if (value && *value && port_parse(value, &port)) {
        *why = "WINAPI_SOCKET_PORT must be a number from 1 to 0xffffffff";
        return NULL;
    }
    return address_default_path(getenv("XDG_RUNTIME_DIR"), port);
}

/* Where the host listens, malloc'ed; NULL, with *why, when that is not a place one can ask. */
static char *socket_path(const char *text, const char **why)
{
    struct address address;

    *why = strerror(ENOMEM);
    if (!text || !*text)
        return default_path(why);
    if (address_parse(&address, text, why))
        return NULL;
    if (address.kind == ADDRESS_UNIX)
        return strdup(address.text);
    *why = "a host that is started for each program has nothing to ask; give unix:PATH";
    return NULL;
}

static int stat_host(const char *host, bool as_json)
{
    const char *why;
    AUTO_FREE char *path = socket_path(host, &why);
    int error;

    if (!path) {
        fprintf(stderr, "winapi stat: %s%s%s\n", host ? host : "", host && *host ? ": " : "", why);
        return 2;
    }
    error = show(path, as_json);
    if (error == -ENOENT || error == -ECONNREFUSED)
        fprintf(stderr, "winapi stat: no host listens on %s; winapi-host --listen unix:%s starts one\n", path, path);
    else if (error)
        fprintf(stderr, "winapi stat: %s: %s\n", path, strerror(-error));
    return error ? 1 : 0;
}

int command_stat(int argc, char **argv)
{
    static const struct option options[] = {{"host", required_argument, NULL, 'H'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *host = getenv("WINAPI_HOST");
    bool as_json = false;
    int option;
    long pid;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'H')
            host = optarg;
        else if (option == 'j')
            as_json = true;
        else {
            fputs(help, option == 'h' ? stdout : stderr);
            return option == 'h' ? 0 : 2;
        }
    }
    if (argc - optind > 1 || (argc - optind == 1 && !guest_control_parse_pid(argv[optind], &pid))) {
        fputs(help, stderr);
        return 2;
    }
    return argc - optind == 1 ? stat_process(pid, as_json) : stat_host(host, as_json);
}
