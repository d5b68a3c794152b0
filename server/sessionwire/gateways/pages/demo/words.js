// @ts-check
/** What the page says: states, reasons and dates in human words. */

/** @type {Record<string, string>} */
const REASONS = {
  signed_out: 'You have signed out.',
  revoked: 'This device was signed out from elsewhere.',
  expired: 'Your session has expired. Please sign in again.',
  password_changed: 'Your password was changed on another device. Please sign in with the new one.',
  banned: 'This account has been suspended.',
  deleted: 'This account no longer exists.',
  protocol_error: 'This page no longer fits the server. Please reload it.',
};

const STATUSES = { connecting: 'Connecting', live: 'Live', stale: 'Stale', closed: 'Closed' };

/** @param {string} reason */
export function wordReason(reason) {
  return REASONS[reason] ?? 'Your session has ended. Please sign in again.';
}

/** @param {keyof typeof STATUSES} status */
export function wordStatus(status) {
  return STATUSES[status];
}

/** @param {string | undefined} name  of the organization that is shown now */
export function wordMove(name) {
  return `Switched elsewhere: you are now in ${name ?? 'no organization'}.`;
}

/** The ends of a version's seconds and of its counter: what differs, and still grows. @param {string | null} version */
export function shortVersion(version) {
  return version === null ? '' : `…${version.slice(4, 8)}.${version.slice(-4)}`;
}

const SYSTEMS = [
  [/iPhone|iPad/, 'iOS'],
  [/Android/, 'Android'],
  [/Windows/, 'Windows'],
  [/Mac OS X|Macintosh/, 'macOS'],
  [/CrOS/, 'ChromeOS'],
  [/Linux/, 'Linux'],
];
const BROWSERS = [
  [/Edg\//, 'Edge'],
  [/OPR\//, 'Opera'],
  [/Firefox\//, 'Firefox'],
  [/Chrome\//, 'Chrome'],
  [/Safari\//, 'Safari'],
  [/curl\//, 'curl'],
  [/python/i, 'Python'],
];

/** @param {string | null} userAgent */
export function wordDevice(userAgent) {
  const text = userAgent ?? '';
  const [browser, system] = [BROWSERS, SYSTEMS].map((names) => {
    return /** @type {[RegExp, string][]} */ (names).find(([pattern]) => pattern.test(text))?.[1];
  });
  if (browser === undefined) return text.slice(0, 40) || 'Unknown device';
  return system === undefined ? browser : `${browser} on ${system}`;
}

/** @param {string | null} userAgent */
export function isPhone(userAgent) {
  return /iPhone|Android.*Mobile/.test(userAgent ?? '');
}

const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const UNITS = /** @type {const} */ ([['day', 86_400], ['hour', 3_600], ['minute', 60]]);

/** @param {string} date @param {number} now milliseconds */
export function wordAge(date, now) {
  const seconds = (Date.parse(date) - now) / 1000;
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size) return RELATIVE.format(Math.round(seconds / size), unit);
  }
  return 'just now';
}

/** @param {string} name */
export function slugOf(name) {
  const plain = name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  return plain.replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 48);
}
