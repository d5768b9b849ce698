/* One lock for everything that is not a call: connecting, opening lanes, giving them back. */
#include "preload/lane/lane_pool.h"

#include "preload/control/session_note.h"
#include "preload/lane/guest_memory.h"
#include "preload/lane/posting.h"
#include "preload/strings.h"
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

enum { ABSENT_MS = 1000, LEAVING_MS = 1000 };

/* What a lane number of the shared memory still costs: the host may be at work for a call that nobody waits for. */
struct debt {
    const struct connection *connection; /* the host's; NULL: none, or its host is no more */
    uint64_t payload_offset;             /* memory to be given back once the host has closed the lane */
    uint64_t ring_offset;
    bool has_payload, has_ring;
};

static struct {
    pthread_mutex_t lock;
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
    bool has_changed; /* since the lock was taken: to be shown */
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

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

void lane_pool_lock(void)
{
    core_enter();
    pthread_mutex_lock(&pool.lock);
}

void lane_pool_unlock(void)
{
    if (pool.has_changed)
        note_session();
    pool.has_changed = false;
    pthread_mutex_unlock(&pool.lock);
    core_leave();
}

void lane_pool_explain(char *text, size_t size)
{
    lane_pool_lock();
    snprintf(text, size, "%s", pool.absence.text);
    lane_pool_unlock();
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
    posting_forget_connection(connection);
    connection_close(connection);
}

/* Decided here once: what is owed is not given back when the lane is closed, though the host may be done by then. */
static void note_debt(struct thread_lane *lane)
{
    struct lane *owing = &lane->lane;

    if (owing->medium != MEDIUM_MEMORY || (!owing->owed && lane_is_settled(owing)))
        return;
    owing->owed = true;
    pool.debts[lane->index] = (struct debt){.connection = lane->connection,
                                            .payload_offset = owing->payload_offset,
                                            .ring_offset = owing->ring_offset,
                                            .has_payload = owing->payload != NULL,
                                            .has_ring = owing->ring.bytes != NULL};
}

static void settle_debt(const struct connection *connection, uint32_t index)
{
    struct debt *debt = &pool.debts[index];

    if (debt->has_payload)
        (void)!arena_give(connection->arena, debt->payload_offset);
    if (debt->has_ring)
        (void)!arena_give(connection->arena, debt->ring_offset);
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

void lane_pool_drop(struct thread_lane *lane)
{
    struct connection *connection = lane->connection;

    remove_lane(lane);
    note_debt(lane);
    if (!lane_is_usable(lane)) {
        if (!lane_is_settled(&lane->lane))
            connection_say_unmade(connection);
        posting_forget_lane(lane);
    }
    posting_leave(lane);
    lane->posted_with = 0;
    lane_close(&lane->lane);
    call_finish(&lane->call);
    atomic_store(&lane->claim, 0);
    lane->next = pool.husks;
    pool.husks = lane;
    pool.has_changed = true;
    atomic_store_explicit(&pool.is_wanted, false, memory_order_relaxed);
    close_unused(connection);
}

void lane_pool_free(struct thread_lane *lane)
{
    if (!lane_is_usable(lane)) {
        lane_pool_drop(lane);
        return;
    }
    atomic_store(&lane->claim, 0);
    lane->next_free = pool.free;
    pool.free = lane;
    pool.has_changed = true;
    atomic_store_explicit(&pool.is_wanted, false, memory_order_relaxed);
}

void lane_pool_retire(struct thread_lane *lane)
{
    if (lane_is_usable(lane))
        connection_close_lane(lane->connection, lane->index);
    pool.leaving_until_ns = clock_deadline_ns(LEAVING_MS);
    lane_pool_drop(lane);
}

/* One that was given back, or NULL; lanes of a lost connection go for good. */
static struct thread_lane *find_free_lane(void)
{
    while (pool.free) {
        struct thread_lane *lane = pool.free;

        pool.free = lane->next_free;
        if (lane_is_usable(lane))
            return lane;
        lane_pool_drop(lane);
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
        if (lane_is_usable(lane) && atomic_load(&lane->claim) && !lane_is_in_use(lane))
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
    int error = connect_now(core);

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

int lane_pool_find(struct core *core, struct thread_lane **found)
{
    int error = find_lane(core, found);

    if (error == -ECONNRESET && !is_connected()) /* the host has gone since it was last asked: there may be another */
        error = find_lane(core, found);
    if (!error)
        atomic_store(&(*found)->claim, ++pool.last_ticket << 1 | 1);
    pool.has_changed = true;
    return error;
}

bool lane_pool_is_wanted(void)
{
    return atomic_load_explicit(&pool.is_wanted, memory_order_relaxed);
}

bool lane_pool_may_have_one(bool (*is_ours)(const struct thread_lane *lane))
{
    bool found;

    lane_pool_lock();
    found = pool.leaving_until_ns && !clock_is_past(pool.leaving_until_ns);
    for (const struct thread_lane *lane = pool.all; lane && !found; lane = lane->next)
        found = !lane_is_in_use(lane) || !is_ours(lane);
    lane_pool_unlock();
    return found;
}

/* An idle one may be its thread's own, which a handler has interrupted just before the lane is taken. */
static void start_lane_over(struct thread_lane *lane)
{
    struct thread_lane **list = lane_is_in_use(lane) ? &pool.abandoned : &pool.husks;

    lane_forget(&lane->lane);
    if (list == &pool.husks) { /* else of a thread that is not here: it may have been anywhere in it */
        call_finish(&lane->call);
        lane->posted_with = 0;
        atomic_store(&lane->claim, 0);
    }
    lane->next = *list;
    *list = lane;
}

/* The call that the child returns to looks at its connection, and leads nowhere any more. */
static void leave_connection(bool is_in_use)
{
    struct connection *connection = pool.connection;

    if (connection && is_in_use)
        channel_finish(&connection->channel);
    else
        connection_close(connection);
    pool.connection = NULL;
}

void lane_pool_start_over(void)
{
    struct thread_lane *inherited = NULL, *next;

    pthread_mutex_init(&pool.lock, NULL);
    for (struct thread_lane *lane = pool.all; lane; lane = next) {
        next = lane->next;
        if (lane->is_inherited) {
            lane->next = inherited;
            inherited = lane;
        } else {
            start_lane_over(lane);
        }
    }
    leave_connection(inherited);
    for (struct thread_lane *lane = inherited; lane; lane = lane->next)
        lane_inherit(&lane->lane); /* behind the above, which makes descriptors free */
    pool.all = pool.free = NULL;
    memset(pool.debts, 0, sizeof(pool.debts));
}
