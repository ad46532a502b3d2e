// The pages a person sees. No scripts, nothing loaded from elsewhere.

import { html } from './http.mjs';

const escapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (text) => String(text).replace(/[&<>"']/g, (character) => escapes[character]);

const style = `
  :root { color-scheme: light dark; --text: #1b1f2a; --soft: #545b6b; --page: #f3f4f8; --card: #fff;
    --line: #d4d8e2; --accent: #3346c8; --tag: #e9ecf8; }
  @media (prefers-color-scheme: dark) { :root { --text: #eceef4; --soft: #a9b0c0; --page: #14161d;
    --card: #1e212b; --line: #383d4c; --accent: #a3b1ff; --tag: #2b3042; } }
  * { box-sizing: border-box; }
  body { margin: 0; padding: 3rem 1rem; background: var(--page); color: var(--text);
    font: 1rem/1.5 system-ui, sans-serif; }
  main { max-width: 30rem; margin: 0 auto; padding: 2rem; background: var(--card);
    border: 1px solid var(--line); border-radius: .75rem; }
  h1 { margin: 0 0 .25rem; font-size: 1.5rem; line-height: 1.25; }
  p { margin: 0 0 1.5rem; color: var(--soft); overflow-wrap: anywhere; }
  ul { list-style: none; margin: 0 0 1.5rem; padding: 0; display: grid; gap: .75rem; }
  button { font: inherit; color: inherit; background: none; cursor: pointer; border: 1px solid var(--line);
    border-radius: .5rem; padding: .5rem 1rem; }
  button:hover, button:focus-visible { border-color: var(--accent); }
  button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
  .person { width: 100%; padding: .875rem 1rem; text-align: left; }
  .person span { display: block; }
  .name { font-weight: 600; }
  .soft { color: var(--soft); font-size: .9rem; overflow-wrap: anywhere; }
  .person .tags { display: flex; flex-wrap: wrap; gap: .25rem .375rem; margin-top: .5rem; }
  .tags span { padding: 0 .5rem; border-radius: .25rem; background: var(--tag); font-size: .85rem; }
  .tags .role { font-weight: 600; }
  footer { max-width: 30rem; margin: 1rem auto 0; text-align: center; color: var(--soft); font-size: .85rem; }
`;

export const page = (title, content) => `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
${content}
</main>
<footer>A stand-in for Scalekit, for tests and demonstrations. Everyone here is made up.</footer>
</body>
</html>
`;

export const errorPage = (status, title, detail) =>
  html(status, page(title, `<h1>${escape(title)}</h1>\n<p>${escape(detail)}</p>`));

const tags = (names, className) => names.map((name) => `<span class="${className}">${escape(name)}</span>`).join(' ');

const person = ({ user, membership, organization }, index) => `<li>
<button class="person" name="person" value="${escape(`${user.id}|${organization.id}`)}"
  aria-labelledby="name${index}" aria-describedby="about${index}">
<span class="name" id="name${index}">${escape(user.name)}</span>
<span id="about${index}"><span class="soft">${escape(user.email)} at ${escape(organization.name)}</span>
<span class="tags">${tags(membership.roles, 'role')} ${tags(membership.permissions, 'permission')}</span></span>
</button>
</li>`;

// `people` are { user, membership, organization }; `query` is the authorization request, carried along.
export function loginPage(query, people) {
  const title = query.get('prompt') === 'create' ? 'Sign up' : 'Sign in';
  const intro = people.length
    ? `Choose who you are. You will go on to ${escape(new URL(query.get('redirect_uri')).host)}.`
    : 'Nobody can sign in with this organization or connection.';
  return page(title, `<h1>${title}</h1>
<p>${intro}</p>
<form method="post" action="/_login">
<input type="hidden" name="request" value="${escape(query)}">
<ul>
${people.map(person).join('\n')}
</ul>
<button name="cancel" value="yes">Cancel</button>
</form>`);
}

export const welcomePage = (env) => page('Scalekit stand-in', `<h1>Scalekit stand-in</h1>
<p>Environment ${escape(env.issuer)}, client ${escape(env.clientId)}. Applications send their visitors to /oauth/authorize;
nothing is to be done here. What it was asked so far: <a href="/_control">/_control</a>.</p>`);
