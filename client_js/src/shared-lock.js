// @ts-check
/** A Web Lock that is held until it is let go: by us, by the end of the page, or by one who steals it. */

/**
 * @param {Pick<LockManager, 'request'>} locks
 * @param {string} name
 * @param {object} on
 * @param {() => void} on.held
 * @param {(isStolen: boolean) => void} [on.lost]  it was stolen; or else locks are not for us, as in a sandboxed frame
 * @param {boolean} [isStolen]  do not wait until its holder lets go
 * @returns {() => void} lets it go, or gives up waiting
 */
export function holdLock(locks, name, { held, lost }, isStolen = false) {
  const waiting = new AbortController();
  let isOver = false;
  let release = () => waiting.abort();
  const hold = () => {
    return new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
      if (isOver) return resolve();
      release = resolve;
      held();
    });
  };
  // The two options exclude each other.
  const options = isStolen ? { steal: true } : { signal: waiting.signal };
  locks.request(name, options, hold).catch((error) => {
    if (!isOver) lost?.(error.name === 'AbortError');
  });
  return () => {
    isOver = true;
    release();
  };
}
