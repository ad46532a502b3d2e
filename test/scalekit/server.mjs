#!/usr/bin/env node
// The stand-in as a command. node server.mjs --help

import { parseArgs } from 'node:util';
import { startScalekit } from './index.mjs';

const usage = `Usage: node server.mjs [options]
  --port N                          default 9090
  --host ADDRESS                    a loopback address, default 127.0.0.1
  --client-id ID, --client-secret SECRET
  --redirect-uri URL                may be repeated, default http://127.0.0.1:8080/auth/callback
  --post-logout-redirect-uri URL    may be repeated, default http://127.0.0.1:8080/
  --back-channel-logout-uri URL     may be repeated
  --set JSON                        knobs, see README.md: --set '{"autoLogin":"ada@acme.test"}'
  --help`;

const text = { type: 'string' };
const list = { type: 'string', multiple: true };
const { values } = parseArgs({
  options: {
    port: { ...text, default: '9090' },
    host: text,
    'client-id': text,
    'client-secret': text,
    'redirect-uri': { ...list, default: ['http://127.0.0.1:8080/auth/callback'] },
    'post-logout-redirect-uri': { ...list, default: ['http://127.0.0.1:8080/'] },
    'back-channel-logout-uri': { ...list, default: [] },
    set: { ...text, default: '{}' },
    help: { type: 'boolean' },
  },
});

if (values.help) {
  console.log(usage);
} else {
  const scalekit = await startScalekit({
    port: Number(values.port),
    host: values.host,
    clientId: values['client-id'],
    clientSecret: values['client-secret'],
    redirectUris: values['redirect-uri'],
    postLogoutRedirectUris: values['post-logout-redirect-uri'],
    backChannelLogoutUris: values['back-channel-logout-uri'],
    ...JSON.parse(values.set),
  });
  console.log(`Scalekit stand-in: ${scalekit.url}`);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => scalekit.close());
}
