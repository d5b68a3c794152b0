// @ts-check
/**
 * The stores of a client, and the subscriptions that feed them. It is not the protocol: it knows listeners, not frames.
 *
 * @typedef {import('./index.js').State<any>} State
 * @typedef {import('./index.js').WireError} WireError
 * @typedef {import('./subscription.js').Subscription} Subscription
 * @typedef {ReturnType<typeof createLive>} Live
 *
 * @typedef {object} Entry
 * @property {string} query
 * @property {import('./store.js').WritableStore<State>} store
 * @property {Subscription | null} subscription
 */
import { createProtocol } from './protocol.js';
import { isRecord, share } from './sharing.js';
import { createSocket } from './socket.js';
import { createStore, replaceTogether } from './store.js';

/** @type {State} */
const PENDING = {
  data: null,
  isPending: true,
  error: null,
  status: 'connecting',
  stale: false,
  version: null,
  reason: null,
};

/**
 * @param {string} url  http or https
 * @param {object} options
 * @param {import('./index.js').WebSocketConstructor | undefined} options.WebSocket
 * @param {boolean} options.shared
 * @param {typeof fetch} options.fetch
 * @param {import('./index.js').Environment} options.environment
 * @param {number} options.linger  milliseconds
 * @param {import('./index.js').Initial | null} options.initial
 */
export function createLive(url, { WebSocket, shared, fetch, environment, linger, initial }) {
  const { setTimer, clearTimer } = environment;
  const protocol = createProtocol();
  /** @type {Map<string, Entry>} */
  const entries = new Map();
  /** Told whenever all is shown, and of why a pin was given up. @type {Set<(unpinned: WireError | null) => void>} */
  const observers = new Set();
  /** @param {WireError | null} unpinned */
  const onStep = (unpinned) => {
    replaceTogether([...entries.values()].map((entry) => () => show(entry)));
    for (const observe of observers) observe(unpinned);
  };

  /** @param {Entry} entry */
  const show = ({ query, store, subscription }) => {
    const before = store.get();
    const { version, data, ...state } = subscription ? protocol.state(subscription) : PENDING;
    // A newer version of equal data is no news.
    const next = share(before, { ...state, data: live.foresee(query, data), version: before.version });
    return store.replace(next === before ? before : { ...next, version });
  };

  /**
   * @param {string} query
   * @param {Record<string, unknown>} [args]
   * @param {import('./index.js').Initial | null} [known]
   * @returns {Entry['store']} the same one for equal arguments
   */
  const query = (query, args = {}, known) => {
    const key = query + canonical(args);
    const entry = entries.get(key) ?? createEntry(query, args, known);
    entries.set(key, entry);
    return entry.store;
  };

  /** @param {string} query @param {Record<string, unknown>} args @param {import('./index.js').Initial | null} [known] */
  const createEntry = (query, args, known) => {
    /** @type {unknown} */
    let lingering = null;
    /** @type {Entry} */
    const entry = {
      query,
      subscription: null,
      // What the page was delivered with is also what it shows until it is hydrated.
      store: createStore(known ? { ...PENDING, ...known, isPending: false } : PENDING, {
        onFirst() {
          clearTimer(lingering);
          entry.subscription ??= protocol.subscribe(query, args, known ?? undefined);
          socket.flush();
        },
        onLast() {
          lingering = setTimer(() => {
            protocol.unsubscribe(/** @type {Subscription} */ (entry.subscription));
            entry.subscription = null;
            socket.flush();
          }, linger);
        },
      }),
    };
    return entry;
  };

  const session = query('session', {}, initial);
  const socket = createSocket(url.replace(/^http/, 'ws'), { protocol, WebSocket, shared, fetch, environment, onStep });
  const live = {
    protocol,
    session,
    query,
    observers,
    flush: socket.flush,
    /** What is shown for `data`, while writes are in flight. @param {string} _query @param {any} data */
    foresee: (_query, data) => data,
    close: socket.close,
  };
  session.subscribe(() => {}); // always on
  socket.start();
  return live;
}

/** JSON with sorted fields: equal args give equal text. @param {unknown} value @returns {string} */
function canonical(value) {
  return JSON.stringify(value, (_, part) => {
    return isRecord(part) ? Object.fromEntries(Object.entries(part).sort()) : part;
  });
}
