// @ts-check
/** All subscriptions of a client, and what of them is on show. Pure; it does not know why a connection came or went. */
import { clear, createSubscription, isSame, isUnconfirmed } from './subscription.js';

/**
 * @typedef {import('./index.js').State<unknown>} State
 * @typedef {import('./index.js').WireError} WireError
 * @typedef {import('./subscription.js').Subscription} Subscription
 */

export class Subscriptions {
  /** @type {Map<number, Subscription>} */
  #byId = new Map();

  /**
   * @param {number} id
   * @param {string} query
   * @param {Record<string, unknown>} args
   */
  add(id, query, args) {
    const subscription = createSubscription(id, query, args);
    this.#byId.set(id, subscription);
    return subscription;
  }

  /** @param {unknown} id */
  get(id) {
    return this.#byId.get(/** @type {number} */ (id));
  }

  /** @param {number} id */
  delete(id) {
    this.#byId.delete(id);
  }

  [Symbol.iterator]() {
    return this.#byId.values();
  }

  /** The subscription that shows who is signed in. */
  get session() {
    for (const subscription of this) {
      if (subscription.query === 'session' && Object.keys(subscription.args).length === 0) return subscription;
    }
    return undefined;
  }

  /**
   * Shows what was told. On a new connection only when everything on show is confirmed: it may answer for another
   * user or organization, and two of them must never be seen side by side (P2).
   */
  settle() {
    if ([...this].some(isUnconfirmed)) return;
    for (const subscription of this) {
      subscription.answer = subscription.staged ?? subscription.answer;
      subscription.staged = null;
    }
  }

  /** Forgets what was only true on the connection that is gone. */
  part() {
    for (const subscription of this) {
      subscription.standing = 'unasked';
      subscription.staged = null;
    }
  }

  dropTags() {
    for (const subscription of this) subscription.answer = { ...subscription.answer, tag: null };
  }

  /** The viewer is gone. */
  clear() {
    for (const subscription of this) clear(subscription);
  }

  /** There will be no more answers. @param {WireError} error */
  fail(error) {
    for (const subscription of this) {
      subscription.answer = { ...subscription.answer, error, isPending: false };
    }
  }

  /**
   * The states that differ from those of the last call, by subscription.
   *
   * @param {(subscription: Subscription) => State} stateOf
   * @returns {Map<number, State>}
   */
  changes(stateOf) {
    const changes = new Map();
    for (const subscription of this) {
      const state = stateOf(subscription);
      if (subscription.shown !== null && isSame(subscription.shown, state)) continue;
      subscription.shown = state;
      changes.set(subscription.id, state);
    }
    return changes;
  }
}
