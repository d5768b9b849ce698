#!/bin/bash
# examples/handler: by itself the program prints the machine's name; with the spec file it prints what the handler in
# the host says, whose process is another one.
set -u
. "${0%/*}/../endtoend/lib_host.sh"

SPEC=$WINAPI_BUILD/lib/examples/handler.json
PROGRAM=$WINAPI_BUILD/bin/examples/show_name

"$PROGRAM" >"$SCRATCH/bare" || fail "the program does not run by itself"
test "$(sed -n 1p "$SCRATCH/bare")" = "$(uname -n)" || fail "by itself it printed $(cat "$SCRATCH/bare")"
echo "ok by itself it prints the machine's name"

start_host --spec "$SPEC"
winapi_run --spec "$SPEC" --host "$HOST_ADDRESS" -- "$PROGRAM" >"$SCRATCH/remote" ||
    fail "the program ended with $?"
read -r worker < <(sed -n "1s/^$(uname -n), process //p" "$SCRATCH/remote")
read -r app < <(sed -n '2s/^(asked by process \([0-9]*\))$/\1/p' "$SCRATCH/remote")
test -n "$worker" && test -n "$app" && test "$worker" != "$app" || fail "it printed $(cat "$SCRATCH/remote")"
test "$(host_calls gethostname)" = 1 || fail "the host has not counted the call"
echo "ok with the spec file it prints what the handler says, from another process"
