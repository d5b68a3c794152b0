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
 * @property {number} id
 * @property {string} query
 * @property {Record<string, unknown>} args
 * @property {Standing} standing
 * @property {Answer} answer         what is shown
 * @property {Answer | null} staged  what was told, and waits to be shown together with the rest
 * @property {import('./index.js').State<unknown> | null} shown
 */
import { isRecord, share } from './sharing.js';

/** @type {Answer} */
const UNANSWERED = Object.freeze({ data: null, error: null, isPending: true, tag: null, version: '' });

/** Errors after which the server cannot say what the data are; it goes on trying. */
const UNDECIDED = 'version_unavailable';
/** Errors that are the answer: there is nothing to show for this viewer. */
const DEFINITIVE = new Set(['not_a_member']);

/**
 * @param {number} id
 * @param {string} query
 * @param {Record<string, unknown>} args
 * @returns {Subscription}
 */
export function createSubscription(id, query, args) {
  return { id, query, args, standing: 'unasked', answer: UNANSWERED, staged: null, shown: null };
}

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
  if ('error' in result) return tellError(subscription, base, result.error, version);
  if (version < base.version) return true; // never an older state (P3)
  const told = { error: null, isPending: false, version };
  if (result.unchanged === true) {
    if (base.tag === null || result.tag !== base.tag) return false;
    subscription.staged = { ...base, ...told };
  } else {
    if (!('data' in result)) return false;
    const tag = typeof result.tag === 'string' ? result.tag : null;
    subscription.staged = { ...told, data: share(subscription.answer.data, result.data), tag };
  }
  subscription.standing = 'current';
  return true;
}

/**
 * @param {Subscription} subscription
 * @param {Answer} base
 * @param {unknown} evidence
 * @param {string} version
 */
function tellError(subscription, base, evidence, version) {
  const error = readError(evidence);
  if (error.code === UNDECIDED) {
    // Nothing is decided, so nothing ends: the pending state, too, goes on.
    subscription.staged = { ...base, error };
    subscription.standing = 'behind';
  } else if (version >= base.version) {
    const definitive = DEFINITIVE.has(error.code);
    const data = definitive ? null : base.data;
    subscription.staged = { data, error, isPending: false, tag: definitive ? null : base.tag, version };
    subscription.standing = definitive ? 'current' : 'behind';
  }
  return true;
}

/**
 * The subscribe frame was refused: this query has no answer.
 *
 * @param {Subscription} subscription
 * @param {WireError} error
 */
export function refuse(subscription, error) {
  subscription.staged = { ...subscription.answer, error, isPending: false };
  subscription.standing = 'refused';
}

/**
 * The viewer is gone: nothing to show, and that is definitive.
 *
 * @param {Subscription} subscription
 */
export function clear(subscription) {
  const { version } = subscription.answer;
  subscription.answer = { data: null, error: null, isPending: false, tag: null, version };
  subscription.staged = null;
}

/**
 * Whether a subscription shows what an earlier connection said and this one has not yet confirmed.
 *
 * @param {Subscription} subscription
 */
export function isUnconfirmed({ standing, answer }) {
  return !answer.isPending && (standing === 'asked' || standing === 'unasked');
}

/**
 * @param {unknown} evidence
 * @returns {WireError}
 */
export function readError(evidence) {
  const { code, message } = isRecord(evidence) ? evidence : {};
  return {
    status: 0,
    code: typeof code === 'string' ? code : 'unknown_error',
    message: typeof message === 'string' ? message : '',
  };
}

/**
 * Whether nobody needs to hear of the difference; a newer version of equal data is none.
 *
 * @param {import('./index.js').State<unknown>} one
 * @param {import('./index.js').State<unknown>} other
 */
export function isSame(one, other) {
  return (
    one.data === other.data &&
    one.isPending === other.isPending &&
    one.status === other.status &&
    one.stale === other.stale &&
    one.reason === other.reason &&
    one.error?.code === other.error?.code &&
    one.error?.message === other.error?.message
  );
}
