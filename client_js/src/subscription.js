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
 * @property {string} version      '' before the first result
 *
 * Where a subscription stands on the present connection:
 *   unasked ──subscribe──▶ asked ──result──▶ current ⇄ behind (the server cannot vouch for the data)
 *                            └────error────▶ refused
 * @typedef {'unasked' | 'asked' | 'current' | 'behind' | 'refused'} Standing
 *
 * @typedef {object} Subscription
 * @property {number} id            on the wire; another one after a pin
 * @property {string} query
 * @property {Record<string, unknown>} args
 * @property {Standing} standing
 * @property {Answer} answer         what is shown
 * @property {Answer | null} staged  what was told, and waits to be shown together with the rest
 */
import { isRecord, share } from './sharing.js';

/** @type {Answer} */
export const UNANSWERED = { data: null, error: null, isPending: true, tag: null, version: '' };

/** An error after which the server cannot say what the data are; it goes on trying. */
const UNDECIDED = 'version_unavailable';
/** An error that is the answer: there is nothing to show for this viewer. */
export const NOT_A_MEMBER = 'not_a_member';

/**
 * Takes in one result of an update frame.
 *
 * @param {Subscription} subscription
 * @param {Record<string, unknown>} result
 * @param {string} version
 * @returns {boolean} false when the result cannot be what a server says here
 */
export function tell(subscription, result, version) {
  const base = subscription.staged ?? subscription.answer;
  const { data, tag } = result;
  const error = 'error' in result ? readError(result.error) : null;
  const isUndecided = error?.code === UNDECIDED;
  if (version < base.version && !isUndecided) return true; // never an older state (P3)
  /** @type {Answer} */
  let told = { ...base, error, isPending: false, version };
  if (isUndecided) told = { ...base, error }; // nothing is decided, so nothing ends: the pending state, too, goes on
  else if (error?.code === NOT_A_MEMBER) told = { ...told, data: null, tag: null };
  else if (!error && result.unchanged) {
    if (base.tag === null || tag !== base.tag) return false;
  } else if (!error) {
    if (data === undefined) return false;
    told = { ...told, data: share(subscription.answer.data, data), tag: typeof tag === 'string' ? tag : null };
  }
  subscription.staged = told;
  subscription.standing = error && error.code !== NOT_A_MEMBER ? 'behind' : 'current';
  return true;
}

/**
 * @param {unknown} evidence
 * @returns {WireError}
 */
export function readError(evidence) {
  const { code = 'unknown_error', message = '' } = isRecord(evidence) ? evidence : {};
  return { status: 0, code: String(code), message: String(message) };
}
