// @ts-check
/**
 * What one connection asked for, and by which tags and versions it knows the answers: enough to ask for the same
 * elsewhere without being told anything twice. Pure. It is not a cache: it holds no data.
 *
 * @typedef {object} Asked
 * @property {number} id
 * @property {string} query
 * @property {Record<string, unknown>} args
 * @property {string} since         '' when any version will do
 * @property {string | null} tag    of the data that the client shows
 * @property {string | null} error  the code of the error that it shows
 * @property {boolean} isConfirmed  it was told so, or told otherwise, on this connection
 */
import { isVersion, newer } from './frame.js';

/** The process has not reached `since`: what is shown is neither confirmed nor refuted. */
export const UNDECIDED = 'version_unavailable';

export class Ledger {
  /** @type {Map<number, Asked>} */
  asked = new Map();
  /** The newest version that the client has seen, as far as it told us. */
  newest = '';

  /**
   * Takes in a frame from the client.
   *
   * @param {any} frame
   * @returns {boolean} whether it changes what is asked for
   */
  heed({ op, id, query, args = {}, since = '', tag = null }) {
    if (op === 'unsubscribe') return this.asked.delete(id);
    if (op !== 'subscribe') return false;
    this.asked.set(id, { id, query, args, since, tag, error: null, isConfirmed: false });
    this.newest = newer(this.newest, since);
    return true;
  }

  /**
   * Takes in the results of an update frame.
   *
   * @param {any[]} results
   * @param {string} version
   * @returns {boolean} whether any of them is news
   */
  note(results, version) {
    if (isVersion(version)) this.newest = newer(this.newest, version);
    return results.map((result) => this.#noteOne(result)).some(Boolean);
  }

  /** @param {any} result */
  #noteOne({ id, tag = null, error }) {
    const asked = this.asked.get(id);
    if (!asked) return false;
    const before = { ...asked };
    asked.error = error?.code ?? null;
    asked.isConfirmed = asked.error !== UNDECIDED;
    // After an error the data are to be sent again, even if they are the same: the client waits for them.
    if (asked.isConfirmed) asked.tag = asked.error === null ? tag : null;
    return before.tag !== asked.tag || before.error !== asked.error || before.isConfirmed !== asked.isConfirmed;
  }

  /** What has not been told yet, but has a tag by which it can be confirmed. */
  get unconfirmed() {
    return [...this.asked.values()].filter(({ isConfirmed, tag }) => !isConfirmed && tag !== null);
  }
}
