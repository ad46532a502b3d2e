# Shared by the scripts in this folder: install what is missing, build. To be sourced by bash,
# from the top of the source tree.
# shellcheck shell=bash

build_dir=${BUILD_DIR:-build}
apt_updated=

say() {
    printf '==> %s\n' "$*"
}

die() {
    printf '%s: %s\n' "$0" "$*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "needs root or sudo for: $*"
    fi
}

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# A subshell, for the traps.
apt_install() (
    policy=/usr/sbin/policy-rc.d
    # Installing apache2 would start it, on port 80, on somebody's machine; and so would postgresql.
    if [ ! -e $policy ]; then
        trap 'as_root rm -f $policy' EXIT
        trap 'exit 1' HUP INT TERM
        printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
        as_root chmod 755 $policy
    fi
    apt=(as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
    [ -n "$apt_updated" ] || "${apt[@]}" update
    "${apt[@]}" install -y --no-install-recommends -o Dpkg::Use-Pty=0 "$@"
)

# need_packages PACKAGE...: Debian's names. Says nothing when all are there.
need_packages() {
    local package missing=()
    if ! command -v apt-get >/dev/null; then
        say "no apt-get here: taking for granted what these are called elsewhere: $*"
        return
    fi
    for package; do
        is_installed "$package" || missing+=("$package")
    done
    if [ ${#missing[@]} -gt 0 ]; then
        say "installing ${missing[*]}"
        apt_install "${missing[@]}"
        apt_updated=yes
    fi
}

need_build_packages() {
    need_packages apache2 apache2-dev libcjose-dev libjansson-dev libjson-c-dev \
        libcurl4-openssl-dev libssl-dev liblz4-dev autoconf automake libtool pkgconf gcc make libcmocka-dev
}

node_is_new_enough() {
    command -v node >/dev/null && [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 18 ]
}

# Somebody's own node is as good as Debian's, and the two do not mix.
need_node() {
    if ! node_is_new_enough; then
        need_packages nodejs npm
        hash -r
    elif ! command -v npm >/dev/null && is_installed nodejs; then
        need_packages npm
        hash -r
    fi
    node_is_new_enough || die "node 18 or newer is needed, and its packages did not bring it"
    command -v npm >/dev/null || die "node is here, npm is not"
}

# Scalekit's SDK loads an ES module with require(), which Debian 12's node 18 cannot: a newer one
# comes from the npm registry, for these tests only.
need_newer_node() {
    local folder=$PWD/$build_dir/node
    [ "$(node -p 'process.features.require_module === true')" = false ] || return 0
    local package
    package=node-linux-$(node -p process.arch)
    if [ ! -x "$folder/node_modules/$package/bin/node" ]; then
        say "a newer node than $(node --version), for Scalekit's SDK"
        npm install --prefix "$folder" --no-save --no-audit --no-fund "$package@22" ||
            say "it is not to be had: the tests of the SDK will be skipped"
    fi
    PATH=$folder/node_modules/$package/bin:$PATH
    export PATH
}

# need_node_modules FOLDER: what its package-lock.json says.
need_node_modules() {
    if [ "$1/node_modules/.package-lock.json" -nt "$1/package-lock.json" ]; then
        return
    fi
    say "npm ci in $1"
    (cd "$1" && npm ci --no-audit --no-fund)
}

need_integration_packages() {
    # shellcheck disable=SC2046 # one word, one package
    need_packages $(sed 's/#.*//' test/packages)
    need_node
    need_newer_node
    need_node_modules test
}

# build TARGET...: out of tree, into $build_dir, configured with $configure_options. Warnings are errors in continuous
# integration, whose compiler is known; newcomers may have any.
configure_options=(--enable-unit-tests ${CI:+--enable-werror})
build() {
    local top=$PWD
    if [ ! -f configure ] || [ configure.ac -nt configure ]; then
        say "autoreconf"
        autoreconf -fi
    fi
    mkdir -p "$build_dir"
    if [ ! -f "$build_dir/Makefile" ]; then
        say "configure in $build_dir"
        (cd "$build_dir" && "$top/configure" --quiet "${configure_options[@]}")
    fi
    say "make in $build_dir"
    make -C "$build_dir" --no-print-directory -s -j2 "$@"
}
