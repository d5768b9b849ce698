#!/usr/bin/env bash
# The main job in ten seconds, on a host that this script starts and ends: the same program native and remote, side by
# side; zlib of an unmodified Python; compare.  WINAPI_BUILD is the directory with bin/ and lib/, build/ by default.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$(cd "${WINAPI_BUILD:-$root/build}" && pwd)
python=${WINAPI_PYTHON:-/usr/bin/python3}
core=$build/lib/libwinapi_preload.so
scratch=$(mktemp -d)
host=

clean_up()
{
    if [ -n "$host" ]; then
        kill "$host" 2>/dev/null || true
        wait "$host" 2>/dev/null || true
    fi
    rm -rf "$scratch"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

title()
{
    printf '\n== %s\n\n' "$1"
}

# The reader of the pipe waits until the host accepts clients.
start_host()
{
    local fifo=$scratch/ready

    mkfifo "$fifo"
    "$build/bin/winapi-host" --listen "unix:$scratch/host" --spec zlib --ready-fd 9 9>"$fifo" &
    host=$!
    read -r <"$fifo" || { echo "demo: winapi-host did not start" >&2; exit 1; }
}

# What the library is to do is said in the environment; the log goes to a file, because it says which process answers.
remote=(env "WINAPI_HOST=unix:$scratch/host" WINAPI_DEBUG=1 "WINAPI_LOG_FILE=$scratch/log")

# run NAME COMMAND...: the output in a file, and beside it the process and the seconds it took.
run()
{
    local name=$1 start end

    shift
    start=$(date +%s%N)
    bash -c 'echo $$ >"$1"; shift; exec "$@"' run "$scratch/$name.pid" "$@" >"$scratch/$name.out"
    end=$(date +%s%N)
    printf '%d.%02d s\n' $(((end - start) / 1000000000)) $(((end - start) / 10000000 % 100)) >"$scratch/$name.took"
}

# The worker that answered the last client.
worker()
{
    sed -n 's/.* answers: .*, pid \([0-9]*\), .*/\1/p' "$scratch/log" | tail -n 1
}

# row TEXT NATIVE REMOTE
row()
{
    printf '  %-42s %16s %16s\n' "$1" "$2" "$3"
}

# The figure that test_client printed on a line such as "  time echo p50   351 ns".
figure()
{
    sed -n "s/^  time $2  *//p" "$scratch/$1.out"
}

row_of_figures()
{
    row "$1" "$(figure native "$2")" "$(figure remote "$2")"
}

# What two runs print must not differ but for measured times.
check_same()
{
    if ! diff <(grep -v '^  time ' "$scratch/native.out") <(grep -v '^  time ' "$scratch/remote.out"); then
        echo "demo: native and remote do not print the same" >&2
        exit 1
    fi
}

show_processes()
{
    echo
    echo "  native: everything ran in process $(cat "$scratch/native.pid")"
    echo "  remote: the program was process $(cat "$scratch/remote.pid")," \
        "its functions ran in process $(worker)"
}

# stat_table TABLE: the host's own counts.
stat_table()
{
    "$build/bin/winapi" stat --host "unix:$scratch/host" --json >"$scratch/stat"
    "$python" - "$scratch/stat" "$1" <<'END'
import json, sys

print("\n  The host has counted (winapi stat):")
for function in json.load(open(sys.argv[1]))["functions"]:
    if function["table"] == sys.argv[2]:
        print("    {name:<24} {calls:>8} calls {bytes_in:>14} bytes in".format(**function))
END
}

show_test_client()
{
    title "test_client, linked to libwinapi.so: native and remote"
    run native "$build/bin/test_client" --perf-only
    run remote "${remote[@]}" LD_PRELOAD="$core" "$build/bin/test_client" --perf-only
    check_same
    row "" native remote
    row_of_figures "an echo of 32 bytes, median" "echo p50"
    row_of_figures "100 MB written" "write"
    row_of_figures "100 MB read" "read"
    row_of_figures "100 MB verified" "verify"
    row "the whole run" "$(cat "$scratch/native.took")" "$(cat "$scratch/remote.took")"
    row "checks" "$(sed -n 's/^summary: \([0-9]* checks passed\).*/\1/p' "$scratch/native.out")" \
        "$(sed -n 's/^summary: \([0-9]* checks passed\).*/\1/p' "$scratch/remote.out")"
    show_processes
    stat_table winapi
}

python_program='
import time, zlib
data = bytes(range(256)) * 390625
for name, function in ("crc32", zlib.crc32), ("adler32", zlib.adler32):
    start = time.monotonic()
    print(f"{name} of 100 MB: {function(data):08x}")
    print(f"  time {name} {(time.monotonic() - start) * 1000:.0f} ms")
'

show_python()
{
    title "zlib.crc32 and adler32 in $python, which nobody has changed"
    run native "$python" -c "$python_program"
    run remote "${remote[@]}" "$build/bin/winapi" run --spec zlib -- "$python" -c "$python_program"
    check_same
    row "" native remote
    row_of_figures "crc32 of 100 MB" crc32
    row_of_figures "adler32 of 100 MB" adler32
    grep -v '^  time' "$scratch/remote.out" | while IFS=: read -r what value; do
        row "$what" "$(sed -n "s/^$what: //p" "$scratch/native.out")" "${value# }"
    done
    show_processes
    stat_table zlib
}

show_compare()
{
    title "compare: both at once, and the two answers held side by side"
    "${remote[@]}" "WINAPI_COMPARE_REPORT=$scratch/report.json" "$build/bin/winapi" run --spec zlib --mode compare \
        -- "$python" -c "$python_program" >"$scratch/compare.out"
    "$python" - "$scratch/report.json" <<'END'
import json, sys

report = json.load(open(sys.argv[1]))
print("  {:<16} {:>8} {:>12} {:>16} {:>16}".format("", "calls", "differences", "native", "remote"))
for function in report["functions"]:
    native, remote = (f"{function[side] / 1e6:.2f} ms" for side in ("native_ns", "remote_ns"))
    print("  {function:<16} {calls:>8} {differences:>12}".format(**function), f"{native:>16} {remote:>16}")
sys.exit(report["differences"] != 0)
END
}

for program in winapi winapi-host test_client; do
    if [ ! -x "$build/bin/$program" ]; then
        echo "demo: $build/bin/$program is not there: run ./build.sh first" >&2
        exit 1
    fi
done
start_host
echo "The host is process $host; each client gets a worker process of its own."
show_test_client
show_python
show_compare
printf '\nMore: README.md, and a function of your own: docs/spec-files.md\n'
