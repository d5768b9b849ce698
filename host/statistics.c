/* The shared counts.  Relaxed throughout, but for names: nobody draws conclusions from the order of counts. */
#include "host/statistics.h"

#include "spec/wire/clock.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void add(_Atomic uint64_t *count, uint64_t more)
{
    atomic_fetch_add_explicit(count, more, memory_order_relaxed);
}

int statistics_create(struct statistics **statistics, size_t function_count, size_t client_count)
{
    size_t functions_size = function_count * sizeof(struct function_count);
    size_t size = sizeof(struct statistics) + functions_size + client_count * sizeof(struct client_slot);
    struct statistics *made = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (made == MAP_FAILED)
        return -errno;
    made->size = size;
    made->supervisor = getpid();
    made->started_ns = clock_now_ns();
    made->function_count = function_count;
    made->client_count = client_count;
    made->functions = (struct function_count *)(made + 1);
    made->clients = (struct client_slot *)(made->functions + function_count);
    *statistics = made;
    return 0;
}

void statistics_destroy(struct statistics *statistics)
{
    if (statistics)
        munmap(statistics, statistics->size);
}

static void slot_clear(struct client_slot *slot)
{
    atomic_store(&slot->worker, 0);
    atomic_store(&slot->calls, 0);
    atomic_store(&slot->has_ended, false);
    atomic_store(&slot->name_size, 0);
    for (size_t i = 0; i < TRACKS; i++)
        atomic_store_explicit(&slot->tracks[i], 0, memory_order_relaxed);
}

struct client_slot *statistics_client_begin(struct statistics *statistics, pid_t pid, uid_t uid)
{
    for (size_t i = 0; i < statistics->client_count; i++) {
        struct client_slot *slot = &statistics->clients[i];

        if (atomic_load(&slot->is_used))
            continue;
        slot_clear(slot);
        slot->pid = pid;
        slot->uid = uid;
        slot->since_ns = clock_now_ns();
        atomic_store(&slot->is_used, true);
        return slot;
    }
    return NULL;
}

void statistics_client_end(struct statistics *statistics, struct client_slot *slot, bool crashed)
{
    add(&statistics->ended_clients, 1);
    add(&statistics->crashed_clients, crashed);
    atomic_store(&slot->is_used, false);
}

void statistics_client_name(struct client_slot *slot, const char *name)
{
    size_t size = strnlen(name, sizeof(slot->name));

    if (atomic_load_explicit(&slot->name_size, memory_order_relaxed))
        return;
    for (size_t i = 0; i < size; i++)
        slot->name[i] = (char)(name[i] >= ' ' && name[i] <= '~' ? name[i] : '?');
    /* Counterpart: the acquire of whoever shows the name. */
    atomic_store_explicit(&slot->name_size, (uint32_t)size, memory_order_release);
}

void statistics_call_begin(struct client_slot *slot, size_t track, uint32_t function)
{
    atomic_store_explicit(&slot->tracks[track], function + 1, memory_order_relaxed);
}

void statistics_call_end(struct client_slot *slot, size_t track)
{
    atomic_store_explicit(&slot->tracks[track], 0, memory_order_relaxed);
}

void statistics_count(struct statistics *statistics, struct client_slot *slot, uint32_t function,
                      const struct call_outcome *outcome)
{
    struct function_count *count = &statistics->functions[function];

    add(&slot->calls, 1);
    add(&count->calls, 1);
    add(&count->bytes_in, outcome->bytes_in);
    add(&count->bytes_out, outcome->bytes_out);
    if (outcome->failed)
        add(&count->errors, 1);
}
