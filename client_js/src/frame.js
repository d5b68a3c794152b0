// @ts-check
/** JSON text, and the versions in it (docs/protocol.md#nomenclature). Pure. */

const VERSION = /^[0-9a-f]{16}$/;

/**
 * @param {any} text
 * @returns {any} undefined: not JSON
 */
export function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * JSON with sorted fields: equal values give equal text.
 *
 * @param {unknown} value
 * @returns {string}
 */
export function canonical(value) {
  return JSON.stringify(value, (_, part) => {
    return isRecord(part) ? Object.fromEntries(Object.entries(part).sort()) : part;
  });
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, any>}
 */
export function isRecord(value) {
  return Object(value) === value && !Array.isArray(value);
}

/**
 * @param {unknown} value
 * @returns {value is string}
 */
export function isVersion(value) {
  return typeof value === 'string' && VERSION.test(value);
}

/**
 * The newer of two versions; '' is older than any.
 *
 * @param {string} one
 * @param {string} other
 */
export function newer(one, other) {
  return one > other ? one : other;
}
