// Tokens that a client must refuse (or, in a few cases, survive). Each changes a draft of
// { header, claims, key } before it is signed.

import { newId, newKey, random } from './keys.mjs';

let stranger; // a key that was never published; it takes a moment to make
export const strangersKey = () => (stranger ??= newKey());

const named = {
  algNone: ({ header }) => { header.alg = 'none'; },
  hs256: ({ header }) => { header.alg = 'HS256'; },
  wrongKid: ({ header }) => { header.kid = newId('snk'); },
  noKid: ({ header }) => { delete header.kid; },
  crit: ({ header }) => { header.crit = ['unheard-of']; header['unheard-of'] = true; },
  otherKey: (draft) => { draft.key = strangersKey(); },
  badSignature: (draft) => { draft.breakSignature = true; },
  wrongIssuer: ({ claims }) => { claims.iss = 'https://other.scalekit.test'; },
  wrongAudience: ({ claims }) => { claims.aud = ['skc_99999999999999999']; },
  wrongAzp: ({ claims }) => { claims.azp = 'skc_99999999999999999'; },
  wrongNonce: ({ claims }) => { claims.nonce = random(32); },
  noNonce: ({ claims }) => { delete claims.nonce; },
  wrongAtHash: ({ claims }) => { claims.at_hash = random(16); },
  expired: ({ claims }) => { claims.exp = claims.iat - 3600; },
  noExp: ({ claims }) => { delete claims.exp; },
  stringExp: ({ claims }) => { claims.exp = String(claims.exp); },
  futureNbf: ({ claims }) => { claims.nbf = claims.iat + 3600; },
  futureIat: ({ claims }) => { claims.iat += 3600; },
  noSub: ({ claims }) => { delete claims.sub; },
  otherSub: ({ claims }) => { claims.sub = newId('usr'); },
  otherOid: ({ claims }) => { claims.oid = newId('org'); },
};

export const mutationNames = Object.keys(named);

// { apply: [names], header: {...}, claims: {...}, omit: [claim names] }, in that order.
export function mutate(draft, { apply = [], header = {}, claims = {}, omit = [] }) {
  for (const name of apply) named[name](draft);
  Object.assign(draft.header, header);
  Object.assign(draft.claims, claims);
  for (const name of omit) delete draft.claims[name];
}
