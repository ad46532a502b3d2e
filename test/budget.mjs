// What a request with a valid session may cost beside the same file without authentication and with the same cookie, in
// instructions of httpd. Counted on Debian 12 on x86-64, with -O2 and -flto: other libraries count otherwise, by a few per cent.

/** What a count may be above its budget: as much as it differs from one count to the next. */
export const TOLERANCE = 0.02;

/** A count that is this much below its budget is a reason to lower it. */
export const SLACK = 0.1;

export const budget = {
  'a cookie': 17_950,
  'nothing exported': 16_700,
  'exported as headers': 18_800,
  '20 permissions': 18_500,
  'ten Require lines': 21_300,
  'mod_session_crypto': 19_800,
  'the store': 19_500,
  'the store, 200 permissions': 20_700,
  'a public page': 14_700,
  'a cookie, not remembered': 37_900,
  'the store, not remembered': 52_900,
};
