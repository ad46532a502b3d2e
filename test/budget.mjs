// What a request with a valid session may cost beside the same file without authentication and with the same cookie, in
// instructions of httpd. Counted on Debian 12 on x86-64, with -O2: other libraries count otherwise, by a few per cent.

/** What a count may be above its budget: as much as it differs from one count to the next. */
export const TOLERANCE = 0.02;

/** A count that is this much below its budget is a reason to lower it. */
export const SLACK = 0.1;

export const budget = {
  'a cookie': 24_000,
  'nothing exported': 22_500,
  'exported as headers': 25_000,
  '20 permissions': 25_000,
  'ten Require lines': 28_000,
  'mod_session_crypto': 26_500,
  'the store': 32_000,
  'the store, 200 permissions': 36_000,
  'a public page': 17_500,
  'a cookie, not remembered': 43_000,
  'the store, not remembered': 60_500,
};
