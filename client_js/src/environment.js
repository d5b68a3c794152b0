// @ts-check
/** What the client takes from the world around it: time, timers, randomness, and the life of the page. */

/**
 * The browser's environment, or that of a server process, in which nothing ever wakes.
 *
 * @returns {import('./index.js').Environment}
 */
export function createEnvironment() {
  return {
    now: () => performance.now(),
    date: Date.now,
    random: Math.random,
    setTimer: (run, delay) => setTimeout(run, delay),
    clearTimer: (timer) => clearTimeout(/** @type {any} */ (timer)),
    isVisible,
    onWake,
  };
}

const isVisible = () => globalThis.document?.visibilityState !== 'hidden';

/** @param {() => void} wake @param {() => void} sleep */
function onWake(wake, sleep) {
  /** @type {Record<string, any>} */
  const handlers = {
    online: wake,
    // The connection is asked at once whether it is still there.
    offline: wake,
    pageshow: wake,
    resume: wake,
    visibilitychange: () => isVisible() && wake(),
    // A page that goes into the back/forward cache or is frozen must let go of its connection.
    pagehide: sleep,
    freeze: sleep,
  };
  const { window } = globalThis;
  // Captured: some are events of the document, and do not bubble.
  for (const sign in handlers) window?.addEventListener(sign, handlers[sign], true);
  return () => {
    for (const sign in handlers) window?.removeEventListener(sign, handlers[sign], true);
  };
}
