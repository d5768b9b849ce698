/*
 * One lock for everything that is not a call: connecting, opening lanes, giving them back.
 *
 * Whose a lane is.  `claim` is a ticket, which no two owners ever have alike, times two, plus one while a call uses the
 * lane; 0 while it is nobody's.  The owner moves from idle to in use by compare-and-swap, without the lock, and back by
 * a store; who takes an idle lane away, under the lock, does it by compare-and-swap too.  So one of both wins, and the
 * owner finds its ticket gone.  What it looks at is always a lane, because lanes that are dropped are kept for later
 * ones.
 */
#include "preload/lane_pool.h"

#include "preload/fork.h"
#include "preload/gate.h"
#include "preload/guest_memory.h"
#include "preload/session_note.h"
#include "preload/strings.h"
#include "spec/base/log.h"
#include "spec/wire/clock.h"
#include "spec/wire/descriptor.h"
#include "spec/wire/protocol.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ABSENT_MS = 1000, LEAVING_MS = 1000, NAP_NS = 200000 };

/* What a lane number of the shared memory still costs: the host may be at work for a call that nobody waits for. */
struct debt {
    const struct connection *connection; /* the host's; NULL: none, or its host is no more */
    uint64_t payload_offset;             /* memory to be given back once the host has closed the lane */
    bool has_payload;
};

static struct {
    pthread_mutex_t lock;
    pthread_key_t thread_end;
    bool has_thread_end;
    struct connection *connection; /* NULL: none yet, or lost */
    struct thread_lane *all, *free;
    struct thread_lane *husks; /* dropped; for use as new ones */
    uint64_t last_ticket;
    struct debt debts[LANES_MOST]; /* by lane number */
    struct thread_lane *abandoned; /* in a forked child: never touched again */
    uint32_t next_label;           /* of socket lanes, whose number means nothing */
    struct absence absence;        /* why the last connection or lane could not be had */
    uint64_t absent_until_ns;      /* no other try before, and until then */
    int absent_error;              /* this */
    _Atomic bool is_wanted;        /* a lane, by a thread that waits for one: those in use go to it after their calls */
    uint64_t leaving_until_ns;     /* the host is closing lanes of calls that were left */
    uint16_t salt;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

/*
 * This thread's lane.  `own_busy` is set before the lane is looked at and cleared when the call is over: a signal
 * handler in between takes a spare one, so nothing changes under the call that it interrupted.
 */
static __thread struct thread_lane *own;
static __thread uint64_t own_ticket;
static __thread struct call_mark *volatile own_busy; /* of the call that uses it, or is about to; NULL: none */
static __thread struct thread_lane *volatile spare;  /* the innermost spare in use */
static __thread bool is_ending;                      /* the thread: its key is gone, so no lane stays with it */

/* Signals of this thread wait while the lock is held. */
static void lock_pool(void)
{
    core_enter();
    pthread_mutex_lock(&pool.lock);
}

static void unlock_pool(void)
{
    pthread_mutex_unlock(&pool.lock);
    core_leave();
}

static bool is_in_use(const struct thread_lane *lane)
{
    return atomic_load_explicit(&lane->claim, memory_order_relaxed) & 1;
}

/* ---- fork ---- */

static bool is_of_this_thread(const struct thread_lane *lane, const struct thread_lane *its_own)
{
    const struct thread_lane *at = spare;

    while (at && at != lane)
        at = at->outer;
    return at || lane == its_own;
}

/* In the child: nothing here is ours any more.  What the parent and the host share is left as it is. */
static void start_over(void)
{
    struct thread_lane *next, *busy = own;

    pthread_mutex_init(&pool.lock, NULL);
    own = NULL;
    for (struct thread_lane *lane = pool.all; lane; lane = next) {
        next = lane->next;
        if (is_in_use(lane) && is_of_this_thread(lane, busy)) {
            lane->is_inherited = true; /* a signal handler forked during its wait: the child returns to that */
            continue;
        }
        lane_forget(&lane->lane);
        if (is_in_use(lane)) { /* of a thread that is not here: it may have been anywhere in it */
            lane->next = pool.abandoned;
            pool.abandoned = lane;
            continue;
        }
        call_finish(&lane->call);
        free(lane);
    }
    connection_close(pool.connection);
    pool.connection = NULL;
    pool.all = pool.free = NULL;
    memset(pool.debts, 0, sizeof(pool.debts));
    is_ending = false;
}

static struct fork_part fork_part = {.start_over = start_over};

static void thread_ended(void *unused);

/* Before the first connection. */
static int begin(void)
{
    if (!pool.has_thread_end)
        pool.has_thread_end = pthread_key_create(&pool.thread_end, thread_ended) == 0;
    return fork_watch(&fork_part);
}

void lane_pool_prepare(void)
{
    lock_pool();
    (void)!begin(); /* tried again when there is a call */
    unlock_pool();
}

/* ---- lanes ---- */

static bool is_connected(void)
{
    return pool.connection && !atomic_load(&pool.connection->is_lost);
}

/* How things stand, for families and for people: after each change. */
static void note_session(void)
{
    const struct connection *connection = pool.connection;
    uint32_t lanes = 0;

    for (const struct thread_lane *lane = pool.all; lane; lane = lane->next)
        lanes++;
    session_note(is_connected(), pool.salt, lanes, connection && !connection->memory ? MEDIUM_SOCKET : MEDIUM_MEMORY,
                 connection ? connection->address : NULL);
}

void lane_pool_explain(char *text, size_t size)
{
    lock_pool();
    snprintf(text, size, "%s", pool.absence.text);
    unlock_pool();
}

/* The process at the other end has ended or not: only then does nobody write to its lanes any more. */
static void forgive_debts(const struct connection *connection)
{
    bool is_gone = channel_is_gone(&connection->channel);

    for (uint32_t index = 0; index < LANES_MOST; index++) {
        if (pool.debts[index].connection != connection)
            continue;
        pool.debts[index].connection = NULL;
        if (is_gone)
            lane_abandon(connection->memory, index);
    }
}

/* A lost connection is closed when no lane is left that uses it. */
static void close_unused(struct connection *connection)
{
    if (!connection || !atomic_load(&connection->is_lost))
        return;
    for (const struct thread_lane *lane = pool.all; lane; lane = lane->next)
        if (lane->connection == connection)
            return;
    if (pool.connection == connection)
        pool.connection = NULL;
    forgive_debts(connection);
    connection_close(connection);
}

static void note_debt(const struct thread_lane *lane)
{
    const struct lane *owing = &lane->lane;

    if (owing->medium == MEDIUM_MEMORY && owing->owed)
        pool.debts[lane->index] = (struct debt){lane->connection, owing->payload_offset, owing->payload != NULL};
}

static void settle_debt(const struct connection *connection, uint32_t index)
{
    struct debt *debt = &pool.debts[index];

    if (debt->has_payload)
        (void)!arena_give(connection->arena, debt->payload_offset);
    *debt = (struct debt){0};
}

static void remove_lane(const struct thread_lane *lane)
{
    struct thread_lane **at = &pool.all;

    while (*at && *at != lane)
        at = &(*at)->next;
    if (*at)
        *at = lane->next;
}

static void drop_lane(struct thread_lane *lane)
{
    struct connection *connection = lane->connection;

    remove_lane(lane);
    note_debt(lane);
    lane_close(&lane->lane);
    call_finish(&lane->call);
    atomic_store(&lane->claim, 0);
    lane->next = pool.husks;
    pool.husks = lane;
    close_unused(connection);
}

static bool is_usable(const struct thread_lane *lane)
{
    return lane && !atomic_load_explicit(&lane->connection->is_lost, memory_order_relaxed);
}

/* Keeps it for the next thread that needs one. */
static void free_lane(struct thread_lane *lane)
{
    if (!is_usable(lane)) {
        drop_lane(lane);
        return;
    }
    atomic_store(&lane->claim, 0);
    lane->next_free = pool.free;
    pool.free = lane;
}

/* One that was given back, or NULL; lanes of a lost connection go for good. */
static struct thread_lane *find_free_lane(void)
{
    while (pool.free) {
        struct thread_lane *lane = pool.free;

        pool.free = lane->next_free;
        if (is_usable(lane))
            return lane;
        drop_lane(lane);
    }
    return NULL;
}

/* One that some thread has and does not use just now, the one that was opened or taken away the longest ago; or NULL.
 */
static struct thread_lane *take_idle_lane(void)
{
    struct thread_lane *found = NULL;
    uint64_t claim;

    for (struct thread_lane *lane = pool.all; lane; lane = lane->next)
        if (is_usable(lane) && atomic_load(&lane->claim) && !is_in_use(lane))
            found = lane;
    claim = found ? atomic_load(&found->claim) : 0;
    if (!claim || (claim & 1) || !atomic_compare_exchange_strong(&found->claim, &claim, 0))
        return NULL;
    remove_lane(found);
    found->next = pool.all;
    pool.all = found;
    return found;
}

static int connect_now(struct core *core)
{
    struct arena *arena = core->settings.medium == MEDIUM_MEMORY ? guest_memory_arena(core) : NULL;
    int error;

    if (is_connected())
        return 0;
    if (pool.absent_until_ns && !clock_is_past(pool.absent_until_ns))
        return pool.absent_error;
    while (find_free_lane())
        ; /* none is usable: they go */
    close_unused(pool.connection);
    pool.connection = NULL; /* lanes in use keep a lost one until they go */
    if (!pool.salt && getrandom(&pool.salt, sizeof(pool.salt), 0) < 0)
        pool.salt = (uint16_t)getpid();
    error = connection_open(&pool.connection, core, arena, ++pool.salt, &pool.absence);
    pool.absent_error = error;
    pool.absent_until_ns = error && pool.absence.is_costly ? clock_deadline_ns(ABSENT_MS) : 0;
    return error;
}

static bool is_index_taken(uint32_t index)
{
    for (const struct thread_lane *lane = pool.all; lane; lane = lane->next)
        if (lane->lane.medium == MEDIUM_MEMORY && lane->index == index)
            return true;
    return false;
}

/*
 * A number is passed over while a lane has it, here or at the host: a call that was given up, or one on a connection
 * that was lost, may still be written to.
 */
static int open_memory_lane(struct thread_lane *lane, uint64_t deadline_ns)
{
    struct connection *connection = lane->connection;
    int error = -EBUSY;

    for (uint32_t index = 0; error == -EBUSY && index < connection->memory->lane_count; index++) {
        lane->index = index;
        if (!is_index_taken(index))
            error = lane_open_memory(&lane->lane, connection->memory, index, connection->arena, connection->channel.fd);
    }
    if (!error) {
        settle_debt(connection, lane->index);
        error = connection_open_lane(connection, lane->index, -1, deadline_ns);
    }
    if (error == -EBADF) { /* the program has closed the memory's descriptor: the next connection goes without */
        atomic_store(&connection->is_lost, true);
        return -ECONNRESET;
    }
    if (error == -EAGAIN && lane->lane.in)
        atomic_store(&lane->lane.in->closed, 1); /* refused: nobody came to the other end */
    return error == -EBUSY ? -EAGAIN : error;
}

static int open_socket_lane(struct thread_lane *lane, uint64_t deadline_ns)
{
    int sockets[2], error;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
        return -errno;
    lane->index = pool.next_label++;
    error = lane_open_socket(&lane->lane, descriptor_raise(sockets[0]), UINT64_MAX);
    if (!error)
        error = connection_open_lane(lane->connection, lane->index, sockets[1], deadline_ns);
    close(sockets[1]);
    return error;
}

static uint32_t count_lanes(const struct connection *connection)
{
    uint32_t count = 0;

    for (const struct thread_lane *lane = pool.all; lane; lane = lane->next)
        count += lane->connection == connection;
    return count;
}

static bool has_room(const struct connection *connection)
{
    if (count_lanes(connection) < connection->lanes_most)
        return true;
    snprintf(pool.absence.text, sizeof(pool.absence.text),
             "%u lanes to the host are open, as many as it allows, and a call is under way on each: no further one can "
             "be made before one of them ends (winapi-host --max-lanes)",
             connection->lanes_most);
    return false;
}

static struct thread_lane *create_lane(void)
{
    struct thread_lane *lane = pool.husks ? pool.husks : calloc(1, sizeof(*lane));

    if (!lane)
        return NULL;
    if (lane == pool.husks)
        pool.husks = lane->next;
    lane->connection = pool.connection;
    lane->lane.fd = lane->lane.watch_fd = -1;
    lane->call = (struct call){.lane = &lane->lane, .handles = handle_door_guest, .keep_string = strings_keep};
    return lane;
}

static int open_lane(struct core *core, struct thread_lane **opened)
{
    uint64_t deadline_ns = clock_deadline_ns(core->settings.connect_timeout_ms);
    struct thread_lane *lane;
    int error;

    if (!has_room(pool.connection))
        return -EAGAIN;
    lane = create_lane();
    if (!lane)
        return -ENOMEM;
    snprintf(pool.absence.text, sizeof(pool.absence.text), "a lane to the host cannot be made");
    error = pool.connection->memory ? open_memory_lane(lane, deadline_ns) : open_socket_lane(lane, deadline_ns);
    if (error) {
        lane_close(&lane->lane);
        lane->next = pool.husks;
        pool.husks = lane;
        return error;
    }
    lane->next = pool.all;
    pool.all = lane;
    *opened = lane;
    return 0;
}

static int find_lane(struct core *core, struct thread_lane **found)
{
    int error = begin();

    if (!error)
        error = connect_now(core);
    if (error)
        return error;
    *found = find_free_lane();
    if (*found)
        return 0;
    error = open_lane(core, found);
    if (error != -EAGAIN)
        return error;
    *found = take_idle_lane();
    if (*found)
        return 0;
    atomic_store_explicit(&pool.is_wanted, true, memory_order_relaxed);
    return -EAGAIN;
}

/* ---- this thread's ---- */

static void use_spare(struct thread_lane *lane)
{
    lane->is_spare = true;
    lane->outer = spare;
    spare = lane;
}

/* It stays this thread's own if its end can be heard of. */
static bool keep_as_own(struct thread_lane *lane)
{
    if (is_ending || !pool.has_thread_end || pthread_setspecific(pool.thread_end, lane) != 0)
        return false;
    lane->is_spare = false;
    own = lane;
    own_ticket = pool.last_ticket;
    return true;
}

void lane_pool_watch_thread(void)
{
    static __thread bool is_watched;

    if (is_watched || !pool.has_thread_end || is_ending)
        return;
    if (!own)
        (void)!pthread_setspecific(pool.thread_end, &pool); /* whatever is not NULL */
    is_watched = true;
}

/* Normally it is the innermost. */
static void forget_spare(const struct thread_lane *lane)
{
    struct thread_lane *at = spare;

    if (at == lane) {
        spare = lane->outer;
        return;
    }
    while (at && at->outer != lane)
        at = at->outer;
    if (at)
        at->outer = lane->outer;
}

/* Whether the lane that was this thread's still is, and is in use from now on: by the caller. */
static bool claim_own(void)
{
    uint64_t idle = own_ticket << 1;

    return own && atomic_compare_exchange_strong_explicit(&own->claim, &idle, idle | 1, memory_order_acquire,
                                                          memory_order_relaxed);
}

static bool has_claimed_own(void)
{
    return own && atomic_load(&own->claim) == (own_ticket << 1 | 1);
}

/* Puts it into the hands of this thread's call. */
static void give_to_call(struct thread_lane *lane, struct call_mark *mark, bool keeps)
{
    atomic_store(&lane->claim, ++pool.last_ticket << 1 | 1);
    lane->mark = mark;
    if (keeps && keep_as_own(lane))
        return;
    use_spare(lane);
    if (keeps)
        own_busy = NULL;
}

/* Any lane but a usable one of this thread's own; `keeps`: it becomes that. */
static int take_slowly(struct core *core, struct thread_lane **lane, struct call_mark *mark, bool keeps)
{
    int error;

    lock_pool();
    if (keeps && (has_claimed_own() || claim_own()))
        drop_lane(own);
    if (keeps)
        own = NULL;
    error = find_lane(core, lane);
    if (error == -ECONNRESET && !is_connected()) /* the host has gone since it was last asked: there may be another */
        error = find_lane(core, lane);
    if (!error)
        give_to_call(*lane, mark, keeps);
    note_session();
    unlock_pool();
    return error;
}

/*
 * Whether a lane may come free: another thread's call is under way, or over since the lane was asked for, or the host
 * is about to close one.
 */
static bool may_have_lane(void)
{
    bool found;

    lock_pool();
    found = pool.leaving_until_ns && !clock_is_past(pool.leaving_until_ns);
    for (const struct thread_lane *lane = pool.all; lane && !found; lane = lane->next)
        found = !is_in_use(lane) || !is_of_this_thread(lane, own);
    unlock_pool();
    return found;
}

/* As many lanes as may be, each with a call: one of these ends soon, or else the limit is too low. */
static int take_patiently(struct core *core, struct thread_lane **lane, struct call_mark *mark, bool keeps)
{
    uint64_t deadline_ns = 0;
    int error = take_slowly(core, lane, mark, keeps);

    while (error == -EAGAIN && may_have_lane()) {
        if (!deadline_ns)
            deadline_ns = clock_deadline_ns(core->settings.connect_timeout_ms);
        if (clock_is_past(deadline_ns))
            break;
        syscall(SYS_nanosleep, &(struct timespec){.tv_nsec = NAP_NS}, NULL);
        error = take_slowly(core, lane, mark, keeps);
    }
    return error;
}

/* It is in use although `own_busy` says otherwise: by a call that is just giving it back, or was left at that. */
static bool is_being_given_back(const struct call_mark *mark)
{
    return has_claimed_own() && !call_mark_is_left(own->mark, mark);
}

static int take_own(struct core *core, struct thread_lane **lane, struct call_mark *mark)
{
    int error;

    own_busy = mark;
    if (claim_own()) {
        own->mark = mark;
        if (is_usable(own)) {
            *lane = own;
            return 0;
        }
    } else if (is_being_given_back(mark)) {
        own_busy = NULL;
        return take_patiently(core, lane, mark, false);
    }
    error = take_patiently(core, lane, mark, true);
    if (error)
        own_busy = NULL;
    return error;
}

/* ---- calls that were left ---- */

/* Nobody takes the answer any more.  The host is told, so that its function does not wait for nothing. */
static void retire(struct thread_lane *lane)
{
    forget_spare(lane);
    if (lane == own)
        own = NULL;
    if (is_usable(lane))
        connection_close_lane(lane->connection, lane->index);
    pool.leaving_until_ns = clock_deadline_ns(LEAVING_MS);
    drop_lane(lane);
}

static void retire_what_was_left(const struct call_mark *mark)
{
    struct thread_lane *outer;

    lock_pool();
    for (struct thread_lane *lane = spare; lane; lane = outer) {
        outer = lane->outer;
        if (!lane->is_inherited && call_mark_is_left(lane->mark, mark))
            retire(lane);
    }
    if (own_busy && call_mark_is_left(own_busy, mark)) {
        if (has_claimed_own())
            retire(own);
        own_busy = NULL;
    }
    unlock_pool();
}

/*
 * The thread's key destructor: its lane goes to whoever needs one next.  A thread that ends inside a call, from a
 * signal handler, leaves an answer behind that nobody is to take for another.
 */
static void thread_ended(void *unused)
{
    (void)unused;
    lock_pool();
    gate_thread_ended();
    is_ending = true;
    while (spare)
        if (spare->is_inherited)
            forget_spare(spare);
        else
            retire(spare);
    if (has_claimed_own())
        retire(own);
    else if (claim_own())
        free_lane(own);
    own = NULL;
    unlock_pool();
}

/* ---- the door ---- */

int lane_pool_take(struct core *core, struct thread_lane **lane, struct call_mark *mark)
{
    fork_check();
    if (own_busy || spare)
        retire_what_was_left(mark);
    call_mark_set(mark);
    return own_busy ? take_patiently(core, lane, mark, false) : take_own(core, lane, mark);
}

static void give_away(struct thread_lane *lane, int error)
{
    lock_pool();
    forget_spare(lane);
    atomic_store_explicit(&pool.is_wanted, false, memory_order_relaxed);
    if (error && error != -ETIMEDOUT)
        atomic_store(&lane->connection->is_lost, true);
    if (lane == own)
        own = NULL;
    if (error)
        drop_lane(lane);
    else
        free_lane(lane);
    note_session();
    unlock_pool();
}

/* In this order: as long as the mark stands, nobody else changes `own_busy`; and it stands until the lane is given. */
void lane_pool_give(struct thread_lane *lane, int error)
{
    struct call_mark *mark = lane->mark;

    if (own_busy == mark)
        own_busy = NULL;
    if (lane->is_inherited)
        forget_spare(lane);
    else if (error || lane->is_spare || atomic_load_explicit(&pool.is_wanted, memory_order_relaxed))
        give_away(lane, error);
    else
        atomic_store_explicit(&lane->claim, atomic_load_explicit(&lane->claim, memory_order_relaxed) & ~UINT64_C(1),
                              memory_order_release);
    call_mark_clear(mark);
}
