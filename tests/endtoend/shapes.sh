#!/bin/bash
# Every shape of argument: the program `shapes` prints the same whether libshapes is called here, in a host over
# shared memory or in a host over sockets; the host has counted exactly the calls that the program made; and compare
# mode, which runs both, finds no difference.  Once with a fixed seed, once with a new one, which is printed.
set -u
. "${0%/*}/lib_host.sh"

SPEC=$WINAPI_SOURCE/tests/fixtures/shapes.json
PROGRAM=$WINAPI_BUILD/bin/fixtures/shapes
export LD_LIBRARY_PATH=$WINAPI_BUILD/lib/fixtures${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

run() { # OUTPUT SEED VARIABLE=VALUE...
    local output=$1 seed=$2
    shift 2
    rm -f "$SCRATCH/log"
    (
        export "$@" WINAPI_LOG_LEVEL=debug WINAPI_LOG_FILE="$SCRATCH/log"
        winapi_run --spec "$SPEC" --host "$HOST_ADDRESS" -- "$PROGRAM" "$seed"
    ) >"$output" 2>"$output.errors" || fail "$* ended with $?: $(head -5 "$output.errors" "$SCRATCH/log")"
    test ! -s "$output.errors" || fail "$* printed: $(head -5 "$output.errors")"
}

# Another process answered, over the medium that was asked for.
expect_worker() { # MEDIUM
    local app worker medium
    read -r app worker medium < <(sed -n 's/^winapi\[\([0-9]*\)\].* answers: .* pid \([0-9]*\), .*medium \([a-z]*\).*/\1 \2 \3/p' \
        "$SCRATCH/log")
    test -n "$app" && test -n "$worker" && test "$app" != "$worker" || fail "who answered? $(cat "$SCRATCH/log")"
    test "$medium" = "$1" || fail "the calls went over $medium, not over $1"
}

# "NAME CALLS" of every function that was called, by the host's count and by the program's.
counted_by_host() {
    host_stat "chr(10).join(sorted('%s %d' % (f['name'], f['calls']) for f in stat['functions'] if f['calls']))"
}

counted_by_program() {
    sed -n 's/^calls //p' "$1" | LC_ALL=C sort
}

# No call was refused either.
expect_counts() { # OUTPUT
    counted_by_program "$1" >"$SCRATCH/program"
    counted_by_host >"$SCRATCH/host"
    diff "$SCRATCH/program" "$SCRATCH/host" >&2 || fail "the host counted other calls than the program made"
    test "$(host_stat "sum(f['errors'] for f in stat['functions'])")" = 0 || fail "the host refused calls"
}

check_remote() { # SEED MEDIUM
    start_host --spec "$SPEC"
    run "$SCRATCH/$2" "$1" WINAPI_TRANSPORT="$2"
    expect_worker "$2"
    diff "$SCRATCH/bare" "$SCRATCH/$2" | head -20 >&2
    cmp -s "$SCRATCH/bare" "$SCRATCH/$2" || fail "seed $1: the output over $2 differs from the bare one"
    expect_counts "$SCRATCH/$2"
    stop_host || fail "the host ended with $?"
    echo "ok seed $1: the same over $2, $(wc -l <"$SCRATCH/host") functions, $(wc -l <"$SCRATCH/bare") lines"
}

# Reads the report: every call compared, none different.
check_report() {
    "$PYTHON" - "$SCRATCH/report" "$SCRATCH/program" <<'PYTHON'
import json, sys
report = {f["function"]: f for f in json.load(open(sys.argv[1]))["functions"]}
for line in open(sys.argv[2]):
    name, calls = line.split()
    found = report.get(name)
    if not found or found["calls"] != int(calls) or found["differences"] or found["not_compared"]:
        sys.exit("%s called %s times: %s" % (name, calls, found))
PYTHON
}

check_compare() { # SEED MEDIUM
    start_host --spec "$SPEC"
    run "$SCRATCH/compare" "$1" WINAPI_TRANSPORT="$2" WINAPI_MODE=compare WINAPI_COMPARE_REPORT="$SCRATCH/report"
    expect_worker "$2"
    cmp "$SCRATCH/bare" "$SCRATCH/compare" || fail "seed $1: the output under compare differs from the bare one"
    expect_counts "$SCRATCH/compare"
    check_report || fail "seed $1: compare over $2 found differences"
    stop_host || fail "the host ended with $?"
    echo "ok seed $1: compare over $2 finds no difference"
}

for seed in 1 "$RANDOM"; do
    LD_PRELOAD= "$PROGRAM" "$seed" >"$SCRATCH/bare"
    for medium in memory socket; do
        check_remote "$seed" "$medium"
        check_compare "$seed" "$medium"
    done
done
