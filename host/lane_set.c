/* A thread for each lane.  They are detached: the session ends with its process, not with its threads. */
#include "host/lane_set.h"

#include "host/call_thread.h"
#include "host/dispatch.h"
#include "spec/base/own.h"

#include <errno.h>
#include <string.h>

struct served_lane {
    struct lane_set *set;
    struct failures failures; /* of calls that nobody waited for */
    struct lane lane;
    uint32_t number;
    size_t place; /* in the set; also its track in the statistics */
    pthread_t thread;
    unsigned nudges; /* to be had: a function that goes on waiting after so many means to */
};

enum { NUDGES_MOST = 20 };

int lane_set_init(struct lane_set *set, size_t most)
{
    int error;

    memset(set, 0, sizeof(*set));
    set->most = most;
    error = posted_counts_init(&set->posted);
    return error ? error : -pthread_mutex_init(&set->lock, NULL);
}

/*
 * Closing and freeing the place are one step: a guest that finds its lane let go of may open it again at once.  So is
 * saying what nobody has asked for: a session that ends meanwhile waits for the line.
 */
static void remove_lane(struct served_lane *served)
{
    struct lane_set *set = served->set;

    pthread_mutex_lock(&set->lock);
    dispatch_say_unheard(&served->failures, set->client);
    lane_close(&served->lane);
    set->lanes[served->place] = NULL;
    posted_counts_close(&set->posted, served->place);
    set->count--;
    set->interrupted -= served->nudges > 0;
    pthread_mutex_unlock(&set->lock);
    free(served);
}

static void *serve(void *argument)
{
    struct served_lane *served = argument;
    struct lane_set *set = served->set;
    struct dispatch dispatch = {.lane = &served->lane,
                                .functions = set->functions,
                                .statistics = set->statistics,
                                .client = set->client,
                                .handles = set->handles,
                                .failures = &served->failures,
                                .posted = &set->posted,
                                .number = served->number,
                                .track = served->place,
                                .memory_limit = set->memory_limit};

    dispatch_serve(&dispatch);
    remove_lane(served);
    return NULL;
}

static int find_place(const struct lane_set *set, uint32_t number, size_t *place)
{
    *place = LANES_MOST;
    for (size_t i = 0; i < LANES_MOST; i++) {
        if (set->lanes[i] && set->lanes[i]->number == number)
            return -EBUSY;
        if (!set->lanes[i] && *place == LANES_MOST)
            *place = i;
    }
    return set->count < set->most && *place < LANES_MOST ? 0 : -EMFILE;
}

/* With the lock held.  The lane is open; the set owns it from here on, or it is closed. */
static int add_lane(struct lane_set *set, struct served_lane *served, uint32_t number, size_t place)
{
    int error;

    served->set = set;
    served->number = number;
    served->place = place;
    posted_counts_open(&set->posted, place, number);
    error = call_thread_start(serve, served, &served->thread);
    if (error) {
        posted_counts_close(&set->posted, place);
        lane_close(&served->lane);
        return error;
    }
    set->lanes[place] = served;
    set->count++;
    return 0;
}

static int open_memory_locked(struct lane_set *set, const struct memory *memory, uint32_t number)
{
    AUTO_FREE struct served_lane *served = calloc(1, sizeof(*served));
    size_t place;
    int error = served ? find_place(set, number, &place) : -ENOMEM;

    if (!error)
        error = lane_open_memory(&served->lane, memory, number, NULL, -1);
    if (!error)
        error = add_lane(set, served, number, place);
    if (!error)
        (void)take_pointer(&served);
    return error;
}

int lane_set_open_memory(struct lane_set *set, const struct memory *memory, uint32_t number)
{
    int error;

    pthread_mutex_lock(&set->lock);
    error = open_memory_locked(set, memory, number);
    pthread_mutex_unlock(&set->lock);
    return error;
}

static int open_socket_locked(struct lane_set *set, int *fd, uint32_t number)
{
    AUTO_FREE struct served_lane *served = calloc(1, sizeof(*served));
    size_t place;
    int error = served ? find_place(set, number, &place) : -ENOMEM;

    if (error)
        return error;
    error = lane_open_socket(&served->lane, take_fd(fd), set->memory_limit);
    if (error)
        lane_close(&served->lane);
    else
        error = add_lane(set, served, number, place);
    if (!error)
        (void)take_pointer(&served);
    return error;
}

int lane_set_open_socket(struct lane_set *set, int fd, uint32_t number)
{
    AUTO_CLOSE int owned = fd;
    int error;

    pthread_mutex_lock(&set->lock);
    error = open_socket_locked(set, &owned, number);
    pthread_mutex_unlock(&set->lock);
    return error;
}

/* With the lock held: the thread takes it before it ends. */
static void nudge(struct lane_set *set, struct served_lane *served)
{
    call_thread_interrupt(served->thread);
    if (--served->nudges == 0)
        set->interrupted--;
}

void lane_set_interrupt(struct lane_set *set, uint32_t number)
{
    pthread_mutex_lock(&set->lock);
    for (size_t i = 0; i < LANES_MOST; i++)
        if (set->lanes[i] && set->lanes[i]->number == number) {
            set->interrupted += set->lanes[i]->nudges == 0;
            set->lanes[i]->nudges = NUDGES_MOST;
            nudge(set, set->lanes[i]);
        }
    pthread_mutex_unlock(&set->lock);
}

bool lane_set_nudge(struct lane_set *set)
{
    bool again;

    pthread_mutex_lock(&set->lock);
    for (size_t i = 0; i < LANES_MOST && set->interrupted; i++)
        if (set->lanes[i] && set->lanes[i]->nudges)
            nudge(set, set->lanes[i]);
    again = set->interrupted > 0;
    pthread_mutex_unlock(&set->lock);
    return again;
}

bool lane_set_leave(struct lane_set *set)
{
    bool are_idle = true;

    pthread_mutex_lock(&set->lock);
    for (size_t i = 0; i < LANES_MOST; i++)
        if (set->lanes[i] && !lane_leave_when_idle(&set->lanes[i]->lane))
            are_idle = false;
    pthread_mutex_unlock(&set->lock);
    return are_idle;
}

bool lane_set_has_posted(struct lane_set *set)
{
    bool found = false;

    pthread_mutex_lock(&set->lock);
    for (size_t i = 0; i < LANES_MOST; i++)
        found |= set->lanes[i] && lane_has_posted(&set->lanes[i]->lane);
    pthread_mutex_unlock(&set->lock);
    return found;
}

void lane_set_say_unheard(struct lane_set *set)
{
    pthread_mutex_lock(&set->lock);
    for (size_t i = 0; i < LANES_MOST; i++)
        if (set->lanes[i])
            dispatch_say_unheard(&set->lanes[i]->failures, set->client);
    pthread_mutex_unlock(&set->lock);
}
