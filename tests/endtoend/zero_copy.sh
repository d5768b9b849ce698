#!/bin/bash
# Where buffers lie.  One from winapi_alloc_buffer is the same pages of the same file at both ends: not copied.  Any
# other large one lies in shared memory at the host, but in other pages than the program's own: copied once.  Over
# sockets nothing is shared.
set -u
. "${0%/*}/lib_host.sh"

SPEC=$WINAPI_SOURCE/tests/fixtures/elsewhere.json

run() { # MEDIUM
    WINAPI_TRANSPORT=$1 winapi_run --spec "$SPEC" --host "$HOST_ADDRESS" -- \
        "$WINAPI_BUILD/bin/fixtures/zero_copy"
}

expect() { # MEDIUM, lines on standard input
    run "$1" >"$SCRATCH/output" || fail "$1: the program ended with $?"
    diff - "$SCRATCH/output" >&2 || fail "over $1 the buffers lie elsewhere"
}

LD_LIBRARY_PATH=$WINAPI_BUILD/lib/fixtures start_host --spec "$SPEC"

expect memory <<'PLACES'
alloc_buffer: same bytes, same place, in shared memory there, one memory afterwards
inside of it: same bytes, same place, in shared memory there, one memory afterwards
malloc: same bytes, another place, in shared memory there, apart afterwards
stack: same bytes, another place, in shared memory there, apart afterwards
small: same bytes, another place, in private memory there, apart afterwards
PLACES
echo "ok memory: a buffer from winapi_alloc_buffer is not copied, others are copied into shared memory"

expect socket <<'PLACES'
alloc_buffer: same bytes, another place, in private memory there, apart afterwards
inside of it: same bytes, another place, in private memory there, apart afterwards
malloc: same bytes, another place, in private memory there, apart afterwards
stack: same bytes, another place, in private memory there, apart afterwards
small: same bytes, another place, in private memory there, apart afterwards
PLACES
echo "ok socket: every buffer travels"

test "$(host_calls elsewhere_find)" = 10 || fail "the host counted other calls"
echo "ok the host counted each call"
