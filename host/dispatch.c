/*
 * From a request on a lane to a function and back.
 *
 * Whatever is wrong with a request becomes a status in its answer and a line in the log, once per function; the lane
 * lives on unless the frame itself was no frame.
 */
#include "host/dispatch.h"

#include "spec/base/log.h"
#include "spec/call/call.h"
#include "spec/call/value.h"

#include <errno.h>
#include <string.h>

static enum frame_status status_of(int error)
{
    switch (error) {
    case 0:
        return FRAME_OK;
    case -EBADF:
        return FRAME_REFUSED_HANDLE;
    case -ENOMEM:
    case -E2BIG:
    case -EMSGSIZE:
    case -EMFILE:
        return FRAME_REFUSED_LIMIT;
    case -ENOENT:
    case -ENOSYS:
    case -ENOTSUP:
        return FRAME_REFUSED_FUNCTION;
    default:
        return FRAME_REFUSED_MESSAGE;
    }
}

/* Every refused call counts; the first of each function is logged, so that a guest cannot fill the log. */
static void complain(const struct dispatch *dispatch, struct host_function *function, const struct call *call,
                     int error)
{
    const struct row *row = function->row;

    if (atomic_exchange(&function->has_complained, true))
        return;
    log_warn("%s: %s: %s%scall of client %d refused: %s (%s); further ones are only counted", row->table->name,
             row->name, call->fault_name ? call->fault_name : "", call->fault_name ? ": " : "",
             (int)dispatch->client->pid, frame_status_text(status_of(error)),
             call->fault_what ? call->fault_what : strerror(-error));
}

static void *handle_behind(const struct parameter *parameter, const void *argument)
{
    void *value;

    memcpy(&value, argument, sizeof(value));
    if (parameter->type->kind == TYPE_POINTER && parameter->type->target->kind == TYPE_HANDLE && value)
        memcpy(&value, value, sizeof(value));
    return value;
}

static const char *handle_class(const struct parameter *parameter)
{
    return parameter->type->kind == TYPE_HANDLE ? parameter->type->handle : parameter->type->target->handle;
}

/*
 * Forgets the handles that the call closes.  Before it, not after: once the function has freed an object, another
 * thread may be given a new one at the same address, whose handle must not be taken away.
 */
static int forget_closed(const struct dispatch *dispatch, const struct call *call)
{
    const struct row *row = call->plan->row;

    for (size_t i = 0; call->plan->has_closes && i < row->parameter_count; i++) {
        const struct parameter *parameter = &row->parameters[i];
        const void *local;

        if (!parameter->passing.closes || !handle_class(parameter))
            continue;
        local = handle_behind(parameter, call->arguments[i]);
        if (local && !handle_table_remove(dispatch->handles, handle_class(parameter), local))
            return -EBADF; /* another thread closes it */
    }
    return 0;
}

/* What the guest has promised its caller in the function's name. */
static bool kept_promise(const struct row *row, const void *result)
{
    return row->result.type->kind == TYPE_VOID || (int64_t)value_load(row->result.type, result) == row->async_result;
}

static int invoke(const struct dispatch *dispatch, const struct host_function *function, struct call *call)
{
    size_t size = function->plan->result_size;
    struct frame *reply = lane_reply(dispatch->lane);
    void *result = scratch_take(&call->scratch, size);
    int error = result ? forget_closed(dispatch, call) : -ENOMEM;

    if (error)
        return error;
    memset(result, 0, size);
    reply->header.error_number = dispatch->lane->request.header.error_number;
    statistics_call_begin(dispatch->client, dispatch->track, function->id);
    call_invoke(call, function->address, result, &reply->header.error_number);
    statistics_call_end(dispatch->client, dispatch->track);
    if (!dispatch->lane->is_posted)
        return call_encode_reply(call, result);
    return kept_promise(function->row, result) ? 0 : -ECANCELED;
}

static int call_function(const struct dispatch *dispatch, struct host_function *function, struct call *call)
{
    int error;

    if (dispatch->lane->is_posted && !function->row->is_async) {
        call->fault_what = "it was posted, and its row does not say that it may be";
        return -EBADMSG;
    }
    error = host_function_prepare(dispatch->functions, function);
    if (error)
        return error;
    call->plan = function->plan;
    error = call_decode_request(call);
    return error ? error : invoke(dispatch, function, call);
}

static void start_reply(const struct dispatch *dispatch, enum frame_status status)
{
    const struct frame_header *request = &dispatch->lane->request.header;
    struct frame *reply = lane_reply(dispatch->lane);

    frame_start(reply, FRAME_RESULT, request->request, request->function);
    reply->header.error_number = request->error_number;
    reply->header.status = status;
}

static void note_failure(struct failures *failures, uint32_t function, const char *name, int32_t error_number)
{
    if (atomic_load(&failures->count) == 0) {
        failures->first = (struct frame_earlier){.function = function, .error_number = error_number};
        atomic_store(&failures->name, name);
    }
    atomic_fetch_add(&failures->count, 1);
}

static void tell_failures(const struct dispatch *dispatch)
{
    struct frame *reply = lane_reply(dispatch->lane);
    struct frame_earlier earlier = dispatch->failures->first;

    earlier.count = atomic_exchange(&dispatch->failures->count, 0);
    start_reply(dispatch, FRAME_EARLIER_FAILED);
    memcpy(reply->body, &earlier, sizeof(earlier));
    reply->header.inline_size = sizeof(earlier);
}

void dispatch_say_unheard(struct failures *failures, const struct client_slot *client)
{
    uint32_t count = atomic_exchange(&failures->count, 0);

    if (count)
        log_warn("client %d: %s: a call that nobody waited for has failed, and %u more; nobody asked", (int)client->pid,
                 atomic_load(&failures->name), count - 1);
}

/* A result that was not promised is a failure of a posted call, and none of ours. */
static void take_error(const struct dispatch *dispatch, struct host_function *function, const struct call *call,
                       int error)
{
    struct frame *reply = lane_reply(dispatch->lane);
    int32_t error_number = reply->header.error_number;

    if (error == -ECANCELED && dispatch->lane->is_posted) {
        start_reply(dispatch, FRAME_EARLIER_FAILED);
        reply->header.error_number = error_number;
        return;
    }
    start_reply(dispatch, status_of(error));
    if (dispatch->lane->is_posted)
        reply->header.error_number = 0;
    complain(dispatch, function, call, error);
}

/* Nothing, or one that there is not. */
static void answer_no_function(const struct dispatch *dispatch)
{
    const struct frame *request = &dispatch->lane->request;

    if (request->header.function == FRAME_NO_FUNCTION) {
        start_reply(dispatch, FRAME_OK);
        posted_counts_answer(dispatch->posted, request, lane_reply(dispatch->lane));
        return;
    }
    start_reply(dispatch, FRAME_REFUSED_FUNCTION);
    if (dispatch->lane->is_posted)
        note_failure(dispatch->failures, request->header.function, "an unknown function", 0);
}

/* The lane counts from when it was opened, and several may have the same track one after the other. */
static void count_call(struct dispatch *dispatch, struct call_outcome *outcome)
{
    const struct lane *lane = dispatch->lane;

    outcome->track = dispatch->track;
    outcome->sleeps = lane->sleeps - dispatch->sleeps;
    outcome->wakes = lane->wakes - dispatch->wakes;
    dispatch->sleeps = lane->sleeps;
    dispatch->wakes = lane->wakes;
    statistics_count(dispatch->statistics, dispatch->client, outcome);
}

static void answer_request(struct dispatch *dispatch, struct call *call)
{
    const struct frame *request = &dispatch->lane->request;
    struct host_function *function = host_functions_find(dispatch->functions, request->header.function);
    struct call_outcome outcome = {.bytes_in = frame_travelling(request, BUFFER_IN)};
    int error;

    if (!function) {
        answer_no_function(dispatch);
        return;
    }
    call->fault_name = call->fault_what = NULL;
    start_reply(dispatch, FRAME_OK);
    error = call_function(dispatch, function, call);
    if (error)
        take_error(dispatch, function, call, error);
    if (error && dispatch->lane->is_posted)
        note_failure(dispatch->failures, function->id, function->row->name,
                     lane_reply(dispatch->lane)->header.error_number);
    outcome.failed = error && error != -ECANCELED;
    outcome.bytes_out = frame_travelling(lane_reply(dispatch->lane), BUFFER_OUT);
    outcome.function = function->id;
    count_call(dispatch, &outcome);
}

static int serve_one(struct dispatch *dispatch, struct call *call)
{
    const struct frame_header *request = &dispatch->lane->request.header;

    if (dispatch->lane->is_posted) {
        answer_request(dispatch, call);
        posted_counts_add(dispatch->posted, dispatch->track);
        lane_release(dispatch->lane);
        return 0;
    }
    if (request->flags & FRAME_MAY_TELL && atomic_load(&dispatch->failures->count))
        tell_failures(dispatch);
    else
        answer_request(dispatch, call);
    return lane_answer(dispatch->lane);
}

void dispatch_serve(struct dispatch *dispatch)
{
    struct call call = {
        .lane = dispatch->lane, .handles = handle_table_door(dispatch->handles), .limit = dispatch->memory_limit};
    int error = lane_receive(dispatch->lane);

    while (!error) {
        error = serve_one(dispatch, &call);
        if (!error)
            error = lane_receive(dispatch->lane);
    }
    if (error != -ECONNRESET) {
        log_warn("client %d: lane %u is closed: %s", (int)dispatch->client->pid, dispatch->number, strerror(-error));
        start_reply(dispatch, status_of(error));
        error = lane_answer(dispatch->lane);
        log_debug("client %d: lane %u: last answer: %s", (int)dispatch->client->pid, dispatch->number,
                  strerror(-error));
    }
    call_finish(&call);
}
