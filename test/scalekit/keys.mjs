// Signing keys: made, rotated, published, and used to sign and check compact JWS.

import { createHash, createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, randomInt, sign, verify } from 'node:crypto';

export const random = (bytes) => randomBytes(bytes).toString('base64url');
export const sha256 = (text) => createHash('sha256').update(text).digest();
// Scalekit's identifiers are a prefix and 17 or 18 digits.
export const newId = (prefix) => `${prefix}_${randomInt(1e8, 1e9)}${randomInt(1e7, 1e8)}`;

// By way of PEM: node 20 stands still for good if it collects the job that made a key while that very key is exported.
export function newKey() {
  const pem = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const [privateKey, publicKey] = [createPrivateKey(pem.privateKey), createPublicKey(pem.publicKey)];
  const { n, e } = publicKey.export({ format: 'jwk' });
  const kid = newId('snk');
  return { kid, privateKey, publicKey, jwk: { use: 'sig', kty: 'RSA', kid, alg: 'RS256', n, e } };
}

// Keys nobody signs with: a modulus of random bits looks like any other and costs nothing.
const idleKey = (use, alg) => {
  const modulus = randomBytes(256);
  modulus[0] |= 0x80;
  modulus[255] |= 1;
  return { use, kty: 'RSA', kid: newId('snk'), alg, n: modulus.toString('base64url'), e: 'AQAB' };
};

export function newKeyRing(key = newKey()) {
  return { current: key, published: [key], all: [key], idle: { enc: idleKey('enc', 'RSA-OAEP-256'), sig: [] } };
}

export function rotate(ring, keepOld) {
  const key = newKey();
  ring.current = key;
  ring.published = keepOld ? [key, ...ring.published] : [key];
  ring.all.push(key);
}

export function keySet({ published, idle }, { empty, encryptionKey, extraKeys }) {
  if (empty) return { keys: [] };
  while (idle.sig.length < extraKeys) idle.sig.push(idleKey('sig', 'RS256'));
  return {
    keys: [
      ...(encryptionKey ? [idle.enc] : []),
      ...idle.sig.slice(0, extraKeys),
      ...published.map((key) => key.jwk),
    ],
  };
}

// Text and bytes are taken as they are: not all that is signed is what JSON.stringify writes.
const encode = (value) => Buffer.from(typeof value === 'string' || Buffer.isBuffer(value) ? value : JSON.stringify(value)).toString('base64url');

// Signs as the header says. `none` and HS256 exist because attackers try them.
export function compact(header, claims, key) {
  const input = `${encode(header)}.${encode(claims)}`;
  if (header.alg === 'none') return `${input}.`;
  const signature = header.alg === 'HS256'
    ? createHmac('sha256', key.publicKey.export({ type: 'spki', format: 'pem' })).update(input).digest()
    : sign('sha256', Buffer.from(input), key.privateKey);
  return `${input}.${signature.toString('base64url')}`;
}

// The claims of a token of ours, expired or not; null if it is not ours.
export function readOwn(ring, token) {
  try {
    const [header, payload, signature] = token.split('.');
    const { kid } = JSON.parse(Buffer.from(header, 'base64url'));
    const key = ring.all.find((candidate) => candidate.kid === kid);
    const signed = verify('sha256', Buffer.from(`${header}.${payload}`), key.publicKey, Buffer.from(signature, 'base64url'));
    return signed ? JSON.parse(Buffer.from(payload, 'base64url')) : null;
  } catch {
    return null;
  }
}
