#!/bin/bash
# A handle that is closed, forged, of another class, or of another session gives the failure that the row declares:
# its value, and EBADF or the errno that the row names.  The host refuses each such call, calls nothing, and serves on.
set -u
. "${0%/*}/lib_host.sh"

export LD_LIBRARY_PATH=$WINAPI_BUILD/lib/fixtures${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
SPEC=$WINAPI_SOURCE/tests/fixtures/shapes.json
REFUSED="get -2, EBADF; add -3, EIO; self NULL, EBADF"

expected() {
    for what in "a closed one" "a closed one, another open" "the next number" "another generation" "another session" \
        "an address" "all bits"; do
        echo "$what: $REFUSED"
    done
    echo "a box as a lid: turn -4, EBADF"
    echo "a lid as a box: $REFUSED"
    echo "the parent's, in a child: $REFUSED"
    echo "the good ones: 7 9"
}

check() { # MEDIUM
    start_host --spec "$SPEC"
    WINAPI_TRANSPORT=$1 winapi_run --spec "$SPEC" --host "$HOST_ADDRESS" -- \
        "$WINAPI_BUILD/bin/fixtures/forged" >"$SCRATCH/output" 2>"$SCRATCH/errors" || fail "the program ended with $?"
    expected | diff - "$SCRATCH/output" >&2 || fail "$1: other failures than the rows declare"
    grep -q 'shape_box_get: .*handle' "$SCRATCH/errors" || fail "$1: no line says so: $(cat "$SCRATCH/errors")"
    test "$(host_stat "sum(f['errors'] for f in stat['functions'] if f['name'] == 'shape_box_get')")" = 9 ||
        fail "$1: the host did not refuse nine calls of shape_box_get"
    test "$(host_calls shape_box_get)" = 11 || fail "$1: the host did not count what it refused"
    test "$(host_stat "stat['crashed_clients']")" = 0 || fail "$1: a worker followed a forged handle"
    stop_host || fail "the host ended with $?"
    echo "ok $1: forged handles are refused, good ones work on"
}

check memory
check socket
