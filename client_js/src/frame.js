// @ts-check
/** Frames as text, and the versions in them (docs/protocol.md#nomenclature). Pure. */
import { isRecord } from './sharing.js';

const VERSION = /^[0-9a-f]{16}$/;

/**
 * @param {unknown} text
 * @returns {Record<string, unknown> | null} null: not a frame
 */
export function parseFrame(text) {
  if (typeof text !== 'string') return null;
  try {
    const frame = JSON.parse(text);
    return isRecord(frame) && typeof frame.op === 'string' ? frame : null;
  } catch {
    return null;
  }
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
