#include "preload/command/bench/bench_ratios.h"

#include <string.h>

#define RATE(what)                                                                                    \
    {                                                                                                 \
        what, what "_calls_per_s", "floor_" what "_calls_per_s", RATIO_QUOTIENT, TARGET_AT_LEAST, 0.8 \
    }

const struct ratio ratios[] = {
    {"echo_32_split_p50", "echo_32_split_p50_ns", "floor_spin_split_p50_ns", RATIO_QUOTIENT, TARGET_AT_MOST, 3},
    {"echo_32_split_p99", "echo_32_split_p99_ns", "floor_spin_split_p50_ns", RATIO_QUOTIENT, TARGET_AT_MOST, 10},
    {"echo_32_same_p50", "echo_32_same_p50_ns", "floor_futex_same_p50_ns", RATIO_QUOTIENT, TARGET_AT_MOST, 1.3},
    {"crc32_16_split_p50", "crc32_16_split_p50_ns", "floor_spin_split_p50_ns", RATIO_QUOTIENT, TARGET_AT_MOST, 3.5},
    {"buffer_64m_zero_copy", "buffer_zero_copy_64m_bytes_per_s", "floor_checksum_64m_bytes_per_s", RATIO_QUOTIENT,
     TARGET_AT_LEAST, 0.9},
    {"buffer_64m_copy", "buffer_copy_64m_bytes_per_s", "floor_copy_checksum_64m_bytes_per_s", RATIO_QUOTIENT,
     TARGET_AT_LEAST, 0.9},
    {"buffer_1m_zero_copy", "buffer_zero_copy_1m_bytes_per_s", "floor_checksum_1m_bytes_per_s", RATIO_QUOTIENT,
     TARGET_AT_LEAST, 0.8},
    {"buffer_1m_copy", "buffer_copy_1m_same_bytes_per_s", "floor_copy_checksum_1m_same_bytes_per_s", RATIO_QUOTIENT,
     TARGET_AT_LEAST, 0.8},
    {"socket_32_p50", "socket_echo_32_p50_ns", "floor_socket_32_p50_ns", RATIO_QUOTIENT, TARGET_AT_MOST, 1.3},
    {"socket_64m", "socket_64m_bytes_per_s", "floor_socket_64m_bytes_per_s", RATIO_QUOTIENT, TARGET_AT_LEAST, 0.7},
    {"native_ns", "native_call_ns", "floor_direct_call_ns", RATIO_DIFFERENCE, TARGET_AT_MOST, 3},
    RATE("threads_1"),
    RATE("threads_2"),
    RATE("threads_4"),
    RATE("threads_8"),
    RATE("clients_1"),
    RATE("clients_2"),
    RATE("clients_4"),
    RATE("clients_8"),
    RATE("clients_16"),
    {"startup_1000_ms", "startup_true_1000_ms", "floor_startup_true_ms", RATIO_DIFFERENCE, TARGET_AT_MOST, 2},
    {"startup_20000_ms", "startup_true_20000_ms", "floor_startup_true_ms", RATIO_DIFFERENCE, TARGET_AT_MOST, 15},
    {"async_rate", "async_calls_per_s", "floor_sync_calls_per_s", RATIO_QUOTIENT, TARGET_AT_LEAST, 5},
};

const size_t ratio_count = COUNT_OF(ratios);

bool ratio_is_known(const char *key)
{
    for (size_t i = 0; i < ratio_count; i++)
        if (strcmp(ratios[i].key, key) == 0)
            return true;
    return false;
}

void ratio_make(const struct ratio *ratio, const struct figures *figures, struct ratio_result *result)
{
    const struct figure *product = figures_find(figures, ratio->product);
    const struct figure *floor = figures_find(figures, ratio->floor);

    *result = (struct ratio_result){.count = 0};
    if (!product || !floor)
        return;
    for (size_t i = 0; i < product->count && i < floor->count; i++) {
        double value = product->values[i], base = floor->values[i];

        if (ratio->kind == RATIO_QUOTIENT && base <= 0)
            continue;
        result->rounds[result->count++] = ratio->kind == RATIO_QUOTIENT ? value / base : value - base;
    }
    if (result->count == 0)
        return;
    result->median = median(result->rounds, result->count);
    result->is_met = ratio->target == TARGET_AT_MOST ? result->median <= ratio->limit : result->median >= ratio->limit;
}
