// @ts-check
/** Waiting until what is shown is of a version that came from outside the connection. */
import { createBarriers } from './barrier.js';

/**
 * @param {import('./live.js').Live} live
 * @param {import('./index.js').Environment} environment
 * @param {boolean} isConnected  else nothing will ever be shown
 */
export function createReach({ protocol, session, observers, flush }, { setTimer, clearTimer }, isConnected) {
  const barriers = createBarriers(protocol);
  /** @type {Set<{version: string, settle: (shown: boolean) => void}>} */
  const waiting = new Set();

  observers.add(() => {
    if (barriers.step()) flush();
    const isOver = session.get().status === 'closed';
    for (const { version, settle } of [...waiting]) {
      if (barriers.shown() >= version) settle(true);
      else if (isOver) settle(false);
    }
  });

  /**
   * @param {string} version
   * @param {number} [within]  milliseconds; for ever, when it is not stated
   * @returns {Promise<boolean>} whether everything shown is of `version` or later; false at once when nothing more
   *   will be shown
   */
  return (version, within) => {
    return new Promise((resolve) => {
      if (!isConnected) return resolve(false);
      const timer = within && setTimer(() => settle(false), within);
      const settle = (/** @type {boolean} */ shown) => {
        clearTimer(timer);
        waiting.delete(wait);
        resolve(shown);
      };
      const wait = { version, settle };
      waiting.add(wait);
      barriers.reach(version);
      flush();
    });
  };
}
