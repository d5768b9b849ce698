/* One lock for everything that is not a call: connecting, opening lanes, giving them back. */
#include "preload/lane_pool.h"

#include "preload/fork.h"
#include "preload/guest_memory.h"
#include "preload/stack.h"
#include "preload/strings.h"
#include "spec/base/log.h"
#include "spec/base/quiet_lock.h"
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
#include <unistd.h>

enum { ABSENT_MS = 1000 };

static struct {
    pthread_mutex_t lock;
    pthread_key_t thread_end;
    bool has_thread_end;
    struct connection *connection; /* NULL: none yet, or lost */
    struct thread_lane *all, *free;
    struct thread_lane *abandoned; /* in a forked child: never touched again */
    uint32_t next_label;           /* of socket lanes, whose number means nothing */
    struct absence absence;        /* why the last connection or lane could not be had */
    uint64_t absent_until_ns;      /* no other try before, and until then */
    int absent_error;              /* this */
    uint16_t salt;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

/*
 * This thread's lane.  `own_is_busy` is set before the lane is looked at and cleared when the call is over: a signal
 * handler in between takes a spare one, so nothing changes under the call that it interrupted.
 */
static __thread struct thread_lane *own;
static __thread volatile bool own_is_busy;
static __thread const void *volatile own_frame;     /* of the call that made it so */
static __thread struct thread_lane *volatile spare; /* the innermost spare in use */

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
        if (lane->is_busy && is_of_this_thread(lane, busy)) {
            lane->is_inherited = true; /* a signal handler forked during its wait: the child returns to that */
            continue;
        }
        lane_forget(&lane->lane);
        if (lane->is_busy) { /* of a thread that is not here: it may have been anywhere in it */
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
}

static struct fork_part fork_part = {.start_over = start_over};

/* Before the first connection. */
static int begin(void)
{
    if (fork_part.is_watched)
        return 0;
    if (getrandom(&pool.salt, sizeof(pool.salt), 0) < 0)
        pool.salt = (uint16_t)getpid();
    return fork_watch(&fork_part);
}

/* ---- lanes ---- */

static bool is_connected(void)
{
    return pool.connection && !atomic_load(&pool.connection->is_lost);
}

void lane_pool_explain(char *text, size_t size)
{
    sigset_t before;

    quiet_lock(&pool.lock, &before);
    snprintf(text, size, "%s", pool.absence.text);
    quiet_unlock(&pool.lock, &before);
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
    connection_close(connection);
}

static void drop_lane(struct thread_lane *lane)
{
    struct connection *connection = lane->connection;
    struct thread_lane **at = &pool.all;

    while (*at && *at != lane)
        at = &(*at)->next;
    if (*at)
        *at = lane->next;
    lane_close(&lane->lane);
    call_finish(&lane->call);
    free(lane);
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

/*
 * The thread's key destructor: its lane goes to whoever needs one next.  A thread that ends inside a call, from a
 * signal handler, leaves an answer behind that nobody is to take for another.
 */
static void thread_ended(void *lane_pointer)
{
    struct thread_lane *lane = lane_pointer;
    sigset_t before;

    if (lane != own)
        return; /* forked meanwhile: it is gone */
    core_enter();
    if (lane->is_busy) {
        lane_pool_give(lane, -ETIMEDOUT);
    } else {
        own = NULL;
        quiet_lock(&pool.lock, &before);
        free_lane(lane);
        quiet_unlock(&pool.lock, &before);
    }
    core_leave();
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
    if (!error)
        error = connection_open_lane(connection, lane->index, -1, deadline_ns);
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
             "%u threads have a lane to the host, as many as it allows: no further thread can call it before one of "
             "them ends (winapi-host --max-lanes)",
             connection->lanes_most);
    return false;
}

static struct thread_lane *create_lane(void)
{
    struct thread_lane *lane = calloc(1, sizeof(*lane));

    if (!lane)
        return NULL;
    lane->connection = pool.connection;
    lane->lane.fd = lane->lane.watch_fd = -1;
    lane->call.lane = &lane->lane;
    lane->call.handles = handle_door_guest;
    lane->call.keep_string = strings_keep;
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
        free(lane);
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
    if (!pool.has_thread_end)
        pool.has_thread_end = pthread_key_create(&pool.thread_end, thread_ended) == 0;
    *found = find_free_lane();
    return *found ? 0 : open_lane(core, found);
}

static void use_spare(struct thread_lane *lane)
{
    lane->frame = __builtin_frame_address(0);
    lane->outer = spare;
    spare = lane;
}

/*
 * It stays this thread's own if its end can be heard of.  Otherwise it is given back after this call, and the next
 * ones take spares, because own_is_busy stays.
 */
static void keep_as_own(struct thread_lane *lane)
{
    if (pool.has_thread_end && pthread_setspecific(pool.thread_end, lane) == 0)
        own = lane;
    else
        use_spare(lane);
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

/* Any lane but a usable one of this thread's own; `keeps`: it becomes that. */
static int take_slowly(struct core *core, struct thread_lane **lane, bool keeps)
{
    sigset_t before;
    int error;

    quiet_lock(&pool.lock, &before);
    if (keeps && own) {
        drop_lane(own);
        own = NULL;
    }
    error = find_lane(core, lane);
    if (error == -ECONNRESET && !is_connected()) /* the host has gone since it was last asked: there may be another */
        error = find_lane(core, lane);
    if (!error) {
        (*lane)->is_busy = true;
        if (keeps)
            keep_as_own(*lane);
        else
            use_spare(*lane);
    }
    quiet_unlock(&pool.lock, &before);
    return error;
}

static int take_own(struct core *core, struct thread_lane **lane)
{
    int error;

    own_frame = __builtin_frame_address(0);
    own_is_busy = true;
    if (own && is_usable(own)) {
        *lane = own;
        own->is_busy = true;
        return 0;
    }
    error = take_slowly(core, lane, true);
    if (error)
        own_is_busy = false;
    return error;
}

/* Lanes of calls that a handler has left by longjmp: the host may still be at work on them. */
__attribute__((always_inline)) static inline void give_up_what_was_left(void)
{
    while (spare && stack_was_left(spare->frame))
        lane_pool_give(spare, -ETIMEDOUT);
    if (!own_is_busy || !stack_was_left(own_frame))
        return;
    if (own && own->is_busy)
        lane_pool_give(own, -ETIMEDOUT);
    own_is_busy = false;
}

int lane_pool_take(struct core *core, struct thread_lane **lane)
{
    fork_check();
    give_up_what_was_left();
    return own_is_busy ? take_slowly(core, lane, false) : take_own(core, lane);
}

static void give_away(struct thread_lane *lane, int error)
{
    sigset_t before;

    quiet_lock(&pool.lock, &before);
    lane->is_busy = false;
    forget_spare(lane);
    if (error && error != -ETIMEDOUT)
        atomic_store(&lane->connection->is_lost, true);
    if (error) {
        if (lane == own)
            own = NULL;
        drop_lane(lane);
    } else {
        free_lane(lane);
    }
    quiet_unlock(&pool.lock, &before);
}

void lane_pool_give(struct thread_lane *lane, int error)
{
    bool is_own = lane == own || lane->is_inherited;

    if (!lane->is_inherited && (error || !is_own)) {
        give_away(lane, error);
    } else {
        lane->is_busy = false;
        forget_spare(lane);
    }
    if (is_own)
        own_is_busy = false;
}
