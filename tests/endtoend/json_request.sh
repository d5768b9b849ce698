#!/bin/bash
# JSON requests by hand: the example runs, the host counts its calls, and wrong requests are told what is wrong.
. "${0%/*}/lib_host.sh"

start_host
"$PYTHON" "$WINAPI_SOURCE/examples/json_request.py" "$HOST_ADDRESS" >"$SCRATCH/replies" ||
    fail "examples/json_request.py: $(tail -n 3 "$SCRATCH/replies")"
test "$(host_calls winapi_echo)" = 9 || fail "the host counts $(host_calls winapi_echo) calls of winapi_echo, not 9"
test "$(host_calls winapi_buffer_test)" = 12 || fail "the host does not count 12 calls of winapi_buffer_test"
test "$(host_calls winapi_perf_test)" = 2 || fail "the host does not count 2 calls of winapi_perf_test"

# What each wrong message must be answered with.
check() {
    case $(ask_host "$1" 2>&1) in
    *"$2"*) ;;
    *) fail "$1 is answered with $(ask_host "$1" 2>&1), not with \"$2\"" ;;
    esac
}
check '{"request_id":1}' 'api is missing'
check '{"request_id":1,"api":"print"}' 'there is no api'
check '{"request_id":"one","api":"echo"}' 'request_id is'
check '{"request_id":1,"api":"echo","payload_size":5}' 'payload_offset is missing'
check '{"request_id":1,"api":"echo","payload_size":-5,"payload_offset":0}' 'payload_size is -5'
check '{"request_id":1,"api":"echo","payload_size":1e300,"payload_offset":0}' 'whole number'
check '{"request_id":1,"api":"echo","payload_size":5,"payload_offset":0}' 'no shared memory was passed'
check '{"request_id":1,"api":"echo","payload_size":0,"payload_offset":0,"flags":["fast"]}' 'there is no flag fast'
check '{"message":"open_lane","lane":0}' 'before the hello'
check '{"message":"dance"}' 'there is no message'
check '{"message":' 'not a JSON message'

# None of that has done harm.
"$PYTHON" "$WINAPI_SOURCE/examples/json_request.py" "$HOST_ADDRESS" >"$SCRATCH/replies" || fail "the second run"
test "$(host_stat "stat['crashed_clients']")" = 0 || fail "a worker has crashed"
test "$(host_stat "all(c['worker'] not in (stat['pid'], c['pid']) for c in stat['clients'])")" = True ||
    fail "a worker is its client or its supervisor"
stop_host || fail "the host ended with status $?"
