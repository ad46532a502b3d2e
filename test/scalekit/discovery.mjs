// What a client finds out without asking anyone: metadata and the key set.

import { json } from './http.mjs';
import { keySet } from './keys.mjs';

// Assumed: which fields there are. Only the four paths are proven (the SDKs have them built in).
export const discovery = ({ issuer }) => json(200, {
  issuer,
  authorization_endpoint: `${issuer}/oauth/authorize`,
  token_endpoint: `${issuer}/oauth/token`,
  jwks_uri: `${issuer}/keys`,
  end_session_endpoint: `${issuer}/oidc/logout`,
  scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
  response_types_supported: ['code'],
  response_modes_supported: ['query'],
  grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256'],
  token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic', 'none'],
  code_challenge_methods_supported: ['S256'],
  backchannel_logout_supported: true,
  backchannel_logout_session_supported: true,
});

export const keys = (env) => json(200, keySet(env.keys, env.knobs.keys));
