// @ts-check
/** How long to wait before the next attempt to connect: exponential, with full jitter. Pure; times in milliseconds. */

const BASE = 250;
const CAP = 10_000;
/** A connection that held for this long was a good one: the next loss starts from the beginning. */
const GOOD = 5_000;

export function createBackoff() {
  let attempts = 0;

  /**
   * @param {number} held    for how long the last connection was open
   * @param {number} random  from 0 up to, not including, 1
   * @returns {number} the delay before the next attempt
   */
  return (held, random) => {
    if (held >= GOOD) attempts = 0;
    return random * Math.min(CAP, BASE * 2 ** attempts++);
  };
}
