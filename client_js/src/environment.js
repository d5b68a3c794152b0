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

const isVisible = () => typeof document === 'undefined' || document.visibilityState === 'visible';

const SIGNS = ['online', 'offline', 'pageshow', 'resume', 'visibilitychange', 'pagehide', 'freeze'];

/** @param {() => void} wake @param {() => void} sleep */
function onWake(wake, sleep) {
  if (typeof window === 'undefined') return () => {};
  /** @param {Event} sign */
  const heed = ({ type }) => {
    // A page that goes into the back/forward cache or is frozen must let go of its connection.
    if (/pagehide|freeze/.test(type)) sleep();
    // `offline` wakes, too: the connection is asked at once whether it is still there.
    else if (type !== 'visibilitychange' || isVisible()) wake();
  };
  const capture = { capture: true }; // some are events of the document, and do not bubble
  for (const sign of SIGNS) window.addEventListener(sign, heed, capture);
  return () => SIGNS.forEach((sign) => window.removeEventListener(sign, heed, capture));
}
