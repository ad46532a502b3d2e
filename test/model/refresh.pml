/*
 * refresh.pml - "refresh exactly once", the specification of
 * src/environment/refresh.c, checked by spin (see check.sh).
 *
 * THE PROBLEM.  A refresh token is single-use.  Ten parallel requests bring
 * the same cookie, so the same token T.  One of them must call Scalekit; the
 * others must live on its result.
 *
 * THE CACHE is shared memory.  One atomic block below is one cache operation;
 * between two blocks any other request may run, or this one may die.
 *    get, set, add (only if absent), release (delete only if it is mine)
 *    lease[T]    who may call Scalekit with T.  Its value is a random id.
 *    result[T]   what came of T: NEWER (the tokens that replaced T) or ENDED.
 *
 * THE ALGORITHM, by the labels of proctype Request:
 *    FOLLOW   while result[T] is NEWER take the newer tokens.  ENDED: login.
 *             If the tokens at the end are not due: served.
 *    TRY      add lease[T].  Not won: LOST.
 *    LOOK     won: look at result[T] AGAIN.  Is it there: release, FOLLOW.
 *    CALL     call Scalekit with T.  No lock is held.
 *      rotated        set result[T] = NEWER, THEN release; served.
 *      invalid_grant  add result[T] = ENDED, release, FOLLOW (which leads to
 *                     login).  It is an ADD: ENDED never replaces NEWER.
 *      refused        (rotated, but the new tokens fail a check) as rotated:
 *                     the new refresh token counts, beside the old access
 *                     token.  Here: the new access token has expired already.
 *      no answer      (transport failure, 429, 5xx, timeout) release; served
 *                     while the access token is valid, else 503.
 *    LOST     access token still valid: served.  Else WAIT.
 *    WAIT     poll: result there: FOLLOW.  Lease gone: TRY, or 503 if the
 *             call is known to have failed.  3 s over: 503.
 *             The 3 s are for the request, not for each round of WAIT.
 *
 * WHAT IS TAKEN FOR GRANTED (refresh.c and its cache must make it true)
 *  A1 A lease does not run out between TRY and the storing of the result,
 *     unless the holder died.  So: life = total limit of a call + 2 s, and
 *     the limit of the call is counted from TRY, not from the send.  It MAY
 *     run out after that, before the release.
 *     (Variants SHORT_LEASE, STALL_BEFORE, STALL_AFTER: what happens if not.)
 *  A2 result[T] lives longer than any cookie with T is used, and longer than
 *     a request takes.  The cache evicts no live lease and no live result.
 *     (Variant RESULT_GONE.)
 *  A3 The set after a won lease does not fail for lack of room.
 *  A4 Lease ids never repeat.
 *
 * TOKENS are numbered: 0 is in the first cookie, T+1 replaces T.  The last,
 * number GENS, never gets due; this only bounds the model.
 *
 * SCALEKIT takes a token once.  It may rotate and the answer be lost.  A call
 * whose caller gave up or died may still be on its way and rotate LATER.
 * It may end the session itself (an administrator): then it refuses.
 */

#ifndef NREQ
#define NREQ 3                  /* requests that run at the same time */
#endif
#ifndef GENS
#define GENS 2                  /* how many refreshes: 1 or 2 */
#endif
#ifndef DEATHS
#define DEATHS 1                /* how many requests may be killed */
#endif
#ifndef PROP
#define PROP 0                  /* which property is asserted, 0: none */
#endif
#ifndef REACH
#define REACH 0                 /* which good case must be reachable */
#endif

/* ---- the cache ---- */
#define NONE  0
#define NEWER 1
#define ENDED 2
byte result[GENS];
byte lease[GENS];               /* 0: free, else the holder's number + 1 */

/* Delete the lease, only if it is mine. */
#ifdef DELETE_ANY
#define RELEASE(t) lease[t] = 0
#else
#define RELEASE(t) if :: lease[t] == id + 1 -> lease[t] = 0 :: else fi
#endif

/* How many links of the chain are stored. */
#if GENS == 1
#define STORED (result[0] == NEWER)
#else
#define STORED ((result[0] == NEWER) + (result[1] == NEWER))
#endif

/* ---- access tokens: their age, the same for all who look ---- */
#define VALID   0               /* good, not due */
#define DUE     1               /* good, but near its end */
#define EXPIRED 2
byte age[GENS + 1];
#define IS_GOOD(t) (age[t] != EXPIRED)

/* ---- Scalekit ---- */
bit used[GENS];                 /* T was rotated; it will be refused */
bit flying[GENS];               /* a call that nobody waits for any more */
bit revoked;                    /* the session was ended at Scalekit */

/* ---- the requests, as the clock sees them ---- */
#define AWAY   0                /* holds no lease */
#define HELD   1                /* won the lease, has not called yet */
#define INCALL 2                /* the call is under way */
#define SAVING 3                /* has an answer that is not stored yet */
#define PAST   4                /* nothing left to store, only the release */
#define OVER   5                /* ended, or dead */
byte phase[NREQ];
byte arrived;                   /* how many requests have begun */
byte deaths;                    /* how many holders were killed */
#if PROP == 3 && !defined(NOLATE)
#define FAIR                    /* for "every request ends": real time limits */
bit late[NREQ];                 /* its 3 s of waiting are over */
byte ended;                     /* how many requests ended or died */
#define ONE_ENDS ended++
#else
#define ONE_ENDS skip
#endif

/*
 * Death.  A process may be killed before any step it takes while it holds a
 * lease (or thinks it does).  Without a lease its death leaves no trace in
 * the cache, so it need not be modelled.
 */
#define OR_DIE :: deaths < DEATHS -> deaths++; goto DEAD

/* ---- ghosts: only the properties read them, the algorithm never does ---- */
bit orphan[GENS];               /* T was rotated, and the new tokens are lost */
#if PROP == 1
bit shut[GENS];                 /* T is at Scalekit, or was answered */
#define SHUT(t, x) shut[t] = x
#else
#define SHUT(t, x) skip
#endif
#if PROP == 5
byte underway[GENS];            /* calls with T under way */
#define UNDERWAY(t, x) underway[t] = underway[t] + x
#else
#define UNDERWAY(t, x) skip
#endif
#if REACH == 2
bit died_in_call[GENS];         /* a holder died during its call with T */
#endif

#if PROP == 1
#define P1(x) assert(x)
#else
#define P1(x) skip
#endif
#if PROP == 2
#define P2(x) assert(x)
#else
#define P2(x) skip
#endif
#if PROP == 3
#define P3(x) assert(x)
#else
#define P3(x) skip
#endif
#if PROP == 4
#define P4(x) assert(x)
#else
#define P4(x) skip
#endif
#if PROP == 5
#define P5(x) assert(x)
#else
#define P5(x) skip
#endif
#if PROP == 6
#define P6(x) assert(x)
#else
#define P6(x) skip
#endif

proctype Request(byte id)
{
	byte t;                 /* the token I hold */
	byte answer;            /* what the call brought: NONE, NEWER, ENDED */
#if PROP == 4
	byte floor;             /* the newest tokens stored when I arrived */
#endif
#if REACH == 1
	bit stale;              /* my cookie was two generations old */
#endif

	/* Arrive, at any time, with a cookie as old as you like: any tokens
	   that were ever handed out.  (The requests are all alike, so let
	   them arrive in the order of their numbers.) */
	atomic {
		arrived == id -> arrived++;
		if
		:: t = 0
		:: STORED >= 1 -> t = 1
		:: STORED >= 2 -> t = 2
		fi;
#if PROP == 4
		floor = STORED;
#endif
#if REACH == 1
		stale = (t == 0 && STORED == 2);
#endif
	}

FOLLOW: /* get result[T]; one get for each link of the chain */
	atomic {
		if
		:: t < GENS && result[t] == ENDED -> goto LOGIN
#ifndef NO_CHAIN
		:: t < GENS && result[t] == NEWER -> t++; goto FOLLOW
#endif
		:: else ->
			if
			:: age[t] == VALID -> goto SERVED
			:: else -> goto TRY
			fi
		fi
	}

TRY:    /* add lease[T] */
	atomic {
		if
		:: lease[t] == 0 -> lease[t] = id + 1; phase[id] = HELD
		:: else -> goto LOST
		fi
	}

#ifndef NO_SECOND_LOOK
LOOK:   /* get result[T]: was it stored, and the lease released, between
	   FOLLOW and TRY? */
	atomic {
		if
		:: result[t] == NONE -> goto CALL
		:: result[t] != NONE -> phase[id] = PAST
		OR_DIE
		fi
	}
	atomic {
		if
		:: RELEASE(t); phase[id] = AWAY
		OR_DIE
		fi;
#ifdef NO_CHAIN
		if :: result[t] == NEWER -> t++ :: else fi;
#endif
		goto FOLLOW
	}
#endif

CALL:   /* the call goes out */
	atomic {
		if
		:: P1(!shut[t]);
		   P1(!used[t] || orphan[t]);
		   P4(t >= floor);
		   P5(underway[t] == 0);
		   SHUT(t, 1); UNDERWAY(t, 1);
		   phase[id] = INCALL
		OR_DIE
		fi
	}
	/* Scalekit decides; or I give up (timeout, 5xx) or die before it does */
	atomic {
		if
		:: used[t] || revoked -> answer = ENDED
		:: !used[t] && !revoked -> used[t] = 1; flying[t] = 0; answer = NEWER
		:: goto NO_ANSWER                       /* it never got there */
		:: !used[t] && !revoked ->
		   flying[t] = 1; goto NO_ANSWER        /* it is still on its way */
		:: !used[t] && !revoked && deaths < DEATHS ->
		   flying[t] = 1; deaths++; goto DEAD
		OR_DIE
		fi
	}
	/* the answer comes, or is lost on the way (for a rotation this is THE
	   AMBIGUOUS CASE: the session cannot be saved) */
	atomic {
		if
		:: UNDERWAY(t, -1); phase[id] = SAVING
		:: orphan[t] = (orphan[t] || answer == NEWER);
		   answer = NONE;
		   goto NO_ANSWER
		OR_DIE
		fi
	}
#ifdef RELEASE_FIRST
	atomic { RELEASE(t) }
#endif
	/* store: set NEWER, or add ENDED */
	atomic {
		if
		:: answer == NEWER -> result[t] = NEWER
#ifndef PLAIN_ENDED
		:: answer == ENDED && result[t] == NEWER
		:: answer == ENDED && result[t] != NEWER ->
#else
		:: answer == ENDED -> P6(result[t] != NEWER);
#endif
			P2(orphan[t] || revoked); result[t] = ENDED
		OR_DIE
		fi;
		phase[id] = PAST
	}
	/* only now release */
	atomic {
		if
#ifndef RELEASE_FIRST
		:: RELEASE(t); phase[id] = AWAY
#else
		:: phase[id] = AWAY
#endif
		OR_DIE
		fi;
#if REACH == 2
		assert(!(died_in_call[t] && answer == NEWER));
#endif
#if REACH == 6
		assert(!(answer == ENDED && orphan[t] && !revoked));
#endif
		if
		:: answer == NEWER -> t++; answer = NONE; goto SERVED
		:: answer == ENDED -> answer = NONE; goto FOLLOW
				/* ENDED is there, so LOGIN; or NEWER after all */
		fi
	}

NO_ANSWER: /* nothing to store; T may be tried again */
	atomic { UNDERWAY(t, -1); SHUT(t, 0); phase[id] = PAST }
	atomic {
		if
		:: RELEASE(t); phase[id] = AWAY
		OR_DIE
		fi;
		if
		:: IS_GOOD(t) -> goto SERVED
		:: else -> goto BUSY
		fi
	}

LOST:   /* another one calls */
	atomic {
		if
		:: IS_GOOD(t) -> goto SERVED
		:: else -> goto WAIT
		fi
	}

WAIT:   /* get result[T] */
	atomic {
		if
		:: result[t] != NONE -> goto FOLLOW
		:: else
		fi
	}
	/* get lease[T] */
	atomic {
		if
		:: lease[t] == 0 -> goto TRY
		:: else
		fi
	}
	/* look at the clock, sleep, poll again */
	atomic {
		if
#if defined(NO_LIMIT)
		:: goto WAIT
#elif defined(FAIR)
		:: late[id] -> goto BUSY
		:: else -> goto WAIT
#else
		:: goto BUSY                    /* at any time */
		:: goto WAIT
#endif
		fi
	}

SERVED: /* goes on with tokens t; the cookie is written with them */
	atomic {
		P4(t >= floor);
#if REACH == 1
		assert(!(stale && t == 2));
#endif
#if REACH == 3
		assert(t != GENS);
#endif
		goto END
	}

BUSY:   /* 503 with Retry-After; the session is kept */
	atomic {
#if REACH == 5
		assert(result[t] != NONE || orphan[t] || deaths > 0);
#endif
		goto END
	}

LOGIN:  /* the session is over */
	atomic {
		P2(result[t] == ENDED && (orphan[t] || revoked));
		P4(t >= floor);
#if REACH == 4
		assert(!revoked);
#endif
		goto END
	}

END:	atomic {
		P3(lease[0] != id + 1 && lease[GENS - 1] != id + 1);
		goto GONE
	}

DEAD:	/* killed: no step of its own runs any more */
	atomic {
		if
		:: answer == NEWER && (phase[id] == INCALL || phase[id] == SAVING) ->
			orphan[t] = 1
		:: else
		fi;
		if
		:: phase[id] == INCALL -> UNDERWAY(t, -1); SHUT(t, 0)
		:: phase[id] == SAVING -> SHUT(t, 0)
		:: else
		fi;
#if REACH == 2
		died_in_call[t] = (died_in_call[t] || phase[id] == INCALL);
#endif
		goto GONE
	}

GONE:	atomic {
		t = 0; answer = NONE; phase[id] = OVER; ONE_ENDS;
#if PROP == 4
		floor = 0;
#endif
#if REACH == 1
		stale = 0;
#endif
	}
end:	false                   /* the one right place to stop */
}

/* May the lease of holder h (number + 1) run out by time?  See A1. */
#define RAN_OUT(h) (phase[(h) - 1] == OVER || phase[(h) - 1] == PAST \
	|| (MAY_HELD && phase[(h) - 1] == HELD) \
	|| (MAY_CALL && phase[(h) - 1] == INCALL) \
	|| (MAY_SAVE && phase[(h) - 1] == SAVING))
#ifdef STALL_BEFORE
#define MAY_HELD 1
#else
#define MAY_HELD 0
#endif
#ifdef SHORT_LEASE
#define MAY_CALL 1
#else
#define MAY_CALL 0
#endif
#if defined(STALL_AFTER) || defined(SHORT_LEASE)
#define MAY_SAVE 1
#else
#define MAY_SAVE 0
#endif

/* Time, death and Scalekit's own doings.  Every event can happen only a
   bounded number of times, so none can push another aside for ever. */
active proctype World()
{
	byte i;

	/* start all requests at once; spin lets each begin when it likes */
	atomic {
		do
		:: i < NREQ -> run Request(i); i++
		:: else -> break
		od;
		i = 0
	}
end:	do
	/* an access token gets older; the last one never does */
	:: atomic { age[0] < EXPIRED -> age[0]++ }
#if GENS > 1
	:: atomic { used[0] && age[1] < EXPIRED -> age[1]++ }
#endif
#ifndef NO_TTL
	/* a lease runs out */
	:: atomic { lease[0] != 0 && RAN_OUT(lease[0]) -> lease[0] = 0 }
#if GENS > 1
	:: atomic { lease[1] != 0 && RAN_OUT(lease[1]) -> lease[1] = 0 }
#endif
#endif
	/* a call nobody waits for reaches Scalekit after all, or is dropped */
	:: atomic { flying[0] -> flying[0] = 0;
		if :: !revoked -> used[0] = 1; orphan[0] = 1 :: true fi }
#if GENS > 1
	:: atomic { flying[1] -> flying[1] = 0;
		if :: !revoked -> used[1] = 1; orphan[1] = 1 :: true fi }
#endif
#ifndef NO_REVOKE
	/* the session is ended at Scalekit */
	:: atomic { !revoked -> revoked = 1; flying[0] = 0; flying[GENS - 1] = 0 }
#endif
#ifdef FAIR
	/* the 3 s of a request are over */
	:: atomic { !late[0] -> late[0] = 1 }
#if NREQ > 1
	:: atomic { !late[1] -> late[1] = 1 }
#endif
#if NREQ > 2
	:: atomic { !late[2] -> late[2] = 1 }
#endif
#if NREQ > 3
	:: atomic { !late[3] -> late[3] = 1 }
#endif
#endif
#ifdef RESULT_GONE
	/* a result is forgotten while old cookies are about */
	:: atomic { result[0] == NEWER -> result[0] = NONE }
#endif
	od
}

#ifdef FAIR
ltl all_end { <> (ended == NREQ) }
#endif
