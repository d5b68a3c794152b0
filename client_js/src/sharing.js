// @ts-check
/** Structural sharing: a new JSON value keeps the identity of every part that has not changed. */
import { isRecord } from './frame.js';

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
  const old = new Map(Object.entries(previous));
  const parts = Object.entries(/** @type {object} */ (next)).map(([name, value]) => [name, share(old.get(name), value)]);
  if (parts.length === old.size && parts.every(([name, part]) => old.has(name) && old.get(name) === part)) return previous;
  // fromEntries defines own fields, so that a field named __proto__ stays data.
  return /** @type {any} */ (isList ? parts.map(([, part]) => part) : Object.fromEntries(parts));
}
