// @ts-check
/**
 * A server for tests and stories, in the page itself: what a client is shown, step by step, without a network. It is
 * not the server: it evaluates nothing, and shows what it is told to show. See docs/recording.md#in-a-browser.
 *
 * @typedef {import('./testing.js').Shows} Shows
 * @typedef {import('./testing.js').Step} Step
 * @typedef {{id: number, key: string, tag: string | null, isTold: boolean}} Subscription
 */
import { canonical } from './frame.js';
import { StandIn } from './stand-in.js';

const FIRST = 1n << 32n;
const HEARTBEAT = 25;
const CLOSE_CODES = { protocol_error: 4400, slow: 4408, unverifiable: 4503, shutdown: 1012 };
const RETRY = /^(slow|unverifiable|shutdown)$/;
const NEVER = '0'.repeat(16);
/** What the built-in queries show to nobody. */
const SIGNED_OUT = { session: null, user: null, organizations: null, organization: null, devices: null };

/** @type {typeof import('./testing.js').createMockWire} */
export function createMockWire(shows = {}) {
  /** What every query shows now, by its key. @type {Map<string, {data: unknown, tag: string}>} */
  const shown = new Map();
  /** @type {Set<MockWebSocket>} */
  const sockets = new Set();
  /** @type {Map<string, (body: any) => unknown>} */
  const answers = new Map();
  let position = FIRST;
  let isLive = true;
  let isReachable = true;
  let tags = 0n;

  const version = () => hexadecimal(position);

  /** @param {Shows} news */
  const note = (news) => {
    for (const [key, data] of Object.entries(news)) {
      const before = shown.get(canonicalKey(key));
      if (before && JSON.stringify(before.data) === JSON.stringify(data)) continue;
      shown.set(canonicalKey(key), { data, tag: hexadecimal((tags += 1n)) });
    }
  };

  class MockWebSocket extends StandIn {
    /** @type {Map<number, Subscription>} */
    #subscriptions = new Map();
    #isLive = true;

    /** @param {string} url @param {string | string[]} [protocols] */
    constructor(url, protocols) {
      super(url, protocols);
      queueMicrotask(() => {
        if (this.readyState > 1) return;
        if (!isReachable) return this.tellClose(1006);
        sockets.add(this);
        this.tellOpen();
        const limits = { frame: 16_384, subscriptions: 64 };
        this.#tell({ op: 'hello', protocol: 1, version: version(), heartbeat: HEARTBEAT, limits });
        this.status();
      });
    }

    /** @param {string} text */
    send(text) {
      if (this.readyState !== 1) return;
      const { op, id, query, args = {}, tag = null } = JSON.parse(text);
      if (op === 'ping') queueMicrotask(() => this.#tell({ op: 'pong' }));
      if (op === 'unsubscribe') this.#subscriptions.delete(id);
      if (op !== 'subscribe') return;
      const key = keyOf(query, args);
      this.#subscriptions.set(id, { id, key, tag, isTold: false });
      queueMicrotask(() => (shown.has(key) ? this.update() : this.#tell({ op: 'pending', id })));
    }

    /** @param {number} [code] @param {string} [reason] */
    close(code = 1005, reason) {
      if (this.readyState > 1) return;
      this.readyState = 2;
      sockets.delete(this);
      queueMicrotask(() => this.tellClose(code, reason));
    }

    /** @param {object} frame */
    #tell(frame) {
      if (this.readyState === 1) this.tellMessage(JSON.stringify(frame));
    }

    /** One frame with everything that is news. */
    update() {
      /** @type {object[]} */
      const results = [];
      for (const subscription of this.#subscriptions.values()) {
        const result = shown.get(subscription.key);
        const { id, isTold, tag } = subscription;
        if (!result || (isTold && tag === result.tag)) continue;
        Object.assign(subscription, { isTold: true, tag: result.tag });
        const { data } = result;
        if (tag === result.tag) results.push({ id, unchanged: true, tag });
        else results.push(data instanceof Refusal ? { id, error: data.error } : { id, data, tag: result.tag });
      }
      if (results.length > 0) this.#tell({ op: 'update', version: version(), results });
    }

    status() {
      if (this.#isLive === isLive) return;
      this.#isLive = isLive;
      this.#tell({ op: 'status', live: isLive });
    }

    /** @param {string} reason */
    bye(reason) {
      const retry = RETRY.test(reason);
      this.#tell({ op: 'bye', reason, retry });
      this.drop(CLOSE_CODES[/** @type {keyof typeof CLOSE_CODES} */ (reason)] ?? 4401, reason);
    }

    /** @param {number} code @param {string} [reason] */
    drop(code, reason) {
      sockets.delete(this);
      if (this.readyState < 2) this.tellClose(code, reason);
    }
  }

  /** @param {(socket: MockWebSocket) => void} step */
  const each = (step) => [...sockets].forEach(step);

  const mock = {
    WebSocket: /** @type {any} */ (MockWebSocket),

    /** @param {RequestInfo | URL} input @param {RequestInit} [init] */
    async fetch(input, init = {}) {
      if (!isReachable) throw new TypeError('fetch failed');
      const path = new URL(input instanceof Request ? input.url : String(input), 'http://mock').pathname;
      const name = path.replace(/^.*\/api\/auth\//, '');
      const answer = answers.get(name);
      if (answer) {
        const body = await answer(typeof init.body === 'string' ? JSON.parse(init.body) : {});
        return respond(body === undefined ? null : body, 200, version());
      }
      if (name === 'get-session') return respond(shown.get('session')?.data ?? null, 200, version());
      return respond({ code: 'NOT_MOCKED', message: `No answer was given for ${name}.` }, 501, NEVER);
    },

    get version() {
      return version();
    },

    get connections() {
      return sockets.size;
    },

    /** @param {Shows} news */
    show(news) {
      position += 1n;
      note(news);
      each((socket) => socket.update());
      return version();
    },

    /** @param {string} query @param {{code: string, message?: string}} error */
    refuse(query, { code, message = code }) {
      return mock.show({ [query]: new Refusal({ code, message }) });
    },

    /** @param {string} name @param {(body: any) => unknown} answer */
    answer(name, answer) {
      answers.set(name, answer);
    },

    stale() {
      isLive = false;
      each((socket) => socket.status());
    },

    live() {
      isLive = true;
      each((socket) => socket.status());
    },

    /** @param {string} reason */
    bye(reason) {
      if (!RETRY.test(reason)) {
        shown.clear();
        note(SIGNED_OUT);
      }
      each((socket) => socket.bye(reason));
    },

    disconnect() {
      isReachable = false;
      each((socket) => socket.drop(1006));
    },

    reconnect() {
      isReachable = true;
    },

    /** @param {Iterable<Step>} script @param {{speed?: number, wait?: (milliseconds: number) => Promise<void>}} [options] */
    async play(script, { speed = Infinity, wait = pause } = {}) {
      for (const step of script) {
        if ('wait' in step) await wait(speed === Infinity ? 0 : step.wait / speed);
        else if ('show' in step) mock.show(step.show);
        else if ('stale' in step) step.stale ? mock.stale() : mock.live();
        else if ('bye' in step) mock.bye(step.bye);
        else throw new TypeError(`A script has no step ${JSON.stringify(step)}.`);
      }
    },
  };
  note(shows);
  return mock;
}

/** In the place of data: the query refuses. */
class Refusal {
  /** @param {{code: string, message: string}} error */
  constructor(error) {
    this.error = error;
  }
}

/** @param {unknown} body @param {number} status @param {string} version */
function respond(body, status, version) {
  const headers = { 'content-type': 'application/json', 'sessionwire-version': version };
  return new Response(JSON.stringify(body), { status, headers });
}

/** @param {number} milliseconds @returns {Promise<void>} */
function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** @param {bigint} number */
function hexadecimal(number) {
  return number.toString(16).padStart(16, '0');
}

/** A query with args is named like `projects.list {"archived":false}`. @param {string} query @param {object} args */
function keyOf(query, args) {
  return Object.keys(args).length > 0 ? `${query} ${canonical(args)}` : query;
}

/** @param {string} key */
function canonicalKey(key) {
  const at = key.indexOf(' ');
  return at < 0 ? key : keyOf(key.slice(0, at), JSON.parse(key.slice(at)));
}
