// Permissions for sessions of any size.

import { createHash } from 'node:crypto';

/** So many whose names have nothing in common: to compress a session does not make it much smaller. */
export const unlike = (count) => Array.from({ length: count }, (_, i) => `${createHash('sha256').update(String(i)).digest('base64url').slice(0, 20)}:do`);
