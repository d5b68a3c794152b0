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

const SUBPROTOCOL = 'sessionwire.v1';
/** How many WebSockets must have failed, and none ever opened, before long-polling is tried. */
const FAILURES = 3;
/** A WebSocket's `readyState` until its handshake. */
const CONNECTING = 0;

/**
 * @param {string} url  http or https
 * @param {object} ports
 * @param {Protocol} ports.protocol
 * @param {WebSocketConstructor | undefined} ports.WebSocket  without one, nothing is connected: server-side rendering
 * @param {boolean} [ports.shared]  one for all tabs of the browser
 * @param {typeof fetch} ports.fetch
 * @param {Environment} ports.environment
 * @param {(unpinned: ReturnType<Protocol['drain']>['unpinned']) => void} ports.onStep  called after every step
 */
export function createSocket(url, { protocol, WebSocket, shared = false, fetch, environment, onStep }) {
  const { now, random, setTimer, clearTimer, onWake } = environment;
  const backoff = createBackoff();
  /** @type {WebSocket | null} */
  let webSocket = null;
  /** Whether a connection is wanted at all, and whether the page can have one. */
  let isWanted = false;
  let isAsleep = false;
  /** @type {number | null} */
  let retryAt = null;
  /** @type {{at: number, id: unknown} | null} */
  let timer = null;
  let isFlushing = false;
  let isDirty = false;
  /** How many WebSockets in a row have failed to open; negative infinity once one has. */
  let failures = 0;
  /** WebSocket, or what shares one; none until that is loaded. */
  let Own = shared ? undefined : WebSocket;
  /** It, or what stands in for it. */
  let Transport = Own;

  /** Does what follows from the steps that the protocol has taken. */
  const flush = () => {
    isDirty = true;
    if (isFlushing) return; // a listener led here: the loop below goes round once more
    isFlushing = true;
    try {
      while (isDirty) {
        isDirty = false;
        const { frames, need, unpinned } = protocol.drain();
        for (const frame of frames) webSocket?.send(JSON.stringify(frame));
        if (need) satisfy(need);
        onStep(unpinned);
      }
    } finally {
      isFlushing = false;
    }
    keepTime();
  };

  /** @param {NonNullable<ReturnType<Protocol['drain']>['need']>} need */
  const satisfy = (need) => {
    detach();
    isWanted = need.type === 'connect' && WebSocket !== undefined;
    if (need.type === 'rest' || !WebSocket) return;
    if (need.backoff) retryAt = now() + need.after + backoff.next(now(), random());
    else connect();
  };

  const connect = () => {
    detach();
    if (isWanted && !isAsleep && Transport) attach(new Transport(url, [SUBPROTOCOL]));
  };

  /** Makes this the connection, from its handshake on. @param {WebSocket} socket */
  const attach = (socket) => {
    detach();
    webSocket = socket;
    let isOpen = false;
    /** A connection we have left has no say. @param {(event: any) => void} step @returns {(event: any) => void} */
    const heed = (step) => (event) => {
      if (webSocket !== socket) return;
      step(event);
      flush();
    };
    socket.onopen = heed(() => {
      isOpen = true;
      failures = -Infinity;
      backoff.opened(now());
      protocol.opened(now());
    });
    socket.onmessage = heed(({ data }) => protocol.received(data, now()));
    socket.onclose = heed((close) => {
      if (!isOpen && ++failures === FAILURES) fallBack();
      protocol.closed(close);
    });
    protocol.opening(now());
    flush();
  };

  const fallBack = () => {
    const open = () => new /** @type {WebSocketConstructor} */ (WebSocket)(url, [SUBPROTOCOL]);
    import('./fallback.js').then(
      ({ createFallback }) => (Transport = createFallback({ open, fetch, environment, leave })),
      () => (failures = 0),
    );
  };

  /** Ends long-polling. @param {WebSocket} [socket]  has just opened; without one, HTTP does not answer, either */
  const leave = (socket) => {
    Transport = Own;
    failures = 0;
    if (!socket) return;
    attach(socket);
    socket.onopen?.(new Event('open'));
  };

  const detach = () => {
    retryAt = null;
    const left = webSocket;
    webSocket = null;
    // To close one that is opening is a complaint in the browser's console.
    if (left?.readyState === CONNECTING) left.onopen = () => left.close();
    else left?.close();
  };

  /**
   * Wakes the protocol when its deadline passes. A timer that comes too early is set anew: the deadline moves with every
   * frame, and a timer for each would cost more.
   */
  const keepTime = () => {
    const at = retryAt ?? protocol.deadline();
    if (at !== null && timer && timer.at <= at) return;
    if (timer) clearTimer(timer.id);
    timer = null;
    if (at === null) return;
    const id = setTimer(() => {
      timer = null;
      if (retryAt === null) protocol.tick(now());
      else if (now() >= retryAt) connect();
      flush();
    }, Math.max(0, at - now()));
    timer = { at, id };
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
      isWanted = WebSocket !== undefined;
      if (!shared || !isWanted) return connect();
      import('./shared-socket.js')
        .then(({ createSharedSocket }) => {
          Own = createSharedSocket({ .../** @type {any} */ ({ WebSocket }), random, now, setTimer, clearTimer });
        })
        .catch(() => (Own = WebSocket))
        .then(() => (Transport = Own))
        .then(connect);
    },

    close() {
      forgetWake();
      protocol.close();
      flush();
    },
  };
}
