#!/bin/sh
# The version is stated in configure.ac. Who repeats it has to agree. Says who does not.
set -eu
cd "$(dirname "$0")/.."

version=$(sed -n 's/^AC_INIT(\[mod_auth_scalekit\], \[\([0-9.]*\)\])$/\1/p' configure.ac)
failed=0

agrees() { # agrees FILE VERSION
    if [ "$2" != "$version" ]; then
        echo "$1 says ${2:-nothing}, configure.ac says ${version:-nothing}"
        failed=1
    fi
}

spec=packaging/mod_auth_scalekit.spec
agrees CHANGES "$(sed -n 's/^\([0-9.]*\)\( .*\)\{0,1\}$/\1/p' CHANGES | grep -m 1 .)"
agrees $spec "$(sed -n 's/^Version: *//p' $spec)"
agrees "the newest entry of $spec" "$(sed -n 's/^\* .* - \([0-9.]*\)-[0-9]*$/\1/p' $spec | head -n 1)"
if [ -d debian ]; then # it is not in the tarball
    agrees debian/changelog "$(sed -n '1s/^mod-auth-scalekit (\([0-9.]*\)-.*/\1/p' debian/changelog)"
fi
exit $failed
