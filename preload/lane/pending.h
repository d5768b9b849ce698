/*
 * Posted calls that are not known to be over.
 *
 * Over memory each lane's own words tell.  Over a socket only the host knows: it is asked by a call of no function,
 * which lists lanes and how many calls were posted on each.
 */
#ifndef WINAPI_PRELOAD_LANE_PENDING_H
#define WINAPI_PRELOAD_LANE_PENDING_H

#include "preload/lane/posting.h"
#include "spec/base/error.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether there are none from before the marks, but for that lane's; wakes hosts that nap.  What a host that has ended
 * can no longer make is said once, and counts as over.  *asks: some are over only as soon as the host says so.
 */
bool pending_are_over(const struct posting_marks *marks, const struct thread_lane *but, bool *asks);

/*
 * Asks the host, on a lane that is the caller's and in use, which of the calls posted on other lanes are over, but for
 * that lane's.  It answers when they are, or a while later.  As lane_exchange().
 */
MUST_CHECK int pending_ask(struct thread_lane *asker, const struct thread_lane *but, uint64_t deadline_ns);

#endif
