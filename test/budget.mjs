// What a request with a valid session may cost beside the same file without authentication and with the same cookie, in
// instructions of httpd. Counted on Debian 12 on x86-64, with -O2 and -flto: other libraries count otherwise, by a few per cent.

/** What a count may be above its budget: as much as it differs from one count to the next. */
export const TOLERANCE = 0.02;

/** A count that is this much below its budget is a reason to lower it. */
export const SLACK = 0.1;

export const budget = {
  'a cookie': 15_900,
  'nothing exported': 14_550,
  'exported as headers': 16_550,
  '20 permissions': 16_150,
  'ten Require lines': 19_150,
  'mod_session_crypto': 17_000,
  'the store': 17_200,
  'the store, 200 permissions': 17_650,
  'a public page': 12_850,
  'a cookie, not remembered': 27_800,
  'the store, not remembered': 52_500,
};
