// An application behind the proxy: it shows the request that it got. It knows nothing of logins; httpd tells it, in
// headers, who asks.

import http from 'node:http';

const escapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (text) => text.replace(/[&<>"']/g, (character) => escapes[character]);

const rows = (headers) => headers.sort().map(([name, value]) =>
  `<tr><th scope="row">${escape(name)}</th><td>${escape(value)}</td></tr>`).join('\n');

function page(headers) {
  const entries = Object.entries(headers);
  const ours = entries.filter(([name]) => name.startsWith('x-scalekit-'));
  const others = entries.filter(([name]) => !name.startsWith('x-scalekit-'));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Application</title>
<link rel="stylesheet" href="/demo.css">
<link rel="icon" href="data:,">
</head>
<body>
<header>
<strong>${escape(headers['x-scalekit-name'] ?? headers['x-scalekit-sub'] ?? 'nobody')}</strong>
<nav>
<a href="/">Home</a>
<a href="/dashboard">Dashboard</a>
<a href="/organization/settings">Organization settings</a>
<a href="/application/">Application</a>
<a href="/logout">Sign out</a>
</nav>
</header>
<main>
<h1>Application</h1>
<p>A node program behind <code>ProxyPass</code>. It can believe the first table, because httpd removes such headers from
what browsers send. The session cookie stays with httpd.</p>
<table><caption>Who asks</caption>
${rows(ours)}
</table>
<table><caption>The other headers of the request</caption>
${rows(others)}
</table>
</main>
</body>
</html>
`;
}

const server = http.createServer((request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' });
  response.end(page(request.headers));
});

server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
