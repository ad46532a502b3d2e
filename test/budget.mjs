// What a request with a valid session may cost beside the same file without authentication and with the same cookie, in
// instructions of httpd. Counted on Debian 12 on x86-64, with -O2 and -flto: other libraries count otherwise, by a few per cent.

/** What a count may be above its budget: as much as it differs from one count to the next. */
export const TOLERANCE = 0.02;

/** A count that is this much below its budget is a reason to lower it. */
export const SLACK = 0.1;

export const budget = {
  'a cookie': 18_900,
  'nothing exported': 17_700,
  'exported as headers': 19_800,
  '20 permissions': 19_800,
  'ten Require lines': 22_600,
  'mod_session_crypto': 20_400,
  'the store': 20_700,
  'the store, 200 permissions': 21_800,
  'a public page': 14_900,
  'a cookie, not remembered': 39_000,
  'the store, not remembered': 54_500,
};
