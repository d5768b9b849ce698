/* Forwarding: lane, encode, exchange, decode. */
#include "preload/lane/forward.h"

#include "preload/lane/post.h"

#include "spec/base/log.h"
#include "spec/call/value.h"
#include "spec/wire/clock.h"

#include <errno.h>
#include <string.h>

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
    case -EBADMSG:
        return "the host's answer makes no sense";
    case -ECONNRESET:
        return "the host process ended during the call";
    case -ESTALE:
        return "a signal handler forked in the midst of it: the call is the parent's, and so is its answer";
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

static const char *name_of(const struct core *core, const struct connection *connection, uint32_t id)
{
    for (size_t i = 0; i < connection->row_count; i++)
        if (connection->ids[i] == id)
            return core->bindings[i].row->name;
    return "an unknown function";
}

struct earlier {
    const char *name;
    int error;
};

static struct earlier earlier_of(const struct core *core, const struct thread_lane *lane)
{
    const struct frame *reply = &lane->lane.reply;
    struct frame_earlier earlier = {0};

    if (reply->header.inline_size == sizeof(earlier))
        memcpy(&earlier, reply->body, sizeof(earlier));
    return (struct earlier){name_of(core, lane->connection, earlier.function),
                            earlier.error_number > 0 ? -earlier.error_number : -EIO};
}

/* The call was not made: an earlier one, which nobody waited for, has failed. */
static int take_earlier(struct forward *forward, const struct core *core)
{
    struct earlier earlier = earlier_of(core, forward->lane);

    return give_up(forward, earlier.error, earlier.name,
                   "this call, which was not waited for, has failed; the one that is told so was not made");
}

void forward_say_failure(const struct core *core, const struct thread_lane *lane)
{
    struct earlier earlier;

    if (lane->lane.reply.header.status != FRAME_EARLIER_FAILED)
        return;
    earlier = earlier_of(core, lane);
    log_error("%s: this call, which was not waited for, has failed: %s", earlier.name, strerror(-earlier.error));
}

/* Arguments may have been fine and the answer not: only a function that cannot be called has certainly not run. */
static int take_refusal(struct forward *forward, uint32_t status)
{
    int error = status == FRAME_REFUSED_HANDLE ? -EBADF : -EPROTO;

    thread_lane_give(forward->lane, 0);
    forward->lane = NULL;
    return lose(forward, error, status != FRAME_REFUSED_FUNCTION, describe_refusal(status));
}

/*
 * Whether its caller can be told of an earlier failure, of a call that the same thread has posted: what closes
 * something is made all the same.
 */
static bool may_tell(const struct thread_lane *lane, const struct binding *binding)
{
    return lane->posted_with && lane->posted_with == lane_ticket(lane) && binding->row->lost == LOST_FAIL &&
           binding->row->failure.is_given && !binding->closes;
}

static uint32_t timeout_of(const struct core *core, const struct binding *binding)
{
    uint64_t timeout_ms = binding->row->timeout_ms ? binding->row->timeout_ms : core->settings.call_timeout_ms;

    return timeout_ms < UINT32_MAX ? (uint32_t)timeout_ms : UINT32_MAX;
}

/* A lane that cannot post is for exchanges. */
static int prepare_to_post(struct forward *forward, struct core *core, const struct binding *binding)
{
    int error = post_prepare(core, forward->lane, clock_deadline_ns(timeout_of(core, binding)));

    if (error && error != -ENOTSUP) {
        thread_lane_give(forward->lane, error);
        forward->lane = NULL;
        return lose(forward, error, false, describe_exchange(error));
    }
    post_keep_order(core, forward->lane);
    return 0;
}

static inline __attribute__((always_inline)) int encode(struct forward *forward, struct core *core,
                                                        struct binding *binding, void **arguments,
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
    error = options->posts ? prepare_to_post(forward, core, binding) : 0;
    if (error)
        return error;
    if (forward->behind && forward->behind != forward->lane)
        post_settle_behind(core, forward->lane);
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
    if (may_tell(forward->lane, binding))
        lane_request(&forward->lane->lane)->header.flags |= FRAME_MAY_TELL;
    return 0;
}

int forward_encode(struct forward *forward, struct core *core, struct binding *binding, void **arguments,
                   const struct forward_options *options)
{
    return encode(forward, core, binding, arguments, options);
}

/* 0 with forward->is_posted, or without: it is to be exchanged after all, behind what others have posted. */
static int try_post(struct forward *forward, struct core *core, const struct binding *binding)
{
    int error = lane_post(&forward->lane->lane, clock_deadline_ns(timeout_of(core, binding)));

    if (error == -ENOTSUP) {
        post_settle_behind(core, forward->lane);
        return 0;
    }
    if (error) {
        thread_lane_give(forward->lane, error);
        forward->lane = NULL;
        return lose(forward, error, false, describe_exchange(error));
    }
    forward->is_posted = true;
    forward->sent = frame_travelling(&forward->lane->lane.request, BUFFER_IN);
    return 0;
}

int forward_exchange(struct forward *forward, struct core *core, struct binding *binding, int32_t *error_number)
{
    struct lane *lane = &forward->lane->lane;
    const struct frame_header *reply = &lane->reply.header;
    uint64_t sleeps = lane->sleeps, wakes = lane->wakes;
    bool sent = false;
    int error;

    error = lane_exchange(&forward->lane->lane, clock_deadline_ns(timeout_of(core, binding)), &sent);
    forward->sleeps = lane->sleeps - sleeps;
    forward->wakes = lane->wakes - wakes;
    if (error) {
        thread_lane_give(forward->lane, error);
        forward->lane = NULL;
        return lose(forward, error, sent, describe_exchange(error));
    }
    forward->sent = frame_travelling(&forward->lane->lane.request, BUFFER_IN);
    forward->received = frame_travelling(&forward->lane->lane.reply, BUFFER_OUT);
    if (reply->status == FRAME_EARLIER_FAILED)
        return take_earlier(forward, core);
    if (reply->status != FRAME_OK)
        return take_refusal(forward, reply->status);
    *error_number = reply->error_number;
    return 0;
}

static int encode_and_exchange(struct forward *forward, struct core *core, struct binding *binding, void **arguments,
                               int32_t *error_number, bool posts)
{
    const struct forward_options options = {.posts = posts};
    int error = encode(forward, core, binding, arguments, &options);

    if (!error && options.posts)
        error = try_post(forward, core, binding);
    return error || forward->is_posted ? error : forward_exchange(forward, core, binding, error_number);
}

/* A host that has ended since the last call is found out by the next one, which then goes to its successor. */
static bool has_host_gone_before(const struct forward *forward, int error)
{
    return error == -ECONNRESET && !forward->loss.sent && !forward->loss.unreached;
}

/*
 * What a handler's fork has interrupted before anybody had it is made by both, each in its own session.  A part is
 * named where the errno is that of an earlier call.
 */
static bool is_forked_before(const struct forward *forward, int error)
{
    return error == -ESTALE && !forward->loss.sent && !forward->loss.part;
}

/* Not for what has come of a fork meanwhile. */
static int decode(struct forward *forward, void *result)
{
    int error = call_decode_reply(&forward->lane->call, result);

    return lane_payload_was_sound(&forward->lane->lane) ? error : -ESTALE;
}

int forward_call(struct forward *forward, struct core *core, struct binding *binding, void **arguments, void *result,
                 bool posts)
{
    int32_t error_number = 0;
    int kept_errno = errno;
    bool goes_to_successor = false;
    int error;

    do {
        error = encode_and_exchange(forward, core, binding, arguments, &error_number, posts);
        if (!error)
            break;
        errno = kept_errno;
        goes_to_successor = !goes_to_successor && has_host_gone_before(forward, error);
    } while (goes_to_successor || is_forked_before(forward, error));
    if (error)
        return error;
    if (forward->is_posted) {
        thread_lane_give(forward->lane, 0);
        if (binding->row->result.type->kind != TYPE_VOID)
            (void)!value_store_result(binding->row->result.type, result, (uint64_t)binding->row->async_result);
        errno = kept_errno;
        return 0;
    }
    error = decode(forward, result);
    thread_lane_give(forward->lane, error == -ENOMEM ? 0 : error);
    if (error)
        return lose(forward, error, true, describe_exchange(error));
    errno = binding->row->keeps_errno ? kept_errno : error_number;
    return 0;
}
