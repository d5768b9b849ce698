/* A hostile request of any row, decoded by the host; what it makes is used as a function would, and answered. */
#include "tests/fuzz/fuzz_call.h"

/* What lane_receive() makes sure of. */
static bool arrives(const struct lane *lane)
{
    const struct frame *request = &lane->request;

    if (frame_check(request, FRAME_CALL))
        return false;
    for (uint32_t i = 0; i < request->header.buffer_count; i++)
        if (!lane_payload(lane, request->buffers[i].offset, request->buffers[i].size))
            return false;
    return true;
}

/* A host never answers with more than was offered. */
static void check_reply(const struct lane *lane)
{
    if (frame_check(&lane->reply, FRAME_RESULT) || frame_check_reply(&lane->reply, &lane->request))
        abort();
}

static void serve(struct fuzz_call *call, struct reader *reader)
{
    fuzz_carry_request(call);
    fuzz_spoil(reader, &call->host_lane.request, &call->host_lane);
    if (!arrives(&call->host_lane))
        return;
    if (fuzz_serve(call) == 0)
        check_reply(&call->host_lane);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz_call call;
    struct reader reader;

    reader_start(&reader, data, size);
    if (fuzz_start(&call, &reader))
        serve(&call, &reader);
    fuzz_finish(&call);
    return 0;
}
