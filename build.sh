#!/usr/bin/env bash
# Builds, shows and tests the project on a bare Debian or Ubuntu machine: ./build.sh help.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# Every package that is needed, in one place: to build and test, and in addition for the long tests.
PACKAGES=(debian-archive-keyring cmake ninja-build gcc g++ libc6-dev pkg-config dpkg-dev ca-certificates
    libffi-dev libisal-dev libxxhash-dev libcmocka-dev zlib1g-dev
    musl-tools linux-libc-dev libcap2-bin
    python3 python3-jsonschema libpython3-testsuite strace file
    bash dash gdb git gnuplot-nox gzip make perl tar time)
PACKAGES_LONG=(valgrind clang clang-tidy clang-format libclang-rt-dev lld)

FUZZ_SECONDS=${FUZZ_SECONDS:-60}
JOBS=${JOBS:-$(nproc)}

usage()
{
    cat <<'END'
usage: ./build.sh [COMMAND]

    (none)      build into build/bin, build/lib and build/include
    demo        build, then show one program native and remote side by side
    test        build, also for musl into build/musl, then run every test that is quick
    test-full   test and the long tests, then the suites under sanitizers, the fuzzers for 60 seconds each
                (FUZZ_SECONDS), clang-tidy
    help        this text

Debian and Ubuntu packages that are missing are installed: by root at once, by a user with sudo after a question.
For every day: cmake --preset dev && cmake --build --preset dev && ctest --preset dev
END
}

say()
{
    printf '\n== %s\n' "$*"
}

fail()
{
    printf 'build.sh: %s\n' "$*" >&2
    exit 1
}

is_installed()
{
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Some packages carry in their name the version of another one, which that one's dependency tells: clang's run-time
# library (before Debian 13 and Ubuntu 24.04) and python3's tests.
package_name()
{
    local version

    case $1 in
    libclang-rt-dev) version=$(dependency_version clang clang-) ;;
    libpython3-testsuite) version=$(dependency_version python3 python) ;;
    *) version= ;;
    esac
    if [ -z "$version" ] || is_installed "$1"; then
        echo "$1"
    elif [ "$1" = libclang-rt-dev ]; then
        echo "libclang-rt-$version-dev"
    else
        echo "libpython$version-testsuite"
    fi
}

# What follows `prefix` in the name of the package that `package` depends on.
dependency_version()
{
    local package=$1 prefix=$2

    apt-cache depends "$package" 2>/dev/null | sed -n "s/.*Depends: $prefix\([0-9.]*\)$/\1/p" | head -n 1
}

# Installs as root; as a user shows the command, asks, and goes on with sudo.  A third party's broken archive makes the
# update fail, but not the installation.
install_packages()
{
    local answer command="apt-get -q update; DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends $*"

    if [ "$(id -u)" -eq 0 ]; then
        say "Installing: $*"
        sh -c "$command"
        return
    fi
    printf 'These packages are missing: %s\nThis installs them:\n\n    sudo sh -c "%s"\n\n' "$*" "$command"
    if [ ! -t 0 ] || ! command -v sudo >/dev/null; then
        fail "install them, then run this again"
    fi
    read -r -p "Run it now? [y/N] " answer
    [[ $answer == [yY]* ]] || fail "nothing was installed"
    sudo sh -c "$command"
}

need_packages()
{
    local package missing=()

    if ! command -v dpkg-query >/dev/null; then
        echo "This is neither Debian nor Ubuntu; what is needed is called there: $*" >&2
        return
    fi
    for package in "$@"; do
        package=$(package_name "$package")
        is_installed "$package" || missing+=("$package")
    done
    if [ ${#missing[@]} -gt 0 ]; then
        install_packages "${missing[@]}"
    fi
}

# The release settings, with results right under build/.
build()
{
    need_packages "${PACKAGES[@]}"
    say "Building into build/"
    cmake --preset release -B build --log-level=WARNING
    cmake --build build -j "$JOBS"
}

# What ctest reported as skipped or not run is repeated at the end, where it is seen.
NOT_RUN=()

run_ctest()
{
    local directory=$1 log

    shift
    log=$directory/test.log
    say "Testing $directory"
    local status=0
    ctest --test-dir "$directory" --no-tests=error --output-on-failure -j "$JOBS" "$@" | tee "$log" || status=$?
    while read -r name; do
        NOT_RUN+=("$name ($directory)")
    done < <(sed -n 's/^ *[0-9]*\/[0-9]* Test *#[0-9]*: \([^ ]*\) .*\*\*\*\(Skipped\|Not Run\).*/\1/p' "$log")
    return "$status"
}

report_not_run()
{
    local name

    say "Not run:"
    if [ $# -eq 0 ]; then
        echo "    nothing: everything ran"
    fi
    for name in "$@"; do
        echo "    $name"
    done
}

count_long()
{
    find tests/long -name '[!_]*.py' -o -name '*.sh' | wc -l
}

# The tests in both builds: programs of glibc, and of musl.  The arguments are ctest's.
test_both()
{
    local status=0

    build
    run_ctest build "$@" || status=$?
    test_preset musl -LE '^long$' || status=$? # which are about programs of the system
    return "$status"
}

test_quick()
{
    local status=0

    test_both -LE '^long$' || status=$?
    report_not_run "${NOT_RUN[@]}" \
        "the long tests, $(count_long) of them, and the suites under AddressSanitizer and ThreadSanitizer, fuzzing, clang-tidy: ./build.sh test-full"
    finish "$status"
}

# A preset's name, and arguments for ctest.
test_preset()
{
    local preset=$1

    shift
    say "Building build/$preset"
    cmake --preset "$preset" --log-level=WARNING &&
        cmake --build "build/$preset" -j "$JOBS" &&
        run_ctest "build/$preset" "$@"
}

# Each fuzzer starts from its corpus and writes what it finds apart, so that the tree stays as it is.
run_fuzzers()
{
    local program subject found status=0

    for program in build/fuzz/bin/fuzz/fuzz_*; do
        subject=${program##*/fuzz_}
        found=build/fuzz/found/$subject
        mkdir -p "$found"
        say "Fuzzing $subject for $FUZZ_SECONDS seconds"
        "$program" -max_total_time="$FUZZ_SECONDS" -print_final_stats=0 -verbosity=0 \
            -artifact_prefix="$found/" "$found" "tests/fuzz/corpus/$subject" || {
            echo "$subject failed; the input lies in $found" >&2
            status=1
        }
    done
    return "$status"
}

# The compilation database of the release build names every file once; options that only gcc has are left out.
run_clang_tidy()
{
    say "clang-tidy"
    mkdir -p build/tidy
    sed -e 's/ -mmem[a-z]*-strategy=[^ ]*//g' -e 's/ -ffat-lto-objects//g' build/compile_commands.json \
        >build/tidy/compile_commands.json
    find spec host preload examples -name '*.c' -print0 |
        xargs -0 -n 4 -P "$JOBS" clang-tidy --quiet --warnings-as-errors='*' -p build/tidy
}

test_full()
{
    local failed=() set

    need_packages "${PACKAGES[@]}" "${PACKAGES_LONG[@]}"
    test_both || failed+=("the tests")
    for set in asan tsan fuzz; do
        test_preset "$set" || failed+=("the tests of the preset $set")
    done
    run_fuzzers || failed+=("fuzzing")
    run_clang_tidy || failed+=("clang-tidy")
    report_not_run "${NOT_RUN[@]}"
    if [ ${#failed[@]} -gt 0 ]; then
        printf 'failed: %s\n' "${failed[@]}" >&2
    fi
    finish "${#failed[@]}"
}

finish()
{
    if [ "$1" -ne 0 ]; then
        fail "some tests failed"
    fi
    say "All tests that ran passed"
}

case "${1:-build}" in
build)
    build
    say "Done: build/bin, build/lib, build/include.  Not run: the tests (./build.sh test)"
    ;;
demo)
    build
    exec examples/demo.sh
    ;;
test) test_quick ;;
test-full) test_full ;;
help | -h | --help) usage ;;
*)
    usage >&2
    exit 2
    ;;
esac
