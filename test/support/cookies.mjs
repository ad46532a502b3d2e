// A browser's cookie jar (RFC 6265 as browsers do it today). SameSite is noted, not enforced.

const LARGEST = 4096; // name and value; browsers drop a larger cookie without a word
const LONGEST_ATTRIBUTE = 1024;

function isLoopback(hostname) {
  return hostname === 'localhost' || hostname.endsWith('.localhost') || hostname === '[::1]' || /^127\./.test(hostname);
}

/** What browsers call potentially trustworthy: they send Sec-Fetch-* headers only there. */
export function isTrustworthy(url) {
  return url.protocol === 'https:' || isLoopback(url.hostname);
}

function isAddress(hostname) {
  return hostname.startsWith('[') || /^[\d.]+$/.test(hostname);
}

function domainMatches(hostname, domain) {
  return hostname === domain || (hostname.endsWith(`.${domain}`) && !isAddress(hostname));
}

function pathMatches(path, prefix) {
  return path === prefix || (path.startsWith(prefix) && (prefix.endsWith('/') || path[prefix.length] === '/'));
}

function parse(line) {
  const [pair, ...rest] = line.split(';');
  const equals = pair.indexOf('=');
  const cookie = { name: pair.slice(0, Math.max(equals, 0)).trim(), value: pair.slice(equals + 1).trim(), attributes: {} };
  for (const part of rest) {
    const [name] = part.split('=', 1);
    const value = part.slice(name.length + 1).trim();
    if (value.length <= LONGEST_ATTRIBUTE) cookie.attributes[name.trim().toLowerCase()] = value;
  }
  return cookie;
}

function expiry({ 'max-age': maxAge, expires }) {
  if (/^-?\d+$/.test(maxAge ?? '')) return Date.now() + Number(maxAge) * 1000;
  const date = Date.parse(expires ?? '');
  return Number.isNaN(date) ? Infinity : date;
}

export class CookieJar {
  /** secureOnLoopback: keep Secure and __Host- cookies that come over plain http from localhost, as Chromium does. */
  constructor({ secureOnLoopback = true } = {}) {
    this.secureOnLoopback = secureOnLoopback;
    this.clear();
  }

  clear() {
    this.cookies = [];
    this.refused = []; // { line, why }: what a browser would have dropped silently
    this.count = 0;
  }

  #isSecure(url) {
    return url.protocol === 'https:' || (this.secureOnLoopback && isLoopback(url.hostname));
  }

  /** Takes one Set-Cookie line from this URL. */
  set(from, line) {
    const url = new URL(from);
    const cookie = parse(line);
    const why = this.#refusal(url, cookie, line);
    if (why) {
      this.refused.push({ line, why });
      return;
    }
    const { attributes } = cookie;
    const domain = attributes.domain?.replace(/^\./, '').toLowerCase();
    const stored = {
      name: cookie.name,
      value: cookie.value,
      attributes,
      domain: domain || url.hostname,
      hostOnly: !domain || domain === url.hostname,
      path: attributes.path?.startsWith('/') ? attributes.path : url.pathname.replace(/\/[^/]*$/, '') || '/',
      secure: 'secure' in attributes,
      httpOnly: 'httponly' in attributes,
      expires: expiry(attributes),
    };
    const old = this.cookies.find((one) => one.name === stored.name && one.domain === stored.domain && one.path === stored.path);
    if (old) this.cookies.splice(this.cookies.indexOf(old), 1);
    this.count += 1;
    stored.order = old?.order ?? this.count;
    if (stored.expires > Date.now()) this.cookies.push(stored);
  }

  #refusal(url, { name, value, attributes }, line) {
    const domain = attributes.domain?.replace(/^\./, '').toLowerCase();
    const secure = 'secure' in attributes;
    if (/[\x00-\x08\x0a-\x1f\x7f]/.test(line)) return 'control character';
    if (!name && !value) return 'empty';
    if (Buffer.byteLength(name) + Buffer.byteLength(value) > LARGEST) return 'too large';
    if (domain && !domainMatches(url.hostname, domain)) return 'foreign domain';
    if (domain && !domain.includes('.') && domain !== url.hostname) return 'public suffix';
    if (secure && !this.#isSecure(url)) return 'Secure over http';
    if (/^__(secure|host)-/i.test(name) && !secure) return 'prefix needs Secure';
    if (/^__host-/i.test(name) && (domain || attributes.path !== '/')) return '__Host- needs Path=/ and no Domain';
    if (!this.#isSecure(url) && this.cookies.some((old) => old.secure && old.name === name
      && (domainMatches(old.domain, domain || url.hostname) || domainMatches(domain || url.hostname, old.domain)))) {
      return 'would overwrite a Secure cookie';
    }
    return undefined;
  }

  /** The cookies that go to this URL, in the order of the Cookie header; without a URL, all. */
  list(to) {
    this.cookies = this.cookies.filter((cookie) => cookie.expires > Date.now());
    if (to === undefined) return [...this.cookies];
    const url = new URL(to);
    return this.cookies
      .filter((cookie) => (cookie.hostOnly ? url.hostname === cookie.domain : domainMatches(url.hostname, cookie.domain)))
      .filter((cookie) => pathMatches(url.pathname, cookie.path) && (!cookie.secure || this.#isSecure(url)))
      .sort((a, b) => b.path.length - a.path.length || a.order - b.order);
  }

  header(to) {
    return this.list(to).map(({ name, value }) => (name ? `${name}=${value}` : value)).join('; ');
  }

  /** The cookie of this name (a string, or a pattern), if there is one. */
  get(name) {
    return this.list().find((cookie) => (typeof name === 'string' ? cookie.name === name : name.test(cookie.name)));
  }

  /** Forgets the cookies of this name. */
  remove(name) {
    this.cookies = this.cookies.filter((cookie) => cookie.name !== name);
  }
}
