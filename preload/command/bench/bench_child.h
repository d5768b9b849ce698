/*
 * Processes that the bench starts, and their end: whatever happens, none of them outlives it.
 *
 * Each is in one list from before it runs until it has been waited for.  A signal that ends the bench ends them first,
 * which wakes whoever waits for one; and the kernel ends them if the bench is killed.
 */
#ifndef WINAPI_PRELOAD_COMMAND_BENCH_BENCH_CHILD_H
#define WINAPI_PRELOAD_COMMAND_BENCH_BENCH_CHILD_H

#include "preload/command/bench/bench_job.h"
#include "spec/base/error.h"

#include <stdbool.h>
#include <sys/types.h>

struct bench_child {
    pid_t pid;        /* 0: it does not run */
    int fd;           /* its standard input and output, or -1 */
    const char *name; /* for messages */
};

enum { BENCH_ANY_CPU = -1, BENCH_VARIABLES_MOST = 8 };

struct bench_start {
    const char *name;                            /* for messages */
    const char *const *arguments;                /* NULL at the end; the first is the program's path */
    int cpu;                                     /* where it and all it starts run, or BENCH_ANY_CPU */
    int kept_fd;                                 /* one descriptor that it has too; -1: none */
    bool has_jobs;                               /* standard input and output are the bench's; else /dev/null */
    bool is_host;                                /* SIGTERM ends it: it has something to put in order */
    const char *variables[BENCH_VARIABLES_MOST]; /* "NAME=VALUE", besides the bench's own */
};

/*
 * Catches SIGINT, SIGTERM and SIGHUP: they end every child, and then bench_interrupted() says which it was; else 0.
 * SIGPIPE is ignored: that nobody reads any more is an error like others, and what is to be put in order is.
 */
void bench_children_watch(void);
int bench_interrupted(void);

/* Errors are logged.  -EINTR: the bench is to end. */
MUST_CHECK int bench_child_start(struct bench_child *child, const struct bench_start *start);

/* Ends it if it has not, and waits for it. */
void bench_child_end(struct bench_child *child);

/*
 * Gives it a job and waits for the answer; samples go into `samples`, which has room for job->count.  Errors are
 * logged: what the program says is wrong (-EBADMSG), that it has ended (-EPIPE), that it does not answer (-ETIMEDOUT).
 */
MUST_CHECK int bench_child_run(struct bench_child *child, const struct bench_job *job, struct bench_answer *answer,
                               uint32_t *samples);

/* The two halves, for several at the same time. */
MUST_CHECK int bench_child_send(struct bench_child *child, const struct bench_job *job);
MUST_CHECK int bench_child_receive(struct bench_child *child, const struct bench_job *job, struct bench_answer *answer,
                                   uint32_t *samples);

/* A line on stderr in front of which the progress bar goes away. */
void bench_say(const char *format, ...) FORMAT_LIKE(1, 2);

#endif
