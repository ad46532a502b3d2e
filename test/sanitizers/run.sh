#!/usr/bin/env bash
# Runs the tests where faults of memory and of threads are seen: test/sanitizers/run.sh asan|tsan|valgrind [PATTERN]
# With a pattern only test/*PATTERN*.test.mjs, without the unit tests. The build goes to $BUILD_DIR-asan and so on.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

kind=${1:?asan, tsan or valgrind} pattern=${2:-}
here=$PWD/test/sanitizers
build_dir=$build_dir-$kind
configure_options+=('CFLAGS=-g -O1')
units=(test/unit/test_*.c)
run_unit='scripts/test one'

# What is left out, as a pattern of file names, and why:
# - stand-in, harness: the tests of the tests, without our module
# - refresh-herd: 200 requests that must be through in a second, as one refresh is news for that long; refresh.test.mjs has
#   smaller herds
without='/(stand-in|harness|refresh-herd)\.'

case $kind in
asan)
    configure_options+=('--enable-sanitizers=address,undefined')
    # The slow way to see the stack at each malloc is the one that sees it through libraries without frame pointers.
    export ASAN_OPTIONS=detect_leaks=1:fast_unwind_on_malloc=0:strict_string_checks=1:detect_stack_use_after_return=1
    export LSAN_OPTIONS=suppressions=$here/lsan.supp:print_suppressions=0
    export UBSAN_OPTIONS=print_stacktrace=1
    ;;
tsan)
    configure_options+=(--enable-sanitizers=thread)
    mapfile -t units < <(grep -lE 'apr_thread_create|fork\(' "${units[@]}")
    # Unsafe in signal handlers is all that prefork does at its end: it calls exit() in one.
    export TSAN_OPTIONS=report_signal_unsafe=0:history_size=7
    ;;
valgrind)
    need_packages valgrind
    export VALGRIND_OPTS="-q --num-callers=30"
    run_unit='valgrind --error-exitcode=9'
    # - browser: Chromium does not wait that long; what it asks for others ask for as well
    without+='|/browser\.'
    ;;
*) die "it is asan, tsan or valgrind" ;;
esac

need_build_packages
build all
build test-programs
need_integration_packages
# shellcheck source=/dev/null
. "$build_dir/test/environment.sh"
case $kind in
tsan)
    atomics=$(cd "$build_dir" && pwd)/tsan_atomics.so
    # shellcheck disable=SC2046 # one word, one option
    gcc -shared -fPIC -fsanitize=thread -O1 -g $("$(apxs -q APR_CONFIG)" --cppflags --includes) \
        -o "$atomics" "$here/tsan_atomics.c"
    export HTTPD_PRELOAD="$HTTPD_PRELOAD $atomics"
    run_unit="env LD_PRELOAD=${HTTPD_PRELOAD// /:}"
    ;;
valgrind)
    logs=$(cd "$build_dir" && pwd)/valgrind-logs
    rm -rf "$logs"
    mkdir -m 777 "$logs"
    export VALGRIND_HTTPD=$HTTPD VALGRIND_LOGS=$logs HTTPD=$here/valgrind-httpd TEST_SECONDS=3600
    ;;
esac

export BUILD_DIR=$build_dir CMOCKA_MESSAGE_OUTPUT=TAP
if [ -z "$pattern" ]; then
    say "$kind: unit tests"
    units=("${units[@]%.c}")
    LSAN_OPTIONS='' prove --jobs 2 --timer --exec "$run_unit" "${units[@]/#/$build_dir/}"
fi
mapfile -t found < <(find test -name node_modules -prune -o -name "*$pattern*.test.mjs" -print | grep -vE "$without" | sort)
[ ${#found[@]} -gt 0 ] || die "there is no test/*$pattern*.test.mjs, or it is left out"
say "$kind: ${#found[@]} test files, two at a time"
output=$build_dir/$kind.log passed=yes
prove --jobs 2 --timer --directives --exec 'scripts/test one' "${found[@]}" 2>&1 | tee "$output" || passed=no
[ "$kind" = valgrind ] || { [ $passed = yes ] && exit 0 || exit 1; }

mapfile -t reports < <(find "$logs" -type f -size +0)
[ ${#reports[@]} = 0 ] || tail -n 60 "${reports[@]}"
say "valgrind has watched $(find "$logs" -type f | wc -l) processes and found something in ${#reports[@]}"
[ ${#reports[@]} = 0 ] && ! grep -aq 'exit signal' "$output" || exit 1
[ $passed = no ] || exit 0
# httpd is fifty times as slow there: that some do not wait that long is no finding, if they are few.
bad=$(grep -ac '^not ok' "$output") all=$(sed -nE 's|^Files=[0-9]+, Tests=([0-9]+),.*|\1|p' "$output")
say "of $all tests $bad failed, which are named above: for time, if they pass without valgrind"
[ $((bad * 20)) -lt "$all" ]
