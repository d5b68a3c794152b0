// @ts-check
/**
 * The shell around the protocol: the only file that makes a WebSocket. It moves text, keeps the one timer, and decides
 * nothing but when to fall back to long-polling.
 *
 * @typedef {import('./index.js').Environment} Environment
 * @typedef {import('./index.js').WebSocketConstructor} WebSocketConstructor
 * @typedef {import('./protocol.js').Protocol} Protocol
 * @typedef {ReturnType<typeof createSocket>} Socket
 */
import { createBackoff } from './backoff.js';
import { CONNECTING, FAILURES } from './connection.js';

const SUBPROTOCOL = 'sessionwire.v1';

/**
 * @param {object} ports
 * @param {string} ports.url  http or https
 * @param {Protocol} ports.protocol
 * @param {WebSocketConstructor | undefined} ports.WebSocket  without one, nothing is connected: server-side rendering
 * @param {boolean} [ports.shared]  one for all tabs of the browser
 * @param {typeof fetch} ports.fetch
 * @param {Environment} ports.environment
 * @param {() => void} ports.onStep  called after every step
 */
export function createSocket(ports) {
  const { protocol, WebSocket, shared, environment, onStep } = ports;
  const url = ports.url.replace(/^http/, 'ws');
  const { now, random, setTimer, clearTimer, onWake } = environment;
  const backoff = createBackoff();
  /** @type {WebSocket | null} */
  let webSocket = null;
  /** Whether a connection is wanted at all, and whether the page can have one. */
  let isWanted = true;
  let isAsleep = false;
  /** When its handshake was done. */
  let openedAt = Infinity;
  let retryAt = Infinity;
  /** @type {unknown} */
  let timer = null;
  /** How many steps are to be followed. */
  let steps = 0;
  /** How many in a row have failed to open. */
  let failures = 0;
  /** WebSocket, or what stands in for it while it is blocked. */
  let Plain = WebSocket;
  const open = () => new /** @type {WebSocketConstructor} */ (Plain)(url, [SUBPROTOCOL]);
  /** Connects, alone or with the other tabs; null until what that needs is loaded, and where nothing is connected. */
  let dial = shared || !WebSocket ? null : open;

  /** Does what follows from the steps that the protocol has taken. */
  const flush = () => {
    if (steps++) return; // a listener led here: the loop below goes round once more
    try {
      do {
        steps = 1;
        const { frames, need } = protocol.drain();
        for (const frame of frames) webSocket?.send(JSON.stringify(frame));
        if (need) {
          detach();
          isWanted = need.after < Infinity;
          if (need.isRetry) retryAt = now() + need.after + backoff(now() - openedAt, random());
          else connect();
        }
        onStep();
      } while (steps > 1);
    } finally {
      steps = 0;
    }
    keepTime();
  };

  const connect = () => {
    detach();
    if (isWanted && !isAsleep && dial) attach(dial());
  };

  /** Makes this the connection, from its handshake on. @param {WebSocket} socket */
  const attach = (socket) => {
    detach();
    webSocket = socket;
    /** A connection we have left has no say. @param {(event: any) => void} step @returns {(event: any) => void} */
    const heed = (step) => (event) => {
      if (webSocket !== socket) return;
      step(event);
      flush();
    };
    socket.onopen = heed(() => {
      failures = 0;
      openedAt = now();
      protocol.opened(openedAt);
    });
    socket.onmessage = heed(({ data }) => protocol.received(data, now()));
    socket.onclose = heed((close) => {
      if (openedAt === Infinity && ++failures === FAILURES) fallBack();
      protocol.closed(close);
    });
    // Of one that stands in for another: that one has opened.
    /** @type {any} */ (socket).onupgrade = attach;
    openedAt = Infinity;
    protocol.opening(now());
    flush();
  };

  const fallBack = () => {
    import('./fallback.js').then(
      ({ createFallback }) => (Plain = createFallback({ ...ports, leave })),
      leave,
    );
  };

  /** WebSockets are no more blocked than anything else. */
  const leave = () => {
    Plain = WebSocket;
    failures = 0;
  };

  const detach = () => {
    retryAt = Infinity;
    const left = webSocket;
    webSocket = null;
    // To close one that is opening is a complaint in the browser's console.
    if (left?.readyState === CONNECTING) left.onopen = () => left.close();
    else left?.close();
  };

  /** Sets the one timer, for the protocol or for the next attempt to connect. */
  const keepTime = () => {
    clearTimer(timer);
    const at = Math.min(protocol.deadline(), retryAt);
    if (at === Infinity) return;
    timer = setTimer(() => {
      protocol.tick(now());
      if (now() >= retryAt) connect();
      flush();
    }, at - now());
  };

  /** The network or the page may be back: do not sit out a delay, do not trust a connection that may have died. */
  const wake = () => {
    isAsleep = false;
    if (webSocket) protocol.probe(now());
    else connect();
    flush();
  };

  const sleep = () => {
    isAsleep = true;
    detach();
    protocol.closed();
    flush();
  };

  const forgetWake = onWake(wake, sleep);

  return {
    flush,

    /** Makes the first connection. */
    start() {
      if (!shared || !WebSocket) return connect();
      import('./shared-socket.js')
        .then(({ shareSocket }) => (dial = shareSocket(open, url, environment)), () => (dial = open))
        .then(connect);
    },

    close() {
      forgetWake();
      protocol.close();
      flush();
    },
  };
}
