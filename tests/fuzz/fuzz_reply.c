/* A hostile answer to a call of any row, decoded by the guest into exactly the memory that the program gave. */
#include "tests/fuzz/fuzz_call.h"

/* What lane_exchange() makes sure of. */
static bool arrives(const struct lane *lane)
{
    return frame_check(&lane->reply, FRAME_RESULT) == 0 && frame_check_reply(&lane->reply, &lane->request) == 0;
}

static void receive(struct fuzz_call *call, struct reader *reader)
{
    struct difference difference = {0};

    fuzz_carry_request(call);
    if (fuzz_serve(call))
        abort(); /* nothing is wrong with the request */
    fuzz_carry(&call->host_lane, &call->guest_lane, &call->host_lane.reply);
    call->guest_lane.reply = call->host_lane.reply;
    fuzz_spoil(reader, &call->guest_lane.reply, &call->guest_lane);
    if (!arrives(&call->guest_lane))
        return;
    call->guest.compares = call->choices & 2;
    call->guest.difference = &difference;
    if (call->guest.compares) /* it is held against a native result, whose string is there */
        memcpy(call->results[0], call->results[1], sizeof(call->results[0]));
    (void)!call_decode_reply(&call->guest, call->results[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz_call call;
    struct reader reader;

    reader_start(&reader, data, size);
    if (fuzz_start(&call, &reader))
        receive(&call, &reader);
    fuzz_finish(&call);
    return 0;
}
