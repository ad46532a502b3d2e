// GET /oauth/authorize: from a browser to a code, with or without a page in between.

import { newCode } from './codes.mjs';
import { sessionCookie } from './environment.mjs';
import { html, redirect, repeated } from './http.mjs';
import { errorPage, loginPage } from './pages.mjs';

const selectors = ['connection_id', 'organization_id', 'domain', 'domain_hint', 'login_hint', 'provider'];

export function authorize(env, { query, ...request }) {
  const stop = unusable(env, query);
  if (stop) return stop;

  const refusal = env.knobs.denyLogin ?? objection(env, query);
  if (refusal) return back(query, refusal);

  const session = env.sessionOf(request);
  const choice = silent(env, query, session);
  if (choice) return approve(env, query, choice, session);
  // Assumed: OpenID Connect's error; Scalekit does not document one.
  if (prompts(query).includes('none')) return back(query, { error: 'login_required', error_description: 'No session' });

  const automatic = automaticUser(env, query);
  if (automatic) return approveUser(env, query, automatic, session);

  return html(200, loginPage(query, choices(env, query, session)));
}

// POST /_login: the stand-in's own login page, sent. The page carries the authorization request along.
export function pickedOnPage(env, { form, ...request }) {
  const query = new URLSearchParams(form.get('request') ?? '');
  const stop = unusable(env, query);
  if (stop) return stop;
  if (form.has('cancel')) return back(query, { error: 'access_denied', error_description: 'The user cancelled' });

  const [userId, organizationId] = (form.get('person') ?? '').split('|');
  const user = env.people.find(userId);
  if (!user || !env.people.membership(user, organizationId)) return errorPage(400, 'No such user', userId);
  return approve(env, query, { user, organizationId }, env.sessionOf(request));
}

// Without a known client and redirect URI there is nowhere to send an error: show a page.
function unusable(env, query) {
  const twice = repeated(query);
  if (twice) return errorPage(400, 'Invalid request', `The parameter ${twice} is there more than once.`);
  if (query.get('client_id') !== env.clientId) return errorPage(400, 'Unknown client', query.get('client_id') ?? '');
  const uri = query.get('redirect_uri') ?? '';
  return env.knobs.redirectUris.includes(uri) ? null : errorPage(400, 'Redirect URI is not registered', uri);
}

// The error texts are assumed; the error names are Scalekit's where it documents one.
function objection({ knobs, people }, query) {
  const invalid = (text, error = 'invalid_request') => ({ error, error_description: text });
  if (query.get('response_type') !== 'code') return invalid('Only code is supported', 'unsupported_response_type');
  if (!(query.get('scope') ?? '').split(' ').includes('openid')) return invalid('Scope lacks openid', 'invalid_scope');
  if (query.has('code_challenge') && query.get('code_challenge_method') !== 'S256') return invalid('Only S256 is supported');
  if (!query.has('code_challenge') && knobs.requirePkce) return invalid('code_challenge is required');
  if (knobs.mode === 'modular' && !selectors.some((name) => query.get(name))) {
    return invalid('No connection was selected', 'invalid_connection_selector');
  }
  const organizationId = query.get('organization_id');
  if (organizationId && !people.organizations.some(({ id }) => id === organizationId)) {
    return invalid('No such organization', 'invalid_organization_id');
  }
  const connectionId = query.get('connection_id');
  if (connectionId && !people.users.some((user) => user.connectionId === connectionId)) {
    return invalid('No such connection', 'invalid_connection_id');
  }
  return null;
}

const prompts = (query) => (query.get('prompt') ?? '').split(' ');

// Who is logged in without being asked, thanks to a session of this browser.
function silent({ people }, query, session) {
  if (!session) return null;
  const { user } = session;
  const asked = prompts(query);
  const hint = query.get('login_hint');
  if (asked.includes('login') || asked.includes('create')) return null;
  if (hint && people.find(hint) !== user) return null; // assumed
  const wanted = query.get('organization_id');
  // With organization_id, select_account jumps straight into that organization.
  if (wanted) return people.membership(user, wanted) ? { user, organizationId: wanted } : null;
  if (asked.includes('select_account') && user.memberships.length > 1) return null;
  return { user, organizationId: session.organizationId };
}

function automaticUser({ knobs, people }, query) {
  const hinted = knobs.honourLoginHint ? people.find(query.get('login_hint')) : null;
  return hinted ?? people.find(knobs.autoLogin);
}

function approveUser(env, query, user, session) {
  const wanted = env.knobs.ignoreOrganization ? null : query.get('organization_id');
  if (wanted && !env.people.membership(user, wanted)) {
    return back(query, { error: 'access_denied', error_description: 'Not a member of this organization' });
  }
  return approve(env, query, { user, organizationId: wanted ?? user.memberships[0].organizationId }, session);
}

// Whom the page offers: one entry for each membership that fits the request.
function choices({ people, knobs }, query, session) {
  const switching = session && prompts(query).includes('select_account');
  const organizationId = knobs.ignoreOrganization ? null : query.get('organization_id');
  const connectionId = query.get('connection_id');
  return people.users
    .filter((user) => (!switching || user === session.user) && (!connectionId || user.connectionId === connectionId))
    .flatMap((user) => user.memberships.map((membership) => ({ user, membership })))
    .filter(({ membership }) => !organizationId || membership.organizationId === organizationId)
    .map((entry) => ({ ...entry, organization: people.organization(entry.membership.organizationId) }));
}

// Assumed: the session, and its sid, stay the same when the same user logs in again or switches organization.
function approve(env, query, { user, organizationId }, oldSession) {
  const session = oldSession?.user === user ? oldSession : env.openSession(user);
  session.organizationId = organizationId;
  const code = newCode(env, {
    redirectUri: query.get('redirect_uri'),
    scope: query.get('scope'),
    nonce: query.get('nonce') ?? undefined,
    challenge: query.get('code_challenge'),
    session,
    organizationId,
    connectionId: query.get('connection_id') ?? user.connectionId,
  });
  return back(query, { code }, { 'Set-Cookie': `${sessionCookie}=${session.cookie}; Path=/; HttpOnly; SameSite=Lax` });
}

const back = (query, parameters, headers) =>
  redirect(query.get('redirect_uri'), { ...parameters, state: query.get('state') }, headers);
