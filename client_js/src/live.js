// @ts-check
/**
 * The stores of a client, and the subscriptions that feed them. It is not the protocol: it knows listeners, not frames.
 *
 * @typedef {import('./index.js').State<any>} State
 * @typedef {import('./index.js').Switching} Switching
 * @typedef {import('./subscription.js').Answer} Answer
 * @typedef {import('./subscription.js').Subscription} Subscription
 * @typedef {ReturnType<typeof createLive>} Live
 * @typedef {import('./store.js').WritableStore<State>} Store
 */
import { canonical } from './frame.js';
import { createProtocol } from './protocol.js';
import { share } from './sharing.js';
import { createSocket } from './socket.js';
import { createStore } from './store.js';

/**
 * @param {object} options
 * @param {string} options.url  http or https
 * @param {import('./index.js').WebSocketConstructor | undefined} options.WebSocket
 * @param {boolean} options.shared
 * @param {typeof fetch} options.fetch
 * @param {import('./index.js').Environment} options.environment
 * @param {number} options.linger  milliseconds
 * @param {import('./index.js').Initial | null} options.initial
 */
export function createLive({ linger, initial, ...ports }) {
  const { setTimer, clearTimer } = ports.environment;
  const protocol = createProtocol();
  /** @type {Map<string, Store>} */
  const stores = new Map();
  /** Each puts what the protocol says into a store, and gives what notifies its listeners. @type {(() => () => void)[]} */
  const shows = [];
  /** Told whenever all is shown. @type {Set<() => void>} */
  const observers = new Set();
  const onStep = () => {
    // All of it changes before anybody is told: no listener sees one store changed and another not yet.
    for (const notify of shows.map((show) => show())) notify();
    for (const observe of observers) observe();
  };
  const { flush, ...connection } = createSocket({ ...ports, protocol, onStep });

  /**
   * @param {string} name
   * @param {Record<string, unknown>} [args]
   * @param {import('./index.js').Initial | null} [initial]
   * @returns {Store} the same one for equal arguments
   */
  const query = (name, args = {}, initial) => {
    const key = name + canonical(args);
    const store = stores.get(key) ?? create(name, args, initial && { ...initial, isPending: false });
    stores.set(key, store);
    return store;
  };

  /** @param {string} query @param {Record<string, unknown>} args @param {Partial<Answer> | null} [known] @returns {Store} */
  const create = (query, args, known) => {
    /** @type {Subscription | undefined} */
    let subscription;
    /** @type {unknown} */
    let lingering;
    // What the page was delivered with is also what it shows until it is hydrated.
    const store = createStore({ ...protocol.state(), ...known }, () => {
      clearTimer(lingering);
      const mine = (subscription ??= protocol.subscribe(query, args, known));
      flush();
      return () => {
        lingering = setTimer(() => {
          protocol.unsubscribe(mine);
          subscription = undefined;
          flush();
        }, linger);
      };
    });
    shows.push(() => {
      const before = store.get();
      const state = protocol.state(subscription);
      // A newer version of equal data is no news.
      const next = share(before, { ...state, ...live.foresee?.(query, state), version: before.version });
      return store.replace(next === before ? before : { ...next, version: state.version });
    });
    return store;
  };

  const live = {
    protocol,
    session: query('session', {}, initial),
    query,
    observers,
    flush,
    /** What of it is shown otherwise, while writes are in flight. @type {((query: string, state: State) => Partial<State>) | null} */
    foresee: null,
    /** Where a switch of the organization stands: see switching.js. */
    switching: createStore(/** @type {Switching} */ ({ status: 'idle' })),
    /** The switch to a pin, until it has ended. @type {Switching | null} */
    pinning: null,

    /** @param {string | null} to */
    pin(to) {
      protocol.pin(to);
      live.switching.replace((live.pinning = { status: 'switching', to }))();
      flush();
    },

    ...connection,
  };
  return live;
}
