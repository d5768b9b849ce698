#!/usr/bin/env bash
# examples/demo.sh: shows what it promises, in 80 columns, without a terminal, and leaves nothing behind.
set -euo pipefail

if [ -n "${WINAPI_SANITIZER:-}" ]; then
    echo "skipped: under a sanitizer the times that the demo shows mean nothing"
    exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/tmp"
failures=0

check()
{
    if "${@:2}"; then
        echo "ok $1"
    else
        echo "not ok $1"
        failures=$((failures + 1))
    fi
}

says()
{
    grep -Eq -- "$1" "$folder/out"
}

number()
{
    sed -nE "s/$1/\\1/p" "$folder/out" | head -n "${2:-1}" | tail -n 1
}

is_gone()
{
    ! kill -0 "$1" 2>/dev/null
}

is_empty()
{
    [ -z "$(ls -A "$1")" ]
}

is_narrow()
{
    ! awk 'length > 80' "$folder/out" | grep -q .
}

# Three processes: the program alone, the program remoted, and the worker that carried its functions out.
are_three()
{
    [ "$(printf '%s\n' "$@" | grep -E '^[0-9]+$' | sort -u | wc -l)" -eq 3 ]
}

start=$(date +%s)
status=0
TMPDIR=$folder/tmp "$WINAPI_SOURCE/examples/demo.sh" >"$folder/out" 2>"$folder/errors" </dev/null || status=$?
check "the demo ends well, without a terminal" test "$status" -eq 0
check "it takes less than a minute" test $(($(date +%s) - start)) -lt 60
check "it says nothing on stderr" test ! -s "$folder/errors"
check "no line is wider than 80 columns" is_narrow
native='^  native: everything ran in process ([0-9]+)$'
app='^  remote: the program was process ([0-9]+), its functions ran in process [0-9]+$'
worker='^  remote: the program was process [0-9]+, its functions ran in process ([0-9]+)$'
for which in 1 2; do
    check "three different processes, program $which" \
        are_three "$(number "$native" $which)" "$(number "$app" $which)" "$(number "$worker" $which)"
done
check "times of both sides stand side by side" says '^  an echo of 32 bytes, median +[0-9]+ ns +[0-9]+ ns$'
check "the host counted the calls of test_client" says '^    winapi_echo +11000 calls'
check "the host counted Python's one call of crc32" says '^    crc32 +1 calls +1000000[0-9]+ bytes in$'
check "compare found no difference" says '^  crc32 +1 +0 +[0-9.]+ ms +[0-9.]+ ms$'
host=$(number '^The host is process ([0-9]+);.*')
check "the host was named" test -n "$host"
check "the host is gone" is_gone "${host:-1}"
check "no file is left" is_empty "$folder/tmp"
if [ "$failures" -gt 0 ]; then
    cat "$folder/out" "$folder/errors"
    exit 1
fi
