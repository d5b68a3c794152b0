// @ts-check
/** What is shown, as the part of the address behind #; pure. */

/** @typedef {import('./facts.js').Shown} Shown */

/** @param {string} hash @returns {Shown | null} null: nothing in particular */
export function shownAt(hash) {
  const named = new URLSearchParams(hash.replace(/^#/, ''));
  const [version, id] = [named.get('trace'), named.get('connection')];
  if (version !== null && /^[0-9a-f]{16}$/.test(version)) return { kind: 'trace', version, connection: id };
  if (id !== null && id !== '') return { kind: 'connection', id };
  return named.has('process') ? { kind: 'process' } : null;
}

/** @param {Shown | null} shown */
export function hashOf(shown) {
  if (shown === null) return '';
  if (shown.kind === 'process') return '#process';
  if (shown.kind === 'connection') return `#connection=${shown.id}`;
  return `#trace=${shown.version}${shown.connection === null ? '' : `&connection=${shown.connection}`}`;
}
