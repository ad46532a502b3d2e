#!/bin/sh
# The style of the sources, as far as a machine can tell. Prints TAP.
# shellcheck disable=SC2317 # functions are called by way of check
set -eu
cd "$(dirname "$0")/.."

number=0
failed=0
output=$(mktemp)
trap 'rm -f "$output" "$output.all"' EXIT
trap 'exit 1' HUP INT TERM

check() { # check NAME COMMAND...
    name=$1
    shift
    number=$((number + 1))
    if "$@" >"$output" 2>&1; then
        echo "ok $number - $name"
    else
        echo "not ok $number - $name"
        sed 's/^/# /' "$output" >&2
        failed=1
    fi
}

skip() { # skip NAME REASON
    number=$((number + 1))
    echo "ok $number - $1 # SKIP $2"
}

c_files() {
    find src test -name node_modules -prune -o -name '*.[ch]' -print | sort
}

shell_files() {
    find .ci bench demo scripts test debian packaging -name node_modules -prune -o -type f -print 2>/dev/null |
        while read -r file; do
            if [ "${file%.sh}" != "$file" ] || head -n 1 "$file" | grep -q '^#!.*sh$'; then
                echo "$file"
            fi
        done
}

formatted() {
    # shellcheck disable=SC2046 # no name here has a space in it
    if ! clang-format --dry-run -Werror $(c_files) >"$output.all" 2>&1; then
        grep 'error:' "$output.all" || cat "$output.all"
        echo 'clang-format -i FILE puts it right'
        return 1
    fi
}

# Lines "from to": which file of src/ includes which other one, without .c and .h.
includes() {
    find src -name '*.[ch]' -exec grep -H '^#include "' {} + |
        sed 's,^src/\(.*\)\.[ch]:#include "\(.*\)\.h".*,\1 \2,' |
        awk '$1 != $2'
}

no_arrow_up() {
    includes | awk '
        BEGIN {
            rooms = split("core environment config session request", room)
            for (i = 1; i <= rooms; i++)
                height[room[i]] = i
        }
        function floor(file) {
            sub("/.*", "", file)
            return file in height ? height[file] : rooms + 1
        }
        floor($1) < floor($2) {
            print "src/" $1 " includes " $2 ", which is above it"
            bad = 1
        }
        END { exit bad }'
}

no_circle() {
    includes | tsort
}

if ! version=$(clang-format --version 2>/dev/null); then
    skip 'the C sources are formatted' 'no clang-format'
elif ! echo "$version" | grep -q 'version 14\.'; then
    skip 'the C sources are formatted' 'only clang-format 14 formats like clang-format 14'
else
    check 'the C sources are formatted' formatted
fi
if ! command -v shellcheck >/dev/null; then
    skip 'shellcheck likes the shell scripts' 'no shellcheck'
else
    # shellcheck disable=SC2046
    check 'shellcheck likes the shell scripts' shellcheck -x $(shell_files)
fi
check 'no room uses one above it' no_arrow_up
check 'no two files use each other in a circle' no_circle
check 'the packages have the version of configure.ac' sh test/version.sh
echo "1..$number"
exit $failed
