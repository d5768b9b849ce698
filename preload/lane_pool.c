/* One lock for everything that is not a call: connecting, opening lanes, giving them back. */
#include "preload/lane_pool.h"

#include "preload/buffers.h"
#include "preload/strings.h"
#include "spec/base/log.h"
#include "spec/wire/clock.h"
#include "spec/wire/descriptor.h"
#include "spec/wire/protocol.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ABSENT_MS = 1000 };

static struct {
    pthread_mutex_t lock;
    const volatile uint64_t *generation; /* wiped to 0 in a forked child; NULL before the first call */
    pthread_key_t thread_end;
    bool has_thread_end;
    struct connection *connection; /* NULL: none yet, or lost */
    struct thread_lane *all, *free;
    uint32_t next_index;
    struct memory memory;
    struct arena arena;
    bool has_memory, has_no_memory; /* neither: not tried yet */
    uint64_t absent_until_ns;
    uint16_t salt;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

static __thread struct thread_lane *own;

/* A handler that calls a remoted function must not find the lock held by its own thread. */
static void pool_lock(sigset_t *before)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, before);
    pthread_mutex_lock(&pool.lock);
}

static void pool_unlock(const sigset_t *before)
{
    pthread_mutex_unlock(&pool.lock);
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

/* ---- fork ---- */

/* In the child: nothing here is ours any more.  What the parent and the host share is left as it is. */
static void start_over(void)
{
    struct thread_lane *next;

    pthread_mutex_init(&pool.lock, NULL);
    own = NULL;
    for (struct thread_lane *lane = pool.all; lane; lane = next) {
        next = lane->next;
        if (lane->lane.medium == MEDIUM_SOCKET && lane->lane.fd >= 0)
            close(lane->lane.fd);
        call_finish(&lane->call);
        free(lane);
    }
    connection_close(pool.connection);
    pool.connection = NULL;
    pool.all = pool.free = NULL;
    pool.next_index = 0;
    if (pool.has_memory)
        buffers_after_fork(&pool.memory, &pool.arena);
    pool.has_memory = pool.has_no_memory = false;
    *(volatile uint64_t *)pool.generation = 1;
}

static bool is_forked(void)
{
    return pool.generation && *pool.generation == 0;
}

/* The allocator's books must be whole in the child, which copies the buffers that they name. */
static void before_fork(void)
{
    if (pool.has_memory)
        pthread_mutex_lock(&pool.arena.lock);
}

static void after_fork_in_parent(void)
{
    if (pool.has_memory)
        pthread_mutex_unlock(&pool.arena.lock);
}

static void after_fork_in_child(void)
{
    int kept_errno = errno;

    if (is_forked())
        start_over();
    errno = kept_errno;
}

/* A page that is zero in every child, however that was made: fork, _Fork, clone. */
static int make_generation(void)
{
    uint64_t *page;

    if (pool.generation)
        return 0;
    page = mmap(NULL, MEMORY_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return -errno;
    if (madvise(page, MEMORY_PAGE, MADV_WIPEONFORK) < 0)
        log_debug("this kernel has no MADV_WIPEONFORK: forks are seen by fork handlers only");
    *page = 1;
    pool.generation = page;
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
    if (getrandom(&pool.salt, sizeof(pool.salt), 0) < 0)
        pool.salt = (uint16_t)getpid();
    return 0;
}

/* ---- memory ---- */

/* Address space is all this takes; where it is limited, less of it. */
static const uint64_t arena_sizes[] = {UINT64_C(4) << 30, UINT64_C(1) << 30, 256 << 20, 32 << 20};

static void make_memory(struct core *core)
{
    int error = -ENOMEM;

    for (size_t i = 0; error && i < COUNT_OF(arena_sizes); i++)
        error = memory_create(&pool.memory, arena_sizes[i], core->settings.shared_memory);
    if (!error) {
        error = arena_init(&pool.arena, &pool.memory);
        if (error)
            memory_finish(&pool.memory);
    }
    pool.has_memory = !error;
    pool.has_no_memory = error;
    if (error)
        log_error("%s: no shared memory can be made there: %s; buffers travel over sockets",
                  core->settings.shared_memory ? core->settings.shared_memory : "memfd", strerror(-error));
}

static bool have_memory(struct core *core)
{
    if (!pool.has_memory && !pool.has_no_memory)
        make_memory(core);
    return pool.has_memory;
}

struct arena *lane_pool_arena(struct core *core)
{
    struct arena *arena = NULL;
    sigset_t before;

    if (is_forked())
        start_over();
    pool_lock(&before);
    if (make_generation() == 0 && have_memory(core))
        arena = &pool.arena;
    pool_unlock(&before);
    return arena;
}

bool lane_pool_has_address(const void *address)
{
    uint64_t offset;

    return pool.has_memory && memory_contains(&pool.memory, address, 1, &offset);
}

/* ---- lanes ---- */

/* The thread's key destructor: its lane goes to whoever needs one next. */
static void thread_ended(void *lane_pointer)
{
    struct thread_lane *lane = lane_pointer;
    sigset_t before;

    if (lane != own)
        return; /* forked meanwhile: it is gone */
    own = NULL;
    pool_lock(&before);
    lane->is_busy = false;
    lane->next_free = pool.free;
    pool.free = lane;
    pool_unlock(&before);
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

static void drop_free_lanes(void)
{
    while (pool.free) {
        struct thread_lane *lane = pool.free;

        pool.free = lane->next_free;
        drop_lane(lane);
    }
}

static int connect_now(struct core *core)
{
    bool wants_memory = core->settings.medium == MEDIUM_MEMORY && have_memory(core);
    int error;

    if (pool.connection && !atomic_load(&pool.connection->is_lost))
        return 0;
    if (pool.absent_until_ns && !clock_is_past(pool.absent_until_ns))
        return -ENOTCONN;
    drop_free_lanes();
    close_unused(pool.connection);
    pool.connection = NULL; /* lanes in use keep a lost one until they go */
    pool.next_index = 0;
    error = connection_open(&pool.connection, core, wants_memory ? &pool.memory : NULL, &pool.arena, ++pool.salt);
    pool.absent_until_ns = error ? clock_deadline_ns(ABSENT_MS) : 0;
    return error;
}

static int open_memory_lane(struct thread_lane *lane, uint32_t index, uint64_t deadline_ns)
{
    struct connection *connection = lane->connection;
    int error = lane_open_memory(&lane->lane, connection->memory, index, connection->arena, connection->channel.fd);

    return error ? error : connection_open_lane(connection, index, -1, deadline_ns);
}

static int open_socket_lane(struct thread_lane *lane, uint32_t index, uint64_t deadline_ns)
{
    int sockets[2], error;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
        return -errno;
    error = lane_open_socket(&lane->lane, descriptor_raise(sockets[0]), UINT64_MAX);
    if (!error)
        error = connection_open_lane(lane->connection, index, sockets[1], deadline_ns);
    close(sockets[1]);
    return error;
}

static int open_lane(struct core *core, struct thread_lane **opened)
{
    uint64_t deadline_ns = clock_deadline_ns(core->settings.connect_timeout_ms);
    struct thread_lane *lane;
    int error;

    if (pool.next_index >= pool.connection->lanes_most) {
        log_error("more than %u threads call at once: the host allows no more (winapi-host --max-lanes)",
                  pool.connection->lanes_most);
        return -EAGAIN;
    }
    lane = calloc(1, sizeof(*lane));
    if (!lane)
        return -ENOMEM;
    lane->connection = pool.connection;
    lane->call.lane = &lane->lane;
    lane->call.handles = handle_door_guest;
    lane->call.keep_string = strings_keep;
    error = pool.connection->memory ? open_memory_lane(lane, pool.next_index, deadline_ns)
                                    : open_socket_lane(lane, pool.next_index, deadline_ns);
    if (error) {
        atomic_store(&pool.connection->is_lost, true);
        free(lane);
        return error;
    }
    pool.next_index++;
    lane->next = pool.all;
    pool.all = lane;
    *opened = lane;
    return 0;
}

static int find_lane(struct core *core, struct thread_lane **found)
{
    int error = make_generation();

    if (!error)
        error = connect_now(core);
    if (error)
        return error;
    if (!pool.has_thread_end)
        pool.has_thread_end = pthread_key_create(&pool.thread_end, thread_ended) == 0;
    if (!pool.free)
        return open_lane(core, found);
    *found = pool.free;
    pool.free = (*found)->next_free;
    return 0;
}

static bool is_usable(const struct thread_lane *lane)
{
    return lane && !atomic_load_explicit(&lane->connection->is_lost, memory_order_relaxed);
}

/* The stack grows downwards: a frame above the call that holds the lane has outlived it, by longjmp. */
static bool was_left_behind(const struct thread_lane *lane)
{
    return lane->is_busy && (const char *)__builtin_frame_address(0) > (const char *)lane->frame;
}

static void use_lane(struct thread_lane *lane)
{
    lane->is_busy = true;
    lane->frame = __builtin_frame_address(0);
}

static int take_slowly(struct core *core, struct thread_lane **lane)
{
    bool keeps = !own || !own->is_busy;
    sigset_t before;
    int error;

    pool_lock(&before);
    if (own && !own->is_busy && !is_usable(own)) {
        drop_lane(own);
        own = NULL;
    }
    error = find_lane(core, lane);
    if (!error && keeps) {
        own = *lane;
        if (pool.has_thread_end)
            pthread_setspecific(pool.thread_end, own);
    }
    pool_unlock(&before);
    if (!error)
        use_lane(*lane);
    return error;
}

int lane_pool_take(struct core *core, struct thread_lane **lane)
{
    if (is_forked())
        start_over();
    if (own && was_left_behind(own))
        lane_pool_give(own, -ETIMEDOUT);
    if (own && !own->is_busy && is_usable(own)) {
        *lane = own;
        use_lane(own);
        return 0;
    }
    return take_slowly(core, lane);
}

/* The host may go on writing to a call that was given up: its payload memory is never used again. */
static void abandon_payload(struct thread_lane *lane)
{
    if (lane->lane.medium == MEDIUM_MEMORY)
        lane->lane.payload = NULL;
}

void lane_pool_give(struct thread_lane *lane, int error)
{
    sigset_t before;

    lane->is_busy = false;
    if (!error && lane == own)
        return;
    pool_lock(&before);
    if (error && error != -ETIMEDOUT)
        atomic_store(&lane->connection->is_lost, true);
    if (error) {
        if (error == -ETIMEDOUT)
            abandon_payload(lane);
        if (lane == own)
            own = NULL;
        drop_lane(lane);
    } else {
        lane->next_free = pool.free;
        pool.free = lane;
    }
    pool_unlock(&before);
}
