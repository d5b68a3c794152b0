// @ts-check
/** How numbers, times, ids and versions are written; pure. */

const TIME = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
});
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const NUMBER = new Intl.NumberFormat();

/** @param {string | number} date  ISO 8601, or milliseconds */
export function timeOf(date) {
  return TIME.format(typeof date === 'number' ? date : Date.parse(date));
}

/** @param {string} date */
export function dayOf(date) {
  return DAY.format(Date.parse(date));
}

/** @param {number} number */
export function count(number) {
  return NUMBER.format(number);
}

/** @param {number} number @param {string} one @param {string} [several] */
export function many(number, one, several = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : several}`;
}

/** Three digits that matter, in the unit that fits. @param {number} milliseconds */
export function span(milliseconds) {
  const size = Math.abs(milliseconds);
  if (size < 10) return `${milliseconds.toFixed(size < 1 ? 2 : 1)} ms`;
  if (size < 1000) return `${Math.round(milliseconds)} ms`;
  if (size < 60_000) return `${(milliseconds / 1000).toFixed(size < 10_000 ? 1 : 0)} s`;
  if (size < 3_600_000) return `${Math.floor(milliseconds / 60_000)} min`;
  return `${(milliseconds / 3_600_000).toFixed(1)} h`;
}

/** @param {number} milliseconds since the receipt */
export function later(milliseconds) {
  return `${milliseconds < 0 ? '−' : '+'}${span(Math.abs(milliseconds))}`;
}

/** The ends of a version's seconds and of its counter: what differs, and still grows. @param {string} version */
export function shortVersion(version) {
  return `…${version.slice(4, 8)}.${version.slice(-4)}`;
}

/** The end of an id, which differs where the beginning is a time. @param {string} id */
export function shortId(id) {
  return id.length > 12 ? `…${id.slice(-8)}` : id;
}

/** @param {readonly string[]} parts @returns {string} one, two and three */
export function listed(parts) {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}
