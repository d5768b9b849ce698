/* Forwarding: lane, encode, exchange, decode. */
#include "preload/forward.h"

#include "spec/wire/clock.h"

#include <errno.h>

static int lose(struct forward *forward, int error, bool sent, const char *detail)
{
    forward->loss = (struct loss){.error = error, .sent = sent, .detail = detail};
    return error;
}

/* No lane.  In a line lane_pool_explain() says more; compare's report makes do with this. */
static int lose_unreached(struct forward *forward, int error)
{
    forward->loss = (struct loss){.error = error, .detail = "no host could be reached", .unreached = true};
    return error;
}

static const char *describe_exchange(int error)
{
    switch (error) {
    case -ETIMEDOUT:
        return "the host did not finish the call in time";
    case -EPROTONOSUPPORT:
    case -EBADMSG:
        return "the host's answer makes no sense";
    case -ECONNRESET:
        return "the host process ended during the call";
    default:
        return NULL;
    }
}

/* The call fails as it stands: nothing is wrong with the lane. */
static int give_up(struct forward *forward, int error, const char *part, const char *detail)
{
    thread_lane_give(forward->lane, 0);
    forward->lane = NULL;
    forward->loss = (struct loss){.error = error, .detail = detail, .part = part};
    return error;
}

static const char *describe_refusal(uint32_t status)
{
    switch (status) {
    case FRAME_REFUSED_FUNCTION:
        return "the host cannot call it: its log says why";
    case FRAME_REFUSED_HANDLE:
        return "invalid handle: closed, of another type, or of a host that has ended since";
    case FRAME_REFUSED_LIMIT:
        return "over a limit of the host (winapi-host --max-memory)";
    default:
        return "the host takes the call, or what the function gave back, for malformed: its log says why";
    }
}

/* Arguments may have been fine and the answer not: only a function that cannot be called has certainly not run. */
static int take_refusal(struct forward *forward, uint32_t status)
{
    int error = status == FRAME_REFUSED_HANDLE ? -EBADF : -EPROTO;

    thread_lane_give(forward->lane, 0);
    forward->lane = NULL;
    return lose(forward, error, status != FRAME_REFUSED_FUNCTION, describe_refusal(status));
}

static uint32_t timeout_of(const struct core *core, const struct binding *binding)
{
    uint64_t timeout_ms = binding->row->timeout_ms ? binding->row->timeout_ms : core->settings.call_timeout_ms;

    return timeout_ms < UINT32_MAX ? (uint32_t)timeout_ms : UINT32_MAX;
}

int forward_encode(struct forward *forward, struct core *core, struct binding *binding, void **arguments,
                   const struct forward_options *options)
{
    struct plan *plan = binding_plan(binding);
    struct call *call;
    uint32_t id;
    int kept_errno = errno;
    int error;

    if (!plan)
        return lose(forward, -ENOTSUP, false, "it cannot be prepared for calls");
    error = thread_lane_take(core, &forward->lane, &forward->mark);
    if (error)
        return lose_unreached(forward, error);
    id = forward->lane->connection->ids[binding->index];
    if (id == CONNECTION_NO_ID)
        return give_up(forward, -ENOSYS, NULL, forward->lane->connection->refusals[binding->index]);
    call = &forward->lane->call;
    call->plan = plan;
    call->copies_all = options->copies_all;
    call->compares = false;
    call->error_number = kept_errno;
    call->timeout_ms = timeout_of(core, binding);
    call->handles = options->handles ? *options->handles : handle_door_guest;
    error = call_encode_request(call, arguments, ++forward->lane->request, id);
    if (error)
        return give_up(forward, error, call->fault_name, call->fault_what);
    return 0;
}

int forward_exchange(struct forward *forward, struct core *core, struct binding *binding, int32_t *error_number)
{
    const struct frame_header *reply = &forward->lane->lane.reply.header;
    bool sent = false;
    int error;

    error = lane_exchange(&forward->lane->lane, clock_deadline_ns(timeout_of(core, binding)), &sent);
    if (error) {
        thread_lane_give(forward->lane, error);
        forward->lane = NULL;
        return lose(forward, error, sent, describe_exchange(error));
    }
    forward->sent = frame_travelling(&forward->lane->lane.request, BUFFER_IN);
    forward->received = frame_travelling(&forward->lane->lane.reply, BUFFER_OUT);
    if (reply->status != FRAME_OK)
        return take_refusal(forward, reply->status);
    *error_number = reply->error_number;
    return 0;
}

static int encode_and_exchange(struct forward *forward, struct core *core, struct binding *binding, void **arguments,
                               int32_t *error_number)
{
    static const struct forward_options usual;
    int error = forward_encode(forward, core, binding, arguments, &usual);

    return error ? error : forward_exchange(forward, core, binding, error_number);
}

/* A host that has ended since the last call is found out by the next one, which then goes to its successor. */
static bool has_host_gone_before(const struct forward *forward, int error)
{
    return error == -ECONNRESET && !forward->loss.sent && !forward->loss.unreached;
}

int forward_call(struct forward *forward, struct core *core, struct binding *binding, void **arguments, void *result)
{
    int32_t error_number = 0;
    int kept_errno = errno;
    int error = encode_and_exchange(forward, core, binding, arguments, &error_number);

    if (error && has_host_gone_before(forward, error)) {
        errno = kept_errno;
        error = encode_and_exchange(forward, core, binding, arguments, &error_number);
    }
    if (error)
        return error;
    error = call_decode_reply(&forward->lane->call, result);
    thread_lane_give(forward->lane, error == -ENOMEM ? 0 : error);
    if (error)
        return lose(forward, error, true, describe_exchange(error));
    errno = binding->row->keeps_errno ? kept_errno : error_number;
    return 0;
}
