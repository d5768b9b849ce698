/* The page that tells, and the parts that start over. */
#include "preload/fork.h"

#include "preload/core.h"
#include "spec/base/libc.h"
#include "spec/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

static _Atomic(uint64_t *) generation; /* 1; wiped to 0 in a child; NULL before anything is watched */
static bool is_wiped;                  /* by the kernel */
static _Atomic(struct fork_part *) parts;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void start_over(void)
{
    int kept_errno = errno;

    core_enter();
    for (struct fork_part *part = atomic_load(&parts); part; part = part->next)
        part->start_over();
    *(volatile uint64_t *)atomic_load(&generation) = 1;
    core_leave();
    errno = kept_errno;
}

static void before_fork(void)
{
    for (struct fork_part *part = atomic_load(&parts); part; part = part->next)
        if (part->before)
            part->before();
}

static void after_fork_in_parent(void)
{
    for (struct fork_part *part = atomic_load(&parts); part; part = part->next)
        if (part->in_parent)
            part->in_parent();
}

/* A handler of the program's may have called before this one: then it is done. */
static void after_fork_in_child(void)
{
    if (!is_wiped || *(volatile uint64_t *)atomic_load(&generation) == 0)
        start_over();
}

static void make_generation(void)
{
    uint64_t *page =
        mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return;
    is_wiped = madvise(page, (size_t)sysconf(_SC_PAGESIZE), MADV_WIPEONFORK) == 0;
    if (!is_wiped)
        log_debug("this kernel has no MADV_WIPEONFORK: forks are seen by fork handlers only");
    *page = 1;
    atomic_store(&generation, page); /* counterpart: fork_check() */
    if (libc_at_fork(before_fork, after_fork_in_parent, after_fork_in_child))
        log_debug("no fork handlers: a child is found out at its first call");
}

int fork_watch(struct fork_part *part)
{
    pthread_once(&once, make_generation);
    if (!atomic_load(&generation))
        return -ENOMEM;
    if (part->is_watched)
        return 0;
    part->is_watched = true;
    part->next = atomic_load(&parts);
    while (!atomic_compare_exchange_weak(&parts, &part->next, part))
        continue;
    return 0;
}

void fork_check(void)
{
    const volatile uint64_t *page = atomic_load_explicit(&generation, memory_order_acquire);

    if (page && *page == 0)
        start_over();
}
