#!/bin/sh
# Builds libffi's static archive outside its source: musl-libffi.sh SOURCE DIRECTORY COMPILER
# Without static trampolines, which nothing here uses.
set -eu
source=$1
directory=$2
compiler=$3

mkdir -p "$directory"
cd "$directory"
{
    CC=$compiler CFLAGS="-O2 -fPIC" "$source/configure" --host="$(uname -m)-linux-musl" --disable-shared --enable-static \
        --with-pic --disable-docs --disable-exec-static-tramp --disable-multi-os-directory
    make
} >build.log 2>&1 || {
    cat build.log >&2
    exit 1
}
