// @ts-check
/**
 * One subscription: what was asked, and what was answered. Pure; it neither makes frames nor knows the connection.
 *
 * @typedef {import('./index.js').WireError} WireError
 *
 * @typedef {object} Answer
 * @property {unknown} data
 * @property {WireError | null} error
 * @property {boolean} isPending   no definitive answer yet; a latch (P7)
 * @property {string | null} tag   names `data` to the server, for this credential only
 * @property {string | null} version
 *
 * @typedef {object} Subscription
 * @property {number} id         on the wire; another one after a pin
 * @property {string} query
 * @property {Record<string, unknown>} args
 * @property {number} standing   on the present connection: see standing.js
 * @property {Answer} answer     what is shown
 * @property {Answer} staged     what was told, and is shown together with the rest
 */
import { BEHIND, CURRENT } from './standing.js';

/** @type {Answer} */
export const UNANSWERED = { data: null, error: null, isPending: true, tag: null, version: null };

/** An error after which the server cannot say what the data are; it goes on trying. */
const UNDECIDED = 'version_unavailable';
/** The one error that is the answer: there is nothing to show for this viewer. */
const NOT_A_MEMBER = 'not_a_member';

/**
 * Takes in one result of an update frame.
 *
 * @param {Subscription} subscription
 * @param {any} result
 * @param {string} version
 * @returns {boolean} false when the result cannot be what a server says here
 */
export function tell(subscription, { data, tag = null, unchanged, ...result }, version) {
  const base = subscription.staged;
  const error = result.error ? readError(result.error) : null;
  const isUndecided = error?.code === UNDECIDED; // nothing ends by that: the pending state, too, goes on
  if (version < (base.version ?? '') && !isUndecided) return true; // never an older state (P3)
  if (!error && (unchanged ? !tag || tag !== base.tag : data === undefined)) return false;
  const isKept = error ? error.code !== NOT_A_MEMBER : unchanged;
  subscription.staged = {
    ...base,
    ...(isKept ? {} : { data: data ?? null, tag }),
    ...(isUndecided ? {} : { isPending: false, version }),
    error,
  };
  subscription.standing = error && isKept ? BEHIND : CURRENT;
  return true;
}

/** @param {any} evidence @returns {WireError} */
export const readError = ({ code, message }) => ({ status: 0, code, message });
