#!/usr/bin/env bash
# Looks at the sources with gcc -fanalyzer, clang-tidy, scan-build and cppcheck. What they are not asked for is argued where it
# is said: in .clang-tidy, in test/analyzers/cppcheck.supp, below, and beside NOLINT in the sources.
# shellcheck disable=SC2016 # the variables are for the shells of check
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

need_build_packages
need_packages clang clang-tidy clang-tools cppcheck
build src/core/sk_version.h
failed=0

# What the Makefile compiles the module with, from the top of the tree.
flags=$(make -C "$build_dir" --no-print-directory -s module-flags)
export flags="-O2 -Isrc -I$build_dir/src $flags"

# check NAME COMMAND: for each source, which is $1, two at a time; $flags are many words.
check() {
    say "$1"
    find src -name '*.c' -print0 | xargs -0 -n 1 -P 2 sh -c "$2" "$1" || failed=1
}

check 'gcc -fanalyzer' 'gcc -c -o /dev/null -Werror -fanalyzer $flags $1'

# On stderr it counts what it does not show.
check clang-tidy 'clang-tidy --quiet $1 -- $flags 2>/dev/null'

# The analyzer in clang-tidy, run as its makers do. It knows no NOLINT: so without unix.Malloc, which takes what has left an
# APR_RING for what is still in it (src/core/memo.c).
check scan-build 'scan-build --status-bugs -disable-checker unix.Malloc clang -c -o /dev/null $flags $1 >/dev/null'

say cppcheck
cppcheck -q -j 2 --error-exitcode=1 --std=c11 --inline-suppr --inconclusive \
    --enable=warning,style,performance,portability --suppressions-list=test/analyzers/cppcheck.supp \
    -I src -I "$build_dir/src" -D LINUX -D LIBCURL_VERSION_NUM=0x075800 src || failed=1

exit $failed
