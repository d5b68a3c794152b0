// @ts-check
/** The client: stores over the live wire, and calls over HTTP by their names. */
import { createEnvironment } from './environment.js';
import { parse } from './frame.js';
import { createLive } from './live.js';
import { createSwitching } from './switching.js';

const UNLOADED = 'The client did not load.';

/** @type {typeof import('./index.js').createSessionClient} */
export function createSessionClient(options = {}) {
  const {
    fetch = globalThis.fetch.bind(globalThis),
    // A server process that renders pages connects nothing, even where it has WebSockets.
    WebSocket = globalThis.document && globalThis.WebSocket,
    environment = createEnvironment(),
    shared = false,
    path = '/live',
    linger = 1_000,
    initial = readInitial(),
  } = options;
  const baseURL = readBaseURL(options.baseURL);
  const url = baseURL + path;
  const live = createLive(url, { WebSocket, shared, fetch, environment, linger, initial });
  const { session } = live;
  const switching = createSwitching(live);

  const load = async () => {
    try {
      const { createAfter } = await import('./after.js');
      return createAfter({ fetch, baseURL, url, environment, live, switching, isConnected: WebSocket !== undefined });
    } catch {
      after = null; // and the next call tries again
    }
  };
  /** @type {ReturnType<typeof load> | null} */
  let after = null;
  const prepare = () => (after ??= load());
  live.observers.add(() => {
    if (!session.get().isPending) prepare();
  });

  /** @param {string} path @param {any} body @returns {Promise<import('./index.js').Outcome<any>>} */
  const perform = async (path, body) => {
    const loaded = await prepare();
    if (loaded) return loaded.perform(path, body);
    const error = { status: 0, code: 'NETWORK_ERROR', message: UNLOADED };
    return { data: null, error, version: null };
  };

  /**
   * `target`, in which every other name is a call: `organization.setActive(body)` posts to organization/set-active.
   *
   * @param {any} target
   * @param {string} [prefix]
   */
  const withCalls = (target, prefix = '') => new Proxy(target, {
    get(_, name) {
      // Frameworks probe objects by names such as `then`, `toJSON` and `__v_raw`.
      if (name in target || typeof name !== 'string' || !/^(?!then$|toJSON$)[a-z]/.test(name)) return target[name];
      const path = prefix + name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      return (target[name] = withCalls((/** @type {any} */ body) => perform(path, body), `${path}/`));
    },
  });

  return withCalls({
    session,
    query: (/** @type {any} */ reference, /** @type {any} */ args) => live.query(reference.query ?? reference, args),
    api: { auth: { getCurrentUser: { query: 'user' } } },
    organization: withCalls({ switching: switching.store }, 'organization/'),
    pin: switching.pin,
    until: async (/** @type {string} */ version) => {
      const loaded = await prepare();
      return loaded ? loaded.until(version) : Promise.reject(Error(UNLOADED));
    },
    close() {
      live.close();
      after?.then((loaded) => loaded?.close());
    },
  });
}

/** What the server has put into the page. */
function readInitial() {
  return globalThis.document && parse(document.getElementById?.('sessionwire')?.textContent);
}

/** @param {string} [baseURL] */
function readBaseURL(baseURL = globalThis.location?.origin) {
  if (!baseURL) throw new TypeError('Outside a browser, createSessionClient needs a baseURL.');
  return baseURL.replace(/\/+$/, '');
}
