/* Start and end of the guest, and the guard. */
#include "preload/core.h"

#include "preload/control/control.h"
#include "preload/loader/own_calls.h"
#include "preload/loader/place.h"
#include "preload/loader/reexec.h"
#include "preload/route.h"
#include "preload/stub/stub_file.h"
#include "preload/stub/stub_list.h"
#include "spec/base/hash.h"
#include "spec/table/compiled_cache.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

extern const char builtin_table[], builtin_table_end[];

enum { NOT_STARTED, PREPARED, STARTED }; /* negative: a step is being taken by the thread of that number */

static struct core core;
static _Atomic int core_state;
static bool has_spoken; /* this process was started again, and has said before what there is to say at its start */

/*
 * The kernel's set of signals.  Held are not: those by which a thread hears of what itself does, because the kernel
 * would kill it; and 32 to 34, which belong to libc: setuid() of another thread waits for every thread to hear of it.
 */
#define BIT(number) (UINT64_C(1) << ((number)-1))
static const uint64_t held_signals = ~(BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGILL) | BIT(SIGFPE) | BIT(SIGTRAP) |
                                       BIT(SIGSYS) | BIT(32) | BIT(33) | BIT(34));
#undef BIT

/* A few bytes of static TLS: a preloaded library may have no more. */
static __thread unsigned inside;
static __thread uint64_t signals_outside; /* what was blocked before the outermost core_enter() */
static __thread int cancelling_outside;

static void hold_signals(const uint64_t *held, uint64_t *before)
{
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, held, before, sizeof(*held));
}

void core_enter(void)
{
    if (inside == 0) { /* a handler that comes before they are held has left again when we go on */
        hold_signals(&held_signals, &signals_outside);
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelling_outside);
    }
    inside++;
}

void core_leave(void)
{
    uint64_t before = signals_outside;
    int cancelling = cancelling_outside;

    if (--inside > 0)
        return;
    hold_signals(&before, NULL);
    pthread_setcancelstate(cancelling, NULL);
}

static bool is_inside(void)
{
    return inside != 0;
}

/* What is wrong with the spec files, a line each, as `winapi check` prints it. */
static void report(const struct diagnostics *diagnostics)
{
    const char *line = diagnostics->text.data;

    while (line && *line) {
        size_t size = strcspn(line, "\n");

        log_error("%.*s", (int)size, line);
        line += size + (line[size] == '\n');
    }
}

/* One list of entries; `name` is where it comes from, for the message. */
static void add_specs(const char *list, void *name)
{
    char *shipped = place_spec_directory();
    char *bad = NULL;
    int error = spec_paths_add_list(&core.specs, list, shipped, &bad);

    if (error)
        log_error("%s: %s: %s", (const char *)name, bad ? bad : list, strerror(-error));
    free(bad);
    free(shipped);
}

/* WINAPI_SPEC says it all; without it, the user's own spec files and those of stubs that were kept. */
static void find_specs(void)
{
    if (core.settings.spec) {
        add_specs(core.settings.spec, (void *)(uintptr_t) "WINAPI_SPEC");
        return;
    }
    if (spec_paths_add_user(&core.specs, settings_variable("XDG_CONFIG_HOME"), settings_variable("HOME")))
        log_error("the spec files in ~/.config/winapi/spec.d cannot be listed");
    stub_list_specs(add_specs, (void *)(uintptr_t) "stub");
}

/* Each that is wrong is left out, with its lines: a host that we start is not given it either. */
static void read_specs(struct diagnostics *diagnostics)
{
    for (size_t i = 0; i < core.specs.count;) {
        if (catalog_read_path(&core.catalog, &core.specs, i, diagnostics))
            spec_paths_drop(&core.specs, i);
        else
            i++;
    }
}

static uint64_t builtin_hash(void)
{
    return hash_bytes(builtin_table, (size_t)(builtin_table_end - builtin_table), 0);
}

/* Of the texts, or of the files where those have not been read. */
static void take_contents(struct compiled_key *key, const char **bad)
{
    *key = (struct compiled_key){.paths = &core.specs, .winapi = builtin_hash()};
    key->is_known = spec_paths_hash(&core.specs, &key->contents, bad) == 0;
    core.specs_hash = key->is_known ? stub_file_hash(key->contents) : 0;
}

/* Where a compiled form of them could not be used. */
static void read_texts(struct compiled_key *key)
{
    const char *bad = "";
    int error = core.specs.texts ? 0 : spec_paths_read(&core.specs, &bad);

    take_contents(key, &bad);
    if (error || !key->is_known)
        log_error("%s: cannot be read", bad);
}

/* The built-in table first. */
static void read_tables(void)
{
    struct diagnostics diagnostics = {0};
    struct compiled_key key;
    struct table *builtin;

    read_texts(&key);
    if (table_parse(&builtin, builtin_table, (size_t)(builtin_table_end - builtin_table), "(built in)", &diagnostics) ==
            0 &&
        catalog_add(&core.catalog, builtin, &diagnostics) == 0)
        core.is_usable = true;
    read_specs(&diagnostics);
    if (diagnostics.count == 0 && core.is_usable)
        compiled_cache_keep(&core.catalog, &key, settings_variable);
    report(&diagnostics);
    diagnostics_finish(&diagnostics);
}

static void take_tables(void)
{
    if (core.compiled.base && compiled_open(&core.compiled, &core.catalog) == 0)
        core.is_usable = true;
    else
        read_tables();
    spec_paths_forget_texts(&core.specs);
    for (size_t i = 0; i < core.specs.count; i++)
        log_debug("spec file %s", core.specs.paths[i]);
}

static void make_bindings(void)
{
    size_t index = 0;

    core.bindings = calloc(core.catalog.row_count + 1, sizeof(*core.bindings));
    if (!core.bindings) {
        core.is_usable = false;
        return;
    }
    for (size_t t = 0; t < core.catalog.table_count; t++)
        for (size_t r = 0; r < core.catalog.tables[t]->row_count; r++, index++) {
            const struct row *row = &core.catalog.tables[t]->rows[r];

            core.bindings[index] = (struct binding){.row = row, .index = index, .mode = core.settings.mode};
            core.has_async |= row->is_async;
        }
}

struct binding *core_find(struct core *started, const char *name)
{
    const struct row *row = started->is_usable ? catalog_find(&started->catalog, name) : NULL;
    size_t first = 0;

    if (!row)
        return NULL;
    for (size_t t = 0; started->catalog.tables[t] != row->table; t++)
        first += started->catalog.tables[t]->row_count;
    return &started->bindings[first + row->index];
}

/*
 * Cheap enough for the constructor of every process that inherits us: no table is parsed.  Where a compiled form of
 * them is in the cache it is mapped now, else the texts are read: later the process may have another root or user.
 */
static void prepare(void)
{
    const char *bad = "";
    struct compiled_key key;

    has_spoken = reexec_is_second();
    log_hush(has_spoken);
    settings_read(&core.settings);
    find_specs();
    take_contents(&key, &bad);
    if (!compiled_cache_find(&core.compiled, &key, settings_variable))
        read_texts(&key);
}

static void load(void)
{
    take_tables();
    if (core.is_usable)
        make_bindings();
    if (core.is_usable) {
        route_apply(&core);
        control_start(&core);
    }
}

static int own_thread(void)
{
    return (int)syscall(SYS_gettid);
}

/* Claims the step for this thread; false: another thread was faster. */
static bool claim_step(int from)
{
    return atomic_compare_exchange_strong(&core_state, &from, -own_thread());
}

static void take_step(int from, int to, void (*step)(void))
{
    if (!claim_step(from))
        return;
    log_hush(has_spoken);
    step();
    log_hush(false);
    atomic_store_explicit(&core_state, to, memory_order_release);
}

/* Not when it is this very thread, whose step has ended early, nor in a child of its process. */
static bool is_at_work(int stepping)
{
    return -stepping != own_thread() && (syscall(SYS_tgkill, getpid(), -stepping, 0) == 0 || errno != ESRCH);
}

/* The thread at it is no more, as after a fork by another one: what it had made stays lying as it is. */
static void begin_anew(int stepping)
{
    if (!claim_step(stepping))
        return;
    core = (struct core){0};
    atomic_store_explicit(&core_state, NOT_STARTED, memory_order_release);
}

/* Before all else, and so without what core_enter() does: that calls libc. */
static void bind_own_calls(void)
{
    static _Atomic bool is_done;

    if (atomic_load_explicit(&is_done, memory_order_acquire))
        return;
    inside++;
    own_calls_bind();
    inside--;
    atomic_store_explicit(&is_done, true, memory_order_release);
}

/*
 * Takes the state on, one step after the other in one thread while others wait, which takes milliseconds, once.
 */
static void advance(int to)
{
    int kept_errno = errno;
    int state;

    bind_own_calls();
    core_enter();
    while ((state = atomic_load_explicit(&core_state, memory_order_acquire)) < to) {
        if (state == NOT_STARTED)
            take_step(NOT_STARTED, PREPARED, prepare);
        else if (state == PREPARED)
            take_step(PREPARED, STARTED, load);
        else if (!is_at_work(state))
            begin_anew(state);
        else
            sched_yield();
    }
    core_leave();
    errno = kept_errno;
}

struct core *core_prepare(void)
{
    if (is_inside())
        return NULL;
    if (atomic_load_explicit(&core_state, memory_order_acquire) < PREPARED)
        advance(PREPARED);
    return &core;
}

const struct settings *core_settings(void)
{
    return &core.settings;
}

struct core *core_start(void)
{
    if (!core_prepare())
        return NULL;
    if (atomic_load_explicit(&core_state, memory_order_acquire) < STARTED)
        advance(STARTED);
    return &core;
}
