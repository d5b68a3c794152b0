// @ts-check
/** The client's ports in our hands: time and timers, a WebSocket that a test answers, an HTTP server that a test is. */
import assert from 'node:assert/strict';
import { version } from './wire.js';

export class World {
  time = 0;
  random = () => 0.5;
  /** @type {FakeWebSocket[]} */
  sockets = [];
  wake = () => {};
  sleep = () => {};
  isVisible = true;
  /** The device's clock, ahead of the world's time by this. */
  clock = 0;
  /** @type {Set<{at: number, run: () => void}>} */
  #timers = new Set();

  /** @type {import('../src/index.js').Environment} */
  environment = {
    now: () => this.time,
    date: () => this.time + this.clock,
    isVisible: () => this.isVisible,
    random: () => this.random(),
    setTimer: (run, delay) => {
      const timer = { at: this.time + delay, run };
      this.#timers.add(timer);
      return timer;
    },
    clearTimer: (timer) => void this.#timers.delete(/** @type {any} */ (timer)),
    onWake: (wake, sleep) => {
      Object.assign(this, { wake, sleep });
      return () => {
        this.wake = this.sleep = () => {};
      };
    },
  };

  /** @type {any} */
  WebSocket = ((world) =>
    class extends FakeWebSocket {
      /** @param {string} url @param {string[]} protocols */
      constructor(url, protocols) {
        super(url, protocols);
        world.sockets.push(this);
      }
    })(this);

  get timers() {
    return this.#timers.size;
  }

  /** The newest connection. */
  get socket() {
    const socket = this.sockets.at(-1);
    assert.ok(socket, 'nothing was connected');
    return socket;
  }

  /** @param {number} milliseconds */
  advance(milliseconds) {
    const end = this.time + milliseconds;
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.time = Math.max(this.time, next.at);
      next.run();
    }
    this.time = end;
  }
}

class FakeWebSocket {
  /** @type {any[]} */
  sent = [];
  isClosed = false;
  onopen = () => {};
  /** @param {{data: unknown}} _ */
  onmessage = (_) => {};
  /** @param {{code: number, reason?: string}} _ */
  onclose = (_) => {};

  /** @param {string} url @param {string[]} protocols */
  constructor(url, protocols) {
    this.url = url;
    this.protocols = protocols;
  }

  /** @param {string} text */
  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.isClosed = true;
  }

  // What the server does

  /** @param {number} [n] the position */
  open(n = 1) {
    this.onopen();
    this.receive({ op: 'hello', protocol: 1, version: version(n), heartbeat: 25 });
  }

  /** @param {object} frame */
  receive(frame) {
    this.onmessage({ data: JSON.stringify(frame) });
  }

  /** @param {number} n @param {...object} results */
  update(n, ...results) {
    this.receive({ op: 'update', version: version(n), results });
  }

  /** @param {string} reason @param {boolean} [retry] */
  bye(reason, retry = false) {
    this.receive({ op: 'bye', reason, retry });
  }

  /** @param {number} [code] */
  end(code = 1006) {
    this.onclose({ code });
  }
}
