#!/bin/bash
# Functions that exist nowhere but in the host's library.  A program whose symbols stay unresolved cannot run by itself,
# with lazy binding or with BIND_NOW; under `winapi run` it can, and so can one that is linked to a stub.  Where there
# is nothing to run here, native mode gives the declared failure, and compare mode says what it did not compare.
set -u
. "${0%/*}/lib_host.sh"

SPEC=$WINAPI_SOURCE/tests/fixtures/elsewhere.json
PROGRAMS=$WINAPI_BUILD/bin/fixtures
PRELOAD=$WINAPI_BUILD/lib/libwinapi_preload.so
EXPECTED="answer 41 from another process"

run() { # VARIABLE=VALUE PROGRAM
    (
        export "$1"
        winapi_run --spec "$SPEC" --host "$HOST_ADDRESS" -- "$PROGRAMS/$2"
    )
}

# What has to be preloaded before anything else.
FIRST=$(sanitizer_library)
FIRST=${FIRST:+$FIRST:}

check_bare() {
    ! "$PROGRAMS/$1" >"$SCRATCH/output" 2>&1 || fail "$1 runs by itself: $(cat "$SCRATCH/output")"
    grep -q "$2" "$SCRATCH/output" || fail "$1 fails otherwise than by $2: $(cat "$SCRATCH/output")"
    echo "ok $1 cannot run by itself"
}

check_run() { # PROGRAM MEDIUM
    local before
    before=$(host_calls elsewhere_answer)
    test "$(run WINAPI_TRANSPORT="$2" "$1")" = "$EXPECTED" || fail "$1 over $2 printed something else"
    test "$(host_calls elsewhere_answer)" = $((before + 1)) || fail "$1 over $2: the host has counted no call"
    echo "ok $1 runs with a host over $2"
}

# The library is found by the host alone.
LD_LIBRARY_PATH=$WINAPI_BUILD/lib/fixtures start_host --spec "$SPEC"

# glibc's words and musl's.
check_bare elsewhere "undefined symbol: elsewhere_answer\|elsewhere_answer: symbol not found"
check_bare elsewhere_now "undefined symbol: elsewhere_answer\|elsewhere_answer: symbol not found"
check_bare elsewhere_stub "winapi_stub.so"

# musl does not know a preloaded library by its SONAME: it wants a file of that name.
case ${CC:-cc} in
*musl*)
    mkdir "$SCRATCH/stub"
    cp "$WINAPI_BUILD/lib/fixtures/link/elsewhere_stub.so" "$SCRATCH/stub/winapi_stub.so"
    export LD_LIBRARY_PATH=$SCRATCH/stub
    ;;
esac
for program in elsewhere elsewhere_now elsewhere_stub; do
    check_run "$program" memory
    check_run "$program" socket
done

# A stub of one's own, with nothing but LD_PRELOAD.
"$WINAPI_BUILD/bin/winapi" stubs "$SPEC" -o "$SCRATCH/stub.so" || fail "no stub was made"
for program in elsewhere elsewhere_now; do
    output=$(WINAPI_SPEC=$SPEC WINAPI_HOST=$HOST_ADDRESS LD_PRELOAD=$FIRST$SCRATCH/stub.so:$PRELOAD \
        ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 "$PROGRAMS/$program")
    test "$output" = "$EXPECTED" || fail "$program with a stub of its own printed $output"
    echo "ok $program runs with a stub and LD_PRELOAD alone"
done

before=$(host_calls elsewhere_answer)
output=$(run WINAPI_MODE=native elsewhere 2>"$SCRATCH/errors")
test $? = 3 && test "$output" = "no answer, errno 38" || fail "native mode printed $output"
test "$(grep -c "no native function" "$SCRATCH/errors")" = 1 || fail "native mode said: $(cat "$SCRATCH/errors")"
test "$(host_calls elsewhere_answer)" = "$before" || fail "native mode called the host"
echo "ok native mode gives the declared failure and one line"

output=$(run WINAPI_MODE=compare elsewhere 2>"$SCRATCH/errors")
test "$output" = "$EXPECTED" || fail "compare mode printed $output"
grep -q "elsewhere_answer: .* 1 not compared: there is no native function" "$SCRATCH/errors" ||
    fail "compare mode said: $(cat "$SCRATCH/errors")"
echo "ok compare mode runs it in the host and says that it was not compared"
