// @ts-check
/** Structural sharing: a new JSON value keeps the identity of every part that has not changed. */

/**
 * `next`, with every part that equals the same part of `previous` replaced by it; `previous` itself when all is equal.
 *
 * @template T
 * @param {any} previous
 * @param {T} next
 * @returns {T}
 */
export function share(previous, next) {
  const isList = Array.isArray(next);
  const isComparable = isList ? Array.isArray(previous) : isRecord(previous) && isRecord(next);
  if (!isComparable || previous === next) return next;
  const { hasOwn } = Object;
  const parts = Object.entries(/** @type {object} */ (next)).map(([name, value]) => {
    return /** @type {const} */ ([name, hasOwn(previous, name) ? share(previous[name], value) : value]);
  });
  const isSame =
    parts.length === Object.keys(previous).length &&
    parts.every(([name, value]) => hasOwn(previous, name) && Object.is(previous[name], value));
  if (isSame) return previous;
  // fromEntries defines own fields, so that a field named __proto__ stays data.
  return /** @type {any} */ (isList ? parts.map(([, value]) => value) : Object.fromEntries(parts));
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, any>}
 */
export function isRecord(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
