// @ts-check
/** Structural sharing: a new JSON value keeps the identity of every part that has not changed. */

/**
 * `next`, with every part that equals the same part of `previous` replaced by it; `previous` itself when all is equal.
 *
 * @template T
 * @param {unknown} previous
 * @param {T} next
 * @returns {T}
 */
export function share(previous, next) {
  if (Object.is(previous, next)) return next;
  if (Array.isArray(previous) && Array.isArray(next)) {
    return /** @type {T} */ (shareItems(previous, next));
  }
  if (isRecord(previous) && isRecord(next)) return /** @type {T} */ (shareFields(previous, next));
  return next;
}

/** @param {unknown[]} previous @param {unknown[]} next */
function shareItems(previous, next) {
  const items = next.map((item, index) => share(previous[index], item));
  const same = items.length === previous.length && items.every((item, i) => Object.is(item, previous[i]));
  return same ? previous : items;
}

/** @param {Record<string, unknown>} previous @param {Record<string, unknown>} next */
function shareFields(previous, next) {
  const fields = Object.entries(next).map(([name, value]) => {
    return /** @type {const} */ ([name, Object.hasOwn(previous, name) ? share(previous[name], value) : value]);
  });
  const same =
    fields.length === Object.keys(previous).length &&
    fields.every(([name, value]) => Object.hasOwn(previous, name) && Object.is(previous[name], value));
  // fromEntries defines own fields, so that a field named __proto__ stays data.
  return same ? previous : Object.fromEntries(fields);
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
export function isRecord(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
