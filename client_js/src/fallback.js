// @ts-check
/**
 * Long-polling for as long as WebSockets do not come through: it keeps trying one, and hands it over when it opens. It
 * is loaded when it is needed.
 */
import { LOST } from './connection.js';
import { createPollingSocket } from './polling-socket.js';

/** How often a WebSocket is tried, in milliseconds. */
const TRY_EVERY = 60_000;

/**
 * @param {object} ports
 * @param {any} ports.WebSocket
 * @param {typeof fetch} ports.fetch
 * @param {import('./index.js').Environment} ports.environment
 * @param {() => void} ports.leave  ends the fallback: a WebSocket has opened, or HTTP fails as well
 * @returns {import('./index.js').WebSocketConstructor}
 */
export function createFallback({ WebSocket: Plain, fetch, environment, leave }) {
  const { now, setTimer, clearTimer } = environment;
  /** @type {any} */
  const PollingSocket = createPollingSocket({ fetch, now, setTimer, clearTimer });

  return /** @type {any} */ (class extends PollingSocket {
    /** Called with the WebSocket that has opened, just before its own `onopen`. @type {((webSocket: WebSocket) => void) | null} */
    onupgrade = null;
    /** @type {WebSocket | null} */
    #trial = null;
    /** @type {unknown} */
    #timer = null;
    #isAnswered = false;
    #open;

    /** @param {string} url @param {string[]} protocols */
    constructor(url, protocols) {
      super(url, protocols);
      this.#open = () => new Plain(url, protocols);
      this.#wait();
    }

    #wait() {
      clearTimer(this.#timer);
      this.#timer = setTimer(() => this.#try(), TRY_EVERY);
    }

    #try() {
      this.#wait();
      this.#trial?.close();
      const trial = this.#open();
      this.#trial = trial;
      trial.onopen = (/** @type {any} */ event) => {
        if (this.#trial !== trial) return;
        this.#trial = trial.onopen = null;
        leave();
        this.onupgrade?.(trial);
        trial.onopen?.(event);
      };
    }

    /** A ping says that the page or the network has woken up. @param {string} text */
    send(text) {
      super.send(text);
      if (JSON.parse(text).op === 'ping') this.#try();
    }

    /** @param {string} data */
    tellMessage(data) {
      this.#isAnswered ||= JSON.parse(data).op === 'update';
      super.tellMessage(data);
    }

    /** @param {number} code @param {string} [reason] */
    tellClose(code, reason) {
      this.#stop();
      if (code === LOST && !this.#isAnswered) leave();
      super.tellClose(code, reason);
    }

    close() {
      this.#stop();
      super.close();
    }

    #stop() {
      clearTimer(this.#timer);
      this.#trial?.close();
      this.#trial = null;
    }
  });
}
