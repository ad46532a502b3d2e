#!/bin/sh
# Does the real httpd take the module, in each MPM that is there? Linking alone cannot tell:
# a function that nobody defines is only missed when httpd loads the module. Prints TAP.
set -eu

: "${HTTPD:?}" "${HTTPD_MODULES:?}" "${MOD_AUTH_SCALEKIT_SO:?}"
dir=$(mktemp -d "${TMPDIR:-/tmp}/sk-load.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

httpd() {
    (
        # Leaks of a process that only reads its configuration are not ours.
        ASAN_OPTIONS=detect_leaks=0
        export ASAN_OPTIONS
        if [ -n "${HTTPD_PRELOAD:-}" ]; then
            LD_PRELOAD=$HTTPD_PRELOAD
            export LD_PRELOAD
        fi
        exec "$HTTPD" "$@"
    )
}

load() { # load MODULE...: those that are not built into httpd
    for module; do
        if [ -f "$HTTPD_MODULES/mod_$module.so" ]; then
            echo "LoadModule ${module}_module \"$HTTPD_MODULES/mod_$module.so\""
        fi
    done
}

if [ ! -x "$HTTPD" ]; then
    echo "1..0 # SKIP $HTTPD is not there"
    exit 0
fi

mpms=
for mpm in event worker prefork; do
    if [ -f "$HTTPD_MODULES/mod_mpm_$mpm.so" ]; then
        mpms="$mpms mpm_$mpm"
    fi
done
# shellcheck disable=SC2086 # one word, one MPM
set -- ${mpms:-builtin}

echo "1..$#"
number=0
failed=0
for mpm; do
    number=$((number + 1))
    {
        echo "ServerRoot \"$dir\""
        echo "ServerName localhost"
        echo "DefaultRuntimeDir \"$dir\""
        echo "PidFile \"$dir/httpd.pid\""
        echo "ErrorLog \"$dir/error.log\""
        echo "Listen 127.0.0.1:8080"
        load "$mpm" unixd authn_core authz_core session session_cookie
        echo "LoadModule auth_scalekit_module \"$MOD_AUTH_SCALEKIT_SO\""
    } >"$dir/$mpm.conf"
    if httpd -t -f "$dir/$mpm.conf" >"$dir/output" 2>&1; then
        echo "ok $number - httpd loads the module with $mpm"
    else
        echo "not ok $number - httpd loads the module with $mpm"
        sed 's/^/# /' "$dir/output" >&2
        failed=1
    fi
done
exit $failed
