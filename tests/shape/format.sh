#!/bin/sh
# Layout is settled by clang-format; versions before 14 read .clang-format differently.
set -eu
cd "$WINAPI_SOURCE"

version=$(clang-format --version 2>/dev/null | sed -n 's/.*version \([0-9]*\).*/\1/p')
if [ "${version:-0}" -lt 14 ]; then
    echo "clang-format 14 or later is not installed"
    exit 77
fi

find spec host preload examples tests -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run --Werror
