// @ts-check
/**
 * What tabs need to share a connection.
 *
 * @typedef {import('./index.js').WebSocketConstructor} WebSocketConstructor
 *
 * @typedef {object} SharedOptions  what it takes from the world; all have the browser's as default
 * @property {Pick<LockManager, 'request'>} [locks]
 * @property {(name: string) => Pick<BroadcastChannel, 'postMessage' | 'onmessage' | 'close'>} [openChannel]
 * @property {WebSocketConstructor} [WebSocket]
 * @property {() => string} [createId]  another one for each socket of all tabs
 * @property {() => number} [random]
 * @property {() => number} [now]
 * @property {(run: () => void, delay: number) => unknown} [setTimer]
 * @property {(timer: any) => void} [clearTimer]
 */

/**
 * The browser's. Elsewhere nothing is shared: one process may hold many credentials.
 *
 * @returns {SharedOptions & Required<Pick<SharedOptions, 'createId' | 'random' | 'now' | 'setTimer' | 'clearTimer'>>}
 */
export function readWorld() {
  const { document, navigator, BroadcastChannel } = globalThis;
  return {
    ...(document && navigator?.locks && { locks: navigator.locks }),
    ...(document && BroadcastChannel && { openChannel: (name) => new BroadcastChannel(name) }),
    createId: () => crypto.randomUUID(),
    random: Math.random,
    now: () => performance.now(),
    setTimer: (run, delay) => setTimeout(run, delay),
    clearTimer: (timer) => clearTimeout(timer),
  };
}
