// @ts-check
/** A protocol with the time in our hands: what it sent, what it shows, and what it needs. */
import assert from 'node:assert/strict';
import { createBarriers } from '../src/barrier.js';
import { createProtocol } from '../src/protocol.js';
import { share } from '../src/sharing.js';

/** The n-th version of these tests. @param {number} n */
export function version(n) {
  return n.toString(16).padStart(16, '0');
}

/** @typedef {import('../src/protocol.js').Protocol} Protocol */

export class Wire {
  protocol = createProtocol();
  barriers = createBarriers(this.protocol);
  now = 0;
  /** @type {any[]} */
  sent = [];
  /** @type {any} */
  need = null;
  /** How often a state was told anew. */
  notifications = 0;
  /** By the id they were subscribed with. @type {Map<number, import('../src/subscription.js').Subscription>} */
  #subscriptions = new Map();
  /** @type {Map<number, import('../src/index.js').State<any>>} */
  #states = new Map();

  /** @template T @param {(protocol: Protocol, now: number) => T} step @returns {T} */
  perform(step) {
    const result = step(this.protocol, this.now);
    this.barriers.step();
    const { frames, need } = this.protocol.drain();
    this.sent.push(...frames);
    if (need) this.need = { type: need.after < Infinity ? 'connect' : 'rest', ...need };
    for (const [id, subscription] of this.#subscriptions) {
      const before = this.#states.get(id);
      const state = this.protocol.state(subscription);
      // As live.js puts it into a store.
      const shared = before ? share(before, { ...state, version: before.version }) : state;
      this.notifications += Number(shared !== before);
      this.#states.set(id, { ...shared, version: state.version });
    }
    return result;
  }

  /** @param {string} query @param {Record<string, unknown>} [args] */
  subscribe(query, args) {
    return this.perform((protocol) => {
      const subscription = protocol.subscribe(query, args);
      this.#subscriptions.set(subscription.id, subscription);
      return subscription.id;
    });
  }

  /** @param {string} version */
  reach(version) {
    this.perform(() => this.barriers.reach(version));
  }

  /** @param {number} id */
  unsubscribe(id) {
    const subscription = this.#subscriptions.get(id);
    assert.ok(subscription);
    this.perform((protocol) => protocol.unsubscribe(subscription));
  }

  connect() {
    this.need = null;
    this.perform((protocol, now) => protocol.opening(now));
    this.perform((protocol, now) => protocol.opened(now));
  }

  /** @param {object} frame */
  receive(frame) {
    this.perform((protocol, now) => protocol.received(JSON.stringify(frame), now));
  }

  /** @param {number} n @param {...object} results */
  update(n, ...results) {
    this.receive({ op: 'update', version: version(n), results });
  }

  /** @param {number} n */
  hello(n) {
    this.receive({ op: 'hello', protocol: 1, version: version(n), heartbeat: 25 });
  }

  /** @param {string} reason @param {boolean} retry @param {object} [more] */
  bye(reason, retry, more) {
    this.receive({ op: 'bye', reason, retry, ...more });
  }

  /** @param {number} milliseconds */
  advance(milliseconds) {
    const end = this.now + milliseconds;
    for (;;) {
      const deadline = this.protocol.deadline();
      if (deadline > end) break;
      this.now = Math.max(this.now, deadline);
      this.perform((protocol, now) => protocol.tick(now));
    }
    this.now = end;
  }

  /** @param {number} id */
  state(id) {
    const state = this.#states.get(id);
    assert.ok(state, `subscription ${id} shows nothing`);
    return state;
  }

  /** Whether the connection, if any, is all that is needed. */
  get isContent() {
    return this.need === null;
  }

  /** Everything sent since the last call. */
  take() {
    return this.sent.splice(0);
  }
}

/**
 * A wire whose session (subscription 1) has been answered as of version 1.
 *
 * @param {unknown} [data]
 */
export function liveWire(data = { user: { name: 'Alice' } }) {
  const wire = new Wire();
  wire.subscribe('session');
  wire.connect();
  wire.hello(1);
  wire.update(1, { id: 1, data, tag: 'a1' });
  wire.take();
  return wire;
}
