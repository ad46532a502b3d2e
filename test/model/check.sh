#!/bin/sh
# check.sh - let spin check refresh.pml; prints TAP.  Needs spin and a C
# compiler.  Every check is a full search (no bitstate hashing).  Works in a
# temporary folder and leaves nothing.  Two checks run at a time.
#
# How each line is meant:
#   hold   the property must hold in every state that can be reached
#   fair   the same, for "every request ends", under weak fairness
#   fault  a fault was built in: an assertion MUST be violated
#   loop   a fault was built in: a request MUST be able to wait for ever
#   reach  a good case MUST be reachable (so that "hold" is not empty talk)

set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
model=$here/refresh.pml
cc=${CC:-gcc}

for tool in spin "$cc"; do
	command -v "$tool" >/dev/null 2>&1 || {
		echo "1..0 # SKIP $tool not found"
		exit 0
	}
done

tmp=$(mktemp -d "${TMPDIR:-/tmp}/refresh-model.XXXXXX") || exit 1
lanes=
# shellcheck disable=SC2317,SC2329  # called by the traps
clean() {
	# shellcheck disable=SC2086  # a list of process ids
	[ -z "$lanes" ] || kill $lanes 2>/dev/null
	rm -rf "$tmp"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# kind|options of the model|name
cat >"$tmp/list" <<'LIST'
fair|-DPROP=3 -DGENS=1|P3 every request ends, 3 requests, 1 refresh, fair
fair|-DPROP=3 -DNREQ=2|P3 every request ends, 2 requests, 2 refreshes, fair
hold|-DPROP=3 -DNOLATE|P3 no deadlock, no lease is left by a request that ended
hold|-DPROP=1|P1 an answered token is never presented again, unless its holder died
hold|-DPROP=2|P2 a session is lost only by the ambiguous case or by Scalekit
hold|-DPROP=4|P4 an old cookie gets the newest tokens, and never goes back
hold|-DPROP=5|P5 at most one call for a token is under way
hold|-DPROP=6 -DSTALL_AFTER|P6 ENDED never replaces NEWER, even if a holder stalls after its call
hold|-DPROP=6 -DSTALL_BEFORE|P6 ENDED never replaces NEWER, even if a holder stalls before its call
hold|-DPROP=2 -DPLAIN_ENDED|P2 holds also if ENDED is a plain set, given A1
hold|-DPROP=2 -DNO_SECOND_LOOK|P2 holds also without the second look, because ENDED is an add
reach|-DREACH=1|reachable: a cookie two generations old is served the newest tokens
reach|-DREACH=2|reachable: a holder dies in its call, another one refreshes
reach|-DREACH=3|reachable: served after two refreshes
reach|-DREACH=4|reachable: login after Scalekit ended the session
reach|-DREACH=5|reachable: 503 with the session kept
reach|-DREACH=6|reachable: the ambiguous case
fault|-DPROP=1 -DSHORT_LEASE|fault found by P1: the lease is shorter than the call
fault|-DPROP=2 -DSHORT_LEASE|fault found by P2: the lease is shorter than the call
fault|-DPROP=5 -DSHORT_LEASE|fault found by P5: the lease is shorter than the call
fault|-DPROP=1 -DNO_SECOND_LOOK|fault found by P1: no second look
fault|-DPROP=2 -DNO_SECOND_LOOK -DPLAIN_ENDED|fault found by P2: no second look, ENDED is a plain set
fault|-DPROP=1 -DRELEASE_FIRST|fault found by P1: released before the result is stored
fault|-DPROP=2 -DRELEASE_FIRST|fault found by P2: released before the result is stored
fault|-DPROP=5 -DDELETE_ANY|fault found by P5: the release deletes a lease that is not mine
fault|-DPROP=2 -DSTALL_AFTER|fault found by P2: the lease runs out between answer and store
fault|-DPROP=5 -DSTALL_BEFORE|fault found by P5: the lease runs out between TRY and the call
fault|-DPROP=6 -DSTALL_AFTER -DPLAIN_ENDED|fault found by P6: ENDED is a plain set and a holder stalls
fault|-DPROP=1 -DRESULT_GONE|fault found by P1: a result is forgotten too early
fault|-DPROP=2 -DRESULT_GONE|fault found by P2: a result is forgotten too early
fault|-DPROP=4 -DNO_CHAIN|fault found by P4: the chain is not followed
loop|-DPROP=3 -DNREQ=2 -DNO_LIMIT -DNO_TTL|fault found by P3: waiting without limit for a lease without life
LIST
total=$(wc -l <"$tmp/list")

# check K KIND OPTIONS: succeeds if the check came out as its kind wants.
# The words of pan are left in $tmp/K/out.
check() {
	mkdir "$tmp/$1" && cd "$tmp/$1" || return 1
	case $2 in
	fair | loop) how='-O2 -DNFAIR=3' run='-a -f' ;;
	hold) how='-O1 -DSAFETY -DNOCLAIM' run='' ;;
	*) how='-O0 -DSAFETY -DNOCLAIM' run='' ;;
	esac
	# shellcheck disable=SC2086  # lists of options
	{
		spin -a $3 "$model" >out 2>&1 &&
			"$cc" -w -DMEMLIM=4000 $how -o pan pan.c >>out 2>&1 &&
			./pan -m100000 -w22 $run >out 2>&1
	}
	case $2 in
	hold | fair)
		grep -q 'errors: 0$' out &&
			! grep -q -e 'not completed' -e 'too small' -e 'out of memory' out
		;;
	fault | reach) grep -q '^pan:1: assertion violated' out ;;
	loop) grep -q '^pan:1: acceptance cycle' out ;;
	esac
}

# lane N: every second line of the list, beginning with line N
lane() {
	k=0
	while IFS='|' read -r kind options name; do
		k=$((k + 1))
		[ $((k % 2)) -eq $(($1 % 2)) ] || continue
		if (check "$k" "$kind" "$options"); then verdict=ok; else verdict='not ok'; fi
		{
			echo "$verdict $k - $name"
			sed -n -e 's/^ *\([0-9]*\) states, stored.*/# states: \1/p' "$tmp/$k/out"
			[ "$verdict" = ok ] || sed -e 's/^/# /' "$tmp/$k/out" | head -n 30
		} >"$tmp/$k.tap"
		rm -rf "${tmp:?}/$k"
	done <"$tmp/list"
}

echo "1..$total"
lane 1 &
lanes=$!
lane 2 &
lanes="$lanes $!"
wait
lanes=
bad=0
k=0
while [ "$k" -lt "$total" ]; do
	k=$((k + 1))
	cat "$tmp/$k.tap" || echo "not ok $k - the check itself broke"
	grep -q '^ok' "$tmp/$k.tap" || bad=1
done
exit "$bad"
