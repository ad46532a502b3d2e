// What a request with a valid session may cost beside the same file without authentication and with the same cookie, in
// instructions of httpd. Counted on Debian 12 on x86-64, with -O2: other libraries count otherwise, by a few per cent.

/** What a count may be above its budget: as much as it differs from one count to the next. */
export const TOLERANCE = 0.02;

/** A count that is this much below its budget is a reason to lower it. */
export const SLACK = 0.1;

export const budget = {
  'a cookie': 313_000,
  'nothing exported': 305_000,
  'exported as headers': 320_000,
  '20 permissions': 373_000,
  'ten Require lines': 376_000,
  'mod_session_crypto, remembered': 265_000,
  'the store': 302_000,
  'the store, 200 permissions': 932_000,
  'a public page': 251_000,
};
