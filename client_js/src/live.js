// @ts-check
/**
 * The stores of a client, and the subscriptions that feed them. It is not the protocol: it knows listeners, not frames.
 *
 * @typedef {import('./index.js').State<unknown>} State
 * @typedef {import('./store.js').WritableStore<State>} StateStore
 * @typedef {import('./environment.js').Environment} Environment
 */
import { isRecord } from './sharing.js';
import { Socket } from './socket.js';
import { createStore, replaceTogether } from './store.js';
import { isSame } from './subscription.js';
import { createTabs } from './tabs.js';

/** @type {State} */
const PENDING = Object.freeze({
  data: null,
  isPending: true,
  error: null,
  status: 'connecting',
  stale: false,
  version: null,
  reason: null,
});

export class Live {
  /** @type {Map<string, StateStore>} */
  #stores = new Map();
  /** The stores that are subscribed on the wire. @type {Map<number, StateStore>} */
  #subscribed = new Map();
  /** @type {Set<{version: string, settle: (shown: boolean) => void}>} */
  #waiting = new Set();
  /** @type {string | null} */
  #sessionId = null;
  /** The session that another tab shows, until we have compared it with ours. @type {string | null} */
  #announced = null;
  #environment;
  #isConnectable;
  #linger;
  #socket;
  #tabs;

  /**
   * @param {string} url  http or https
   * @param {object} options
   * @param {import('./index.js').WebSocketConstructor | undefined} options.WebSocket
   * @param {Environment} options.environment
   * @param {number} options.linger  milliseconds
   */
  constructor(url, { WebSocket, environment, linger }) {
    this.#environment = environment;
    this.#linger = linger;
    this.#isConnectable = WebSocket !== undefined;
    this.#tabs = createTabs(url, (sessionId) => {
      this.#announced = sessionId;
      this.#follow();
    });
    const onStates = (/** @type {Map<number, State>} */ states) => this.#show(states);
    this.#socket = new Socket(url.replace(/^http/, 'ws'), { WebSocket, environment, onStates });
    this.session = this.query('session');
    this.session.subscribe(() => {}); // always on
    this.#socket.start();
  }

  /**
   * @param {string} query
   * @param {Record<string, unknown>} [args]
   * @returns {StateStore} the same one for equal arguments
   */
  query(query, args = {}) {
    const key = `${query} ${canonical(args)}`;
    const store = this.#stores.get(key) ?? this.#createStore(query, args);
    this.#stores.set(key, store);
    return store;
  }

  /** Whether what is shown is live. */
  get isLive() {
    return this.session.get().status === 'live';
  }

  /** Whether the server can be expected to answer: not when the connection is just failing. */
  get isReachable() {
    return this.#isConnectable && this.session.get().status !== 'stale';
  }

  hold() {
    this.#socket.perform((protocol) => protocol.hold());
  }

  /** @param {'kept' | 'replaced' | 'signed_out'} outcome */
  release(outcome) {
    this.#socket.perform((protocol) => protocol.release(outcome));
  }

  /**
   * Waits until everything shown is of `version` or later.
   *
   * @param {string} version
   * @param {number} within  milliseconds
   * @returns {Promise<boolean>} whether it is; false at once when nothing more will be shown
   */
  reached(version, within) {
    return new Promise((resolve) => {
      const { setTimer, clearTimer } = this.#environment;
      const settle = (/** @type {boolean} */ shown) => {
        clearTimer(timer);
        this.#waiting.delete(waiting);
        resolve(shown);
      };
      const waiting = { version, settle };
      const timer = setTimer(() => settle(false), within);
      this.#waiting.add(waiting);
      this.#socket.perform((protocol) => protocol.reach(version));
    });
  }

  close() {
    this.#tabs.close();
    this.#socket.close();
    for (const { settle } of [...this.#waiting]) settle(false);
  }

  /** @param {string} query @param {Record<string, unknown>} args @returns {StateStore} */
  #createStore(query, args) {
    const { setTimer, clearTimer } = this.#environment;
    /** @type {number | null} */
    let id = null;
    /** @type {unknown} */
    let lingering = null;
    const leave = () => {
      if (id === null) return;
      this.#subscribed.delete(id);
      const left = id;
      id = null;
      this.#socket.perform((protocol) => protocol.unsubscribe(left));
      store.replace(PENDING);
    };
    const store = createStore(PENDING, {
      onFirst: () => {
        clearTimer(lingering);
        if (id !== null) return;
        this.#socket.perform((protocol) => {
          id = protocol.subscribe(query, args);
          this.#subscribed.set(id, store);
        });
      },
      onLast: () => {
        lingering = setTimer(leave, this.#linger);
      },
    });
    return store;
  }

  /** @param {Map<number, State>} states */
  #show(states) {
    /** @type {Array<() => () => void>} */
    const replacements = [];
    for (const [id, state] of states) {
      const store = this.#subscribed.get(id);
      if (store === undefined || isSame(store.get(), state)) continue;
      replacements.push(() => store.replace(state));
    }
    replaceTogether(replacements);
    this.#announce();
    this.#follow();
    this.#settleWaiting();
  }

  #settleWaiting() {
    const isOver = this.session.get().status === 'closed';
    for (const { version, settle } of [...this.#waiting]) {
      if (this.#socket.shown >= version) settle(true);
      else if (isOver) settle(false);
    }
  }

  #announce() {
    const sessionId = readSessionId(this.session.get());
    if (sessionId !== null && sessionId !== this.#sessionId) this.#tabs.announce(sessionId);
    this.#sessionId = sessionId;
  }

  /** Another tab shows a session that is not ours: the cookie has changed under this connection. */
  #follow() {
    const { status } = this.session.get();
    const isAnswered = status === 'live' || status === 'closed';
    if (this.#announced === null || !isAnswered) return; // the next answer may already be of that session
    const isOurs = this.#announced === this.#sessionId;
    this.#announced = null;
    if (!isOurs) this.#socket.perform((protocol) => protocol.rebind());
  }
}

/** @param {State} state */
function readSessionId({ data }) {
  const session = isRecord(data) ? data.session : null;
  return isRecord(session) && typeof session.id === 'string' ? session.id : null;
}

/** JSON with sorted fields: equal args give equal text. @param {unknown} value @returns {string} */
function canonical(value) {
  return JSON.stringify(value, (_, part) => {
    return isRecord(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part;
  });
}
