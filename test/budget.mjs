// What a request with a valid session may cost beside the same file without authentication and with the same cookie, in
// instructions of httpd. Counted on Debian 12 on x86-64, with -O2: other libraries count otherwise, by a few per cent.

/** What a count may be above its budget: as much as it differs from one count to the next. */
export const TOLERANCE = 0.02;

/** A count that is this much below its budget is a reason to lower it. */
export const SLACK = 0.1;

export const budget = {
  'a cookie': 47_500,
  'nothing exported': 45_000,
  'exported as headers': 51_000,
  '20 permissions': 54_000,
  'ten Require lines': 57_000,
  'mod_session_crypto, remembered': 50_500,
  'the store': 67_000,
  'the store, 200 permissions': 157_000,
  'a public page': 20_000,
};
