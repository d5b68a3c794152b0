// @ts-check
/** How long to wait before the next attempt to connect: exponential, with full jitter. Pure; times in milliseconds. */

const BASE = 250;
const CAP = 10_000;
/** A connection that held for this long was a good one: the next loss starts from the beginning. */
const GOOD = 5_000;

export class Backoff {
  #attempts = 0;
  #openedAt = Infinity;

  /** @param {number} now */
  opened(now) {
    this.#openedAt = now;
  }

  /**
   * @param {number} now
   * @param {number} random from 0 up to, not including, 1
   * @returns {number} the delay before the next attempt
   */
  next(now, random) {
    if (now - this.#openedAt >= GOOD) this.#attempts = 0;
    this.#openedAt = Infinity;
    const most = Math.min(CAP, BASE * 2 ** this.#attempts);
    this.#attempts += 1;
    return random * most;
  }
}
