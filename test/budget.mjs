// What a request with a valid session may cost beside the same file without authentication and with the same cookie, in
// instructions of httpd. Counted on Debian 12 on x86-64, with -O2 and -flto: other libraries count otherwise, by a few per cent.

/** What a count may be above its budget: as much as it differs from one count to the next. */
export const TOLERANCE = 0.02;

/** A count that is this much below its budget is a reason to lower it. */
export const SLACK = 0.1;

export const budget = {
  'a cookie': 15_750,
  'nothing exported': 14_400,
  'exported as headers': 16_400,
  '20 permissions': 16_000,
  'ten Require lines': 19_000,
  'mod_session_crypto': 16_850,
  'the store': 17_050,
  'the store, 200 permissions': 17_500,
  'a public page': 12_700,
  'a cookie, not remembered': 27_700,
  'the store, not remembered': 52_300,
};
