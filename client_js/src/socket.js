// @ts-check
/**
 * The shell around the protocol: the only file that touches WebSocket. It moves text, keeps two timers, and decides
 * nothing.
 *
 * @typedef {import('./environment.js').Environment} Environment
 * @typedef {import('./index.js').WebSocketConstructor} WebSocketConstructor
 */
import { Backoff } from './backoff.js';
import { Protocol } from './protocol.js';

const SUBPROTOCOL = 'sessionwire.v1';

export class Socket {
  #protocol = new Protocol();
  #backoff = new Backoff();
  /** @type {WebSocket | null} */
  #webSocket = null;
  /** @type {unknown} */
  #retryTimer = null;
  /** @type {{at: number, timer: unknown} | null} */
  #tick = null;
  #flushing = false;
  #url;
  #WebSocket;
  #environment;
  #onStates;
  #forgetWake;

  /**
   * @param {string} url
   * @param {object} ports
   * @param {WebSocketConstructor | undefined} ports.WebSocket  without one, nothing is connected: server-side rendering
   * @param {Environment} ports.environment
   * @param {(states: ReturnType<Protocol['drain']>['states']) => void} ports.onStates  called after every step
   */
  constructor(url, { WebSocket, environment, onStates }) {
    this.#url = url;
    this.#WebSocket = WebSocket;
    this.#environment = environment;
    this.#onStates = onStates;
    this.#forgetWake = environment.onWake(() => this.#wake());
  }

  /**
   * Lets the protocol take a step, and does what follows from it.
   *
   * @template T
   * @param {(protocol: Protocol, now: number) => T} step
   */
  perform(step) {
    const result = step(this.#protocol, this.#environment.now());
    this.#flush();
    return result;
  }

  /** See the protocol's `shown`. */
  get shown() {
    return this.#protocol.shown;
  }

  /** Makes the first connection. */
  start() {
    if (this.#WebSocket !== undefined) this.#connect();
  }

  close() {
    this.#forgetWake();
    this.perform((protocol) => protocol.close());
  }

  #flush() {
    if (this.#flushing) return; // a listener led here: the loop below goes round once more
    this.#flushing = true;
    try {
      for (;;) {
        const { frames, states, need } = this.#protocol.drain();
        for (const frame of frames) this.#webSocket?.send(JSON.stringify(frame));
        if (need !== null) this.#satisfy(need);
        this.#onStates(states);
        if (frames.length === 0 && states.size === 0 && need === null) break;
      }
    } finally {
      this.#flushing = false;
    }
    this.#keepTime();
  }

  /** @param {NonNullable<ReturnType<Protocol['drain']>['need']>} need */
  #satisfy(need) {
    this.#detach();
    this.#clearRetry();
    if (need.type === 'rest' || this.#WebSocket === undefined) return;
    if (!need.backoff) return this.#connect();
    const { now, random, setTimer } = this.#environment;
    const delay = need.after + this.#backoff.next(now(), random());
    this.#retryTimer = setTimer(() => this.#connect(), delay);
  }

  #connect() {
    this.#clearRetry();
    this.#detach();
    const webSocket = new /** @type {WebSocketConstructor} */ (this.#WebSocket)(this.#url, [SUBPROTOCOL]);
    this.#webSocket = webSocket;
    /** @param {(protocol: Protocol, now: number) => void} step */
    const perform = (step) => {
      if (this.#webSocket === webSocket) this.perform(step); // a connection we have left has no say
    };
    webSocket.onopen = () => {
      this.#backoff.opened(this.#environment.now());
      perform((protocol, now) => protocol.opened(now));
    };
    webSocket.onmessage = ({ data }) => perform((protocol, now) => protocol.received(data, now));
    webSocket.onclose = (close) => perform((protocol) => protocol.closed(close));
    this.perform((protocol, now) => protocol.opening(now));
  }

  #detach() {
    this.#webSocket?.close();
    this.#webSocket = null;
  }

  #clearRetry() {
    this.#environment.clearTimer(this.#retryTimer);
    this.#retryTimer = null;
  }

  /**
   * Wakes the protocol when its deadline passes. A timer that comes too early is set anew by the tick: the deadline
   * moves with every frame, and a timer for each would cost more.
   */
  #keepTime() {
    const { deadline } = this.#protocol;
    if (deadline !== null && this.#tick !== null && this.#tick.at <= deadline) return;
    const { now, setTimer, clearTimer } = this.#environment;
    if (this.#tick !== null) clearTimer(this.#tick.timer);
    this.#tick = null;
    if (deadline === null) return;
    const timer = setTimer(() => {
      this.#tick = null;
      this.perform((protocol, time) => protocol.tick(time));
    }, Math.max(0, deadline - now()));
    this.#tick = { at: deadline, timer };
  }

  /** The network or the page may be back: do not sit out a delay, do not trust a connection that may have died. */
  #wake() {
    if (this.#retryTimer !== null) this.#connect();
    else this.perform((protocol, now) => protocol.probe(now));
  }
}
