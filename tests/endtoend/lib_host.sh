# What end-to-end tests share: a host of their own, found and ended by its pid, and its counts.
#
#     . "${0%/*}/lib_host.sh"
#     start_host --spec zlib
#     ...
#     test "$(host_calls crc32)" = 2 || fail "crc32 was not called in the host"
#
# Needs WINAPI_BUILD (bin/, lib/) and WINAPI_SOURCE.  Everything lies in $SCRATCH, which goes when the script ends.

PYTHON=${WINAPI_PYTHON:-/usr/bin/python3}
SCRATCH=$(mktemp -d)
HOST_PID=
HOST_ADDRESS=
HOST_LOG=$SCRATCH/host.log
HOST_COUNT=0

fail() {
    echo "FAILED: $*" >&2
    test ! -s "$HOST_LOG" || sed 's/^/host: /' "$HOST_LOG" >&2
    exit 1
}

# Sets HOST_PID and HOST_ADDRESS.  The host says itself when it is ready; one that ends instead closes the pipe.
start_host() {
    HOST_COUNT=$((HOST_COUNT + 1))
    HOST_ADDRESS=unix:$SCRATCH/host$HOST_COUNT
    mkfifo "$SCRATCH/ready$HOST_COUNT"
    "$WINAPI_BUILD/bin/winapi-host" --listen "$HOST_ADDRESS" --ready-fd 9 "$@" \
        9>"$SCRATCH/ready$HOST_COUNT" 2>>"$HOST_LOG" &
    HOST_PID=$!
    if ! read -r _ <"$SCRATCH/ready$HOST_COUNT"; then
        HOST_PID=
        fail "the host did not start"
    fi
}

# gcc's run-time library of a sanitizer has to be the first that a program preloads; nothing without one.
sanitizer_library() {
    case ${WINAPI_SANITIZER:-} in
    address) gcc -print-file-name=libasan.so ;;
    thread) gcc -print-file-name=libtsan.so ;;
    esac
}

# `winapi run` with these arguments, with a sanitizer too.
winapi_run() {
    if test -n "${WINAPI_SANITIZER:-}"; then
        LD_PRELOAD=$(sanitizer_library) ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 "$WINAPI_BUILD/bin/winapi" run "$@"
    else
        "$WINAPI_BUILD/bin/winapi" run "$@"
    fi
}

# Ends the host and gives its exit status.
stop_host() {
    test -n "$HOST_PID" || return 0
    kill -TERM "$HOST_PID" 2>/dev/null
    wait "$HOST_PID"
    set -- $?
    HOST_PID=
    return "$1"
}

# The host's statistics, or with an argument the answer to that message, as JSON.
ask_host() {
    "$PYTHON" - "${HOST_ADDRESS#unix:}" "${1:-{\"message\":\"stat\",\"all\":true\}}" <<'PYTHON'
import socket, struct, sys

def receive(connection, size):
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            sys.exit("the host has closed the connection")
        data += piece
    return data

connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
text = sys.argv[2].encode()
connection.sendall(struct.pack("<I", len(text)) + text)
print(receive(connection, struct.unpack("<I", receive(connection, 4))[0]).decode())
PYTHON
}

# One value of the host's statistics: a Python expression over `stat`.
host_stat() {
    ask_host | "$PYTHON" -c 'import json, sys; stat = json.load(sys.stdin); print(eval(sys.argv[1]))' "$1"
}

# How often a function was called, by the host's own count.
host_calls() {
    host_stat "sum(f['calls'] for f in stat['functions'] if f['name'] == '$1')"
}

# Waits until a command succeeds, ten seconds at most.
wait_until() {
    for _ in $(seq 100); do
        if "$@"; then
            return 0
        fi
        sleep 0.1
    done
    return 1
}

lib_host_cleanup() {
    stop_host
    rm -rf "$SCRATCH"
}
trap lib_host_cleanup EXIT
trap 'exit 1' INT TERM
