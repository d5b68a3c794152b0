// @ts-check
/** What the client does with its WebSocket, in short, and strict about what it is told: for shared-socket.test.js. */
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { tagOf } from './shared-server.js';
import { version } from './wire.js';

const SILENT = 25_000;
const DEAD = 35_000;

export class Client {
  /** @type {any} */
  socket = null;
  isEnded = false;
  /** @type {string[]} */
  heard = [];
  /** @type {{code: number, reason: string}[]} */
  closes = [];
  newest = '';
  /** The data that it shows, by query and args. @type {Map<string, {id: number, asked: any, data: any, isTold: boolean}>} */
  shown = new Map();
  #lastId = 0;
  #told = '';
  #heardAt = 0;
  #isOpen = false;

  /** @param {import('./profile.js').Tab} tab @param {import('./shared-server.js').Server} server */
  constructor(tab, server) {
    this.tab = tab;
    this.server = server;
    this.connect();
    this.#beat();
  }

  connect() {
    const socket = new this.tab.SharedSocket('ws://example.test/live', ['sessionwire.v1']);
    this.socket = socket;
    this.isEnded = this.#isOpen = false;
    this.#told = '';
    this.#heardAt = this.tab.profile.time;
    for (const each of this.shown.values()) each.isTold = false;
    /** @param {(event: any) => void} step */
    const heed = (step) => (/** @type {any} */ event) => {
      if (this.socket !== socket) return;
      try {
        step(event);
      } catch (error) {
        this.tab.profile.failures.push(error); // thrown here, it would be nobody's
      }
    };
    socket.onopen = heed(() => {
      this.#isOpen = true;
      for (const each of this.shown.values()) this.#ask(each);
    });
    socket.onmessage = heed(({ data }) => this.#take(JSON.parse(data)));
    socket.onclose = heed(({ code, reason }) => this.#closed(code, reason));
  }

  /** The cookie is another one. */
  rebind() {
    this.close();
    for (const each of this.shown.values()) each.data = null;
    this.connect();
  }

  close() {
    const { socket } = this;
    this.socket = null;
    socket?.close();
  }

  /** @param {string} query @param {object} [args] @param {string} [since] @param {unknown} [data] that is shown */
  subscribe(query, args = {}, since, data = null) {
    const key = query + JSON.stringify(args) + (since ?? '');
    if (this.shown.has(key)) return;
    const each = { id: ++this.#lastId, asked: { query, args, since }, data, isTold: false };
    this.shown.set(key, each);
    if (this.#isOpen) this.#ask(each);
  }

  /** @param {string} key */
  unsubscribe(key) {
    const each = this.shown.get(key);
    this.shown.delete(key);
    if (this.#isOpen && each) this.#send({ op: 'unsubscribe', id: each.id });
  }

  /** Asks for everything as of this version. @param {number} n */
  reach(n) {
    this.subscribe('session', {}, version(n), this.shown.get('session{}')?.data);
  }

  ping() {
    if (this.#isOpen) this.#send({ op: 'ping' });
  }

  take() {
    return this.heard.splice(0);
  }

  /** @param {any} each */
  #ask({ id, asked: { query, args, since = '' }, data }) {
    const from = since > this.newest ? since : this.newest;
    this.#send({ op: 'subscribe', id, query, args, ...(from && { since: from }), ...(data && { tag: tagOf(data) }) });
  }

  /** @param {object} frame */
  #send(frame) {
    this.socket?.send(JSON.stringify(frame));
  }

  /** @param {any} frame */
  #take(frame) {
    this.heard.push(frame);
    this.#heardAt = this.tab.profile.time;
    if (frame.op === 'update') this.#update(frame);
  }

  /** @param {any} frame */
  #update({ version: told, results }) {
    assert.ok(told >= this.#told, 'versions never go down (P3)');
    this.#told = told;
    this.newest = told > this.newest ? told : this.newest;
    for (const result of results) {
      const entry = [...this.shown].find(([, { id }]) => id === result.id);
      if (!entry) continue;
      const [key, each] = entry;
      if (result.unchanged) assert.equal(result.tag, tagOf(each.data), 'nobody said that this is what we have');
      else each.data = result.data;
      each.isTold = true;
      const { since } = each.asked;
      if (since) assert.ok(told >= since, 'a barrier was answered too early');
      if (since) this.unsubscribe(key);
    }
    this.check();
  }

  /** Everything shown is of one viewer, and of the moment of the last frame (P2). */
  check() {
    const n = parseInt(this.#told, 16);
    const told = [...this.shown.values()].filter(({ isTold }) => isTold);
    for (const { asked, data } of told) {
      assert.deepEqual(data, this.server.truth(told[0]?.data.viewer, asked, n), 'all is of one moment (P1, P2)');
    }
  }

  get isConverged() {
    return [...this.shown.values()].every(({ asked, data }) => {
      const { server } = this;
      return isDeepStrictEqual(data, server.truth(server.cookie, asked, server.head));
    });
  }

  /** @param {number} code @param {string} reason */
  #closed(code, reason) {
    this.closes.push({ code, reason });
    this.socket = null;
    this.#isOpen = false;
    this.isEnded = code === 4401;
    this.reconnect();
  }

  /** After a delay; if the session ended, that is when another tab tells that there is a new one. */
  reconnect() {
    const { setTimer, random } = this.tab.environment;
    setTimer(() => this.socket === null && this.connect(), random() * 2_000);
  }

  #beat() {
    const { setTimer, now } = this.tab.environment;
    setTimer(() => {
      this.#beat();
      const silence = now() - this.#heardAt;
      if (this.socket === null || silence < SILENT) return;
      if (silence < DEAD) return this.ping();
      this.close();
      this.reconnect();
    }, 5_000);
  }
}
