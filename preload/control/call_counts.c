/* Buckets of durations, as floating-point numbers have them: an exponent and three bits behind it. */
#include "preload/control/call_counts.h"

#define GOLDEN 2654435769u /* 2^32 by the golden ratio: its multiples are spread evenly */

enum { FIRST_EXPONENT = 5, FRACTION_BITS = 3, FRACTIONS = 1 << FRACTION_BITS };

size_t call_counts_bucket(uint64_t took_ns)
{
    unsigned exponent;
    size_t bucket;

    if (took_ns < 1u << FIRST_EXPONENT)
        return 0;
    exponent = 63 - (unsigned)__builtin_clzll(took_ns);
    bucket =
        (size_t)(exponent - FIRST_EXPONENT) * FRACTIONS + ((took_ns >> (exponent - FRACTION_BITS)) & (FRACTIONS - 1));
    return bucket < CONTROL_BUCKETS ? bucket : CONTROL_BUCKETS - 1;
}

uint64_t call_counts_middle(size_t bucket)
{
    unsigned exponent = FIRST_EXPONENT + (unsigned)(bucket / FRACTIONS);
    uint64_t step = UINT64_C(1) << (exponent - FRACTION_BITS);

    return (FRACTIONS + bucket % FRACTIONS) * step + step / 2;
}

/* What was there before.  One instruction where only this thread writes: a signal handler comes before or after it. */
static uint64_t add(uint64_t *word, uint64_t amount, bool is_own)
{
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
    if (is_own) {
        __asm__ volatile("xaddq %0, %1" : "+r"(amount), "+m"(*word));
        return amount;
    }
#endif
    (void)is_own;
    return __atomic_fetch_add(word, amount, __ATOMIC_RELAXED);
}

void call_counts_begin(struct control_counts *counts, struct call_cost *cost)
{
    uint64_t number = add(&counts->calls, 1, cost->is_own);

    if (number < CALL_COUNTS_TIMED_FIRST)
        cost->weight = 1;
    else if ((uint32_t)number * GOLDEN < UINT32_MAX / CALL_COUNTS_TIMED_ONE_IN)
        cost->weight = CALL_COUNTS_TIMED_ONE_IN;
}

void call_counts_end(struct control_counts *counts, const struct call_cost *cost)
{
    if (cost->weight)
        (void)add(&counts->took[call_counts_bucket(cost->took_ns)], cost->weight, cost->is_own);
    if (cost->is_error)
        (void)add(&counts->errors, 1, cost->is_own);
    if (cost->sent)
        (void)add(&counts->sent, cost->sent, cost->is_own);
    if (cost->received)
        (void)add(&counts->received, cost->received, cost->is_own);
    if (cost->sleeps)
        (void)add(&counts->sleeps, cost->sleeps, cost->is_own);
    if (cost->wakes)
        (void)add(&counts->wakes, cost->wakes, cost->is_own);
}

void call_counts_merge(struct control_counts *into, const struct control_counts *from)
{
    into->calls += from->calls;
    into->errors += from->errors;
    into->sent += from->sent;
    into->received += from->received;
    into->sleeps += from->sleeps;
    into->wakes += from->wakes;
    for (size_t i = 0; i < CONTROL_BUCKETS; i++)
        into->took[i] += from->took[i];
}

static uint64_t sum_of_weights(const struct control_counts *counts)
{
    uint64_t calls = 0;

    for (size_t i = 0; i < CONTROL_BUCKETS; i++)
        calls += counts->took[i];
    return calls;
}

uint64_t call_counts_percentile(const struct control_counts *counts, unsigned percent)
{
    uint64_t calls = sum_of_weights(counts);
    uint64_t rank = calls / 100 * percent + (calls % 100 * percent + 99) / 100; /* calls * percent could overflow */
    uint64_t seen = 0;

    if (calls == 0)
        return 0;
    for (size_t i = 0; i < CONTROL_BUCKETS; i++) {
        seen += counts->took[i];
        if (seen >= rank)
            return call_counts_middle(i);
    }
    return call_counts_middle(CONTROL_BUCKETS - 1);
}
