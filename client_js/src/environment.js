// @ts-check
/**
 * What the client takes from the world around it: time, timers, randomness, and the signs that the network may be back.
 *
 * @typedef {object} Environment
 * @property {() => number} now                                      milliseconds, never going back
 * @property {() => number} random
 * @property {(run: () => void, delay: number) => unknown} setTimer
 * @property {(timer: any) => void} clearTimer
 * @property {(wake: () => void) => () => void} onWake               returns its undo
 */

/**
 * The browser's environment, or that of a server process, in which nothing ever wakes.
 *
 * @returns {Environment}
 */
export function createEnvironment() {
  return {
    now: () => performance.now(),
    random: Math.random,
    setTimer: (run, delay) => setTimeout(run, delay),
    clearTimer: (timer) => clearTimeout(timer),
    onWake,
  };
}

/** @param {() => void} wake */
function onWake(wake) {
  if (typeof window === 'undefined' || typeof document === 'undefined') return () => {};
  const whenVisible = () => {
    if (document.visibilityState === 'visible') wake();
  };
  // `offline` wakes, too: the connection is asked at once whether it is still there.
  const signs = ['online', 'offline', 'pageshow'];
  for (const sign of signs) window.addEventListener(sign, wake);
  document.addEventListener('visibilitychange', whenVisible);
  return () => {
    for (const sign of signs) window.removeEventListener(sign, wake);
    document.removeEventListener('visibilitychange', whenVisible);
  };
}
