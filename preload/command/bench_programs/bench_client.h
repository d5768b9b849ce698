/* The jobs of winapi-bench-client.  Each compares every answer with what it must be. */
#ifndef WINAPI_PRELOAD_COMMAND_BENCH_PROGRAMS_BENCH_CLIENT_H
#define WINAPI_PRELOAD_COMMAND_BENCH_PROGRAMS_BENCH_CLIENT_H

#include "preload/command/bench_programs/bench_work.h"

#include <libwinapi.h>

/* The session of this program; NULL when there is no host. */
winapi_handle_t bench_client_handle(void);

bench_work_function bench_client_echo, bench_client_crc32, bench_client_buffer;
bench_work_function bench_client_echo_rate, bench_client_keep_lanes;
bench_work_function bench_client_seed;

#endif
