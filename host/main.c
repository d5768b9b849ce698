/* winapi-host: options, tables, then the supervisor. */
#include "host/host_options.h"
#include "host/host_tables.h"
#include "host/statistics_message.h"
#include "host/supervisor.h"
#include "spec/base/file.h"
#include "spec/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { DESCRIPTOR_LEAST = 10, STAT_FILE_MODE = 0644 };

static bool is_same_socket(int fd, int other)
{
    struct stat one, two;

    return fstat(fd, &one) == 0 && fstat(other, &two) == 0 && S_ISSOCK(one.st_mode) && one.st_dev == two.st_dev &&
           one.st_ino == two.st_ino;
}

/*
 * The client talks on standard input and output, and so would a library that prints: the connection moves to other
 * numbers, and what the library prints goes to standard error.
 */
static int take_stdio(int *fd, int *write_fd)
{
    AUTO_CLOSE int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

    *write_fd = -1;
    *fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, DESCRIPTOR_LEAST);
    if (*fd < 0 || nothing < 0)
        return -errno;
    *write_fd =
        is_same_socket(STDIN_FILENO, STDOUT_FILENO) ? *fd : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, DESCRIPTOR_LEAST);
    if (*write_fd < 0)
        return -errno;
    if (dup2(nothing, STDIN_FILENO) < 0)
        return -errno;
    return dup2(fcntl(STDERR_FILENO, F_GETFD) < 0 ? nothing : STDERR_FILENO, STDOUT_FILENO) < 0 ? -errno : 0;
}

static int serve_stdio(struct supervisor *supervisor)
{
    int fd, write_fd;
    int error = take_stdio(&fd, &write_fd);

    if (!error)
        error = supervisor_serve_one(supervisor, fd, write_fd);
    if (error)
        log_error("--stdio: %s", strerror(-error));
    return error;
}

static int serve_socket(struct supervisor *supervisor, const struct host_options *options)
{
    int error = supervisor_listen(supervisor, options->listen_path, options->ready_fd);

    if (error == -EADDRINUSE)
        log_error("unix:%s: another host listens there already", options->listen_path);
    else if (error)
        log_error("unix:%s: %s", options->listen_path, strerror(-error));
    return error;
}

static int write_statistics(const struct supervisor *supervisor, const char *path)
{
    cJSON *message = statistics_message(supervisor->statistics, supervisor->functions, false);
    AUTO_FREE char *text = message ? cJSON_Print(message) : NULL;
    int error = text ? file_replace(path, text, strlen(text), STAT_FILE_MODE) : -ENOMEM;

    cJSON_Delete(message);
    if (error)
        log_error("--stat-file %s: %s", path, strerror(-error));
    return error;
}

static int serve(struct host_functions *functions, const struct host_options *options)
{
    struct supervisor supervisor = {.functions = functions, .limits = options->limits};
    size_t clients = options->is_stdio ? 1 : options->clients;
    int error = statistics_create(&supervisor.statistics, functions->count, clients);

    if (error) {
        log_error("no memory for %zu clients: %s", clients, strerror(-error));
        return error;
    }
    error = options->is_stdio ? serve_stdio(&supervisor) : serve_socket(&supervisor, options);
    if (!error && options->stat_path)
        error = write_statistics(&supervisor, options->stat_path);
    statistics_destroy(supervisor.statistics);
    return error;
}

static int run(const struct host_options *options)
{
    struct host_functions functions;
    struct catalog catalog = {0};
    int error = host_tables_read(&catalog, options);

    if (error) {
        catalog_finish(&catalog);
        return error;
    }
    error = host_functions_init(&functions, &catalog);
    if (!error)
        error = serve(&functions, options);
    host_functions_finish(&functions);
    catalog_finish(&catalog);
    return error;
}

int main(int argc, char **argv)
{
    struct host_options options;
    int status;

    if (host_options_read(&options, argc, argv, &status)) {
        log_start("winapi-host", options.log_level, options.log_path);
        status = run(&options) ? EXIT_FAILURE : EXIT_SUCCESS;
    }
    host_options_finish(&options);
    return status;
}
