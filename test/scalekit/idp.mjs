// GET /initiate-login: what happens when somebody starts at the identity provider's portal. The stand-in's
// own trigger; Scalekit itself then redirects to the application's login URL with a signed request.
// Parameters: login_url (required), and user, organization_id, connection_id, login_hint, relay_state, or
// error and error_description.

import { redirect } from './http.mjs';
import { errorPage } from './pages.mjs';
import { idpInitiatedClaims, issue } from './tokens.mjs';

export function initiateLogin(env, { query }) {
  const loginUrl = query.get('login_url') ?? '';
  if (!/^https?:\/\//.test(loginUrl)) return errorPage(400, 'login_url is missing', loginUrl);
  if (query.has('error')) {
    return redirect(loginUrl, { error: query.get('error'), error_description: query.get('error_description') });
  }
  const user = env.people.find(query.get('user')) ?? env.people.users[0];
  return redirect(loginUrl, {
    idp_initiated_login: idpInitiatedToken(env, {
      organizationId: query.get('organization_id') ?? user.memberships[0].organizationId,
      connectionId: query.get('connection_id') ?? user.connectionId,
      loginHint: query.get('login_hint') ?? user.email,
      relayState: query.get('relay_state') ?? undefined,
    }),
  });
}

export const idpInitiatedToken = (env, content) => issue(env, 'idp', idpInitiatedClaims(env, content));
