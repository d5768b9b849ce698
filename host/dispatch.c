/*
 * From a request on a lane to a function and back.
 *
 * Whatever is wrong with a request becomes a status in its answer and a line in the log, once per function; the lane
 * lives on unless the frame itself was no frame.
 */
#include "host/dispatch.h"

#include "spec/base/log.h"
#include "spec/call/call.h"

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
        uint64_t wire;
        void *local;
        int error;

        if (!parameter->passing.closes || !handle_class(parameter))
            continue;
        local = handle_behind(parameter, call->arguments[i]);
        error = call->handles.export(call->handles.context, handle_class(parameter), local, &wire);
        if (error)
            return error;
        handle_table_remove(dispatch->handles, wire);
    }
    return 0;
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
    return call_encode_reply(call, result);
}

static int call_function(const struct dispatch *dispatch, struct host_function *function, struct call *call)
{
    int error = host_function_prepare(dispatch->functions, function);

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

static void answer_request(const struct dispatch *dispatch, struct call *call)
{
    const struct frame *request = &dispatch->lane->request;
    struct host_function *function = host_functions_find(dispatch->functions, request->header.function);
    struct call_outcome outcome = {.track = dispatch->track, .bytes_in = frame_travelling(request, BUFFER_IN)};
    int error;

    if (!function) {
        start_reply(dispatch, FRAME_REFUSED_FUNCTION);
        return;
    }
    call->fault_name = call->fault_what = NULL;
    start_reply(dispatch, FRAME_OK);
    error = call_function(dispatch, function, call);
    if (error) {
        start_reply(dispatch, status_of(error));
        complain(dispatch, function, call, error);
    }
    outcome.failed = error != 0;
    outcome.bytes_out = frame_travelling(lane_reply(dispatch->lane), BUFFER_OUT);
    outcome.function = function->id;
    outcome.sleeps = dispatch->lane->sleeps;
    outcome.wakes = dispatch->lane->wakes;
    statistics_count(dispatch->statistics, dispatch->client, &outcome);
}

void dispatch_serve(const struct dispatch *dispatch)
{
    struct call call = {
        .lane = dispatch->lane, .handles = handle_table_door(dispatch->handles), .limit = dispatch->memory_limit};
    int error = lane_receive(dispatch->lane);

    while (!error) {
        answer_request(dispatch, &call);
        error = lane_answer(dispatch->lane);
        if (!error)
            error = lane_receive(dispatch->lane);
    }
    if (error != -ECONNRESET) {
        log_warn("client %d: a lane is closed: %s", (int)dispatch->client->pid, strerror(-error));
        start_reply(dispatch, status_of(error));
        error = lane_answer(dispatch->lane);
        log_debug("client %d: last answer: %s", (int)dispatch->client->pid, strerror(-error));
    }
    call_finish(&call);
}
