// @ts-check
/** The client: stores over the live wire, and calls over HTTP by their names. */
import { createEnvironment } from './environment.js';
import { parse } from './frame.js';
import { createLive } from './live.js';

/** @type {typeof import('./index.js').createSessionClient} */
export function createSessionClient({
  baseURL = globalThis.location?.origin,
  path = '/live',
  fetch = globalThis.fetch.bind(globalThis),
  // A server process that renders pages connects nothing, even where it has WebSockets.
  WebSocket = globalThis.document && globalThis.WebSocket,
  environment = createEnvironment(),
  shared = false,
  linger = 1_000,
  // What the server has put into the page.
  initial = parse(globalThis.document?.getElementById('sessionwire')?.textContent),
} = {}) {
  if (!baseURL) throw new TypeError('No baseURL.');
  const origin = baseURL.replace(/\/+$/, '');
  const ports = { origin, url: origin + path, fetch, WebSocket, environment, shared, linger, initial };
  const live = createLive(ports);
  const { session } = live;

  /** @type {Promise<ReturnType<typeof import('./after.js').createAfter>> | null} */
  let after = null;
  const prepare = () => {
    after ??= import('./after.js').then(({ createAfter }) => createAfter({ ...ports, live }));
    after.catch(() => (after = null)); // and the next call tries again
    return after;
  };
  session.subscribe(({ isPending }) => isPending || prepare()); // always on
  live.start();

  /** @param {string} path @param {any} body @returns {Promise<import('./index.js').Outcome<any>>} */
  const perform = (path, body) => prepare().then(
    (loaded) => loaded.perform(path, body),
    ({ message }) => ({ data: null, error: { status: 0, code: 'NETWORK_ERROR', message }, version: null }),
  );

  /**
   * `target`, in which every other name is a call: `organization.setActive(body)` performs `organization/setActive`.
   *
   * @param {any} target
   * @param {string} [prefix]
   */
  const withCalls = (target, prefix = '') => new Proxy(target, {
    get(_, name) {
      // Frameworks probe objects by symbols, and by names such as `then`, `toJSON` and `__v_raw`.
      if (name in target || !/^(?!then$|toJSON$)[a-z]/.test(String(name))) return target[name];
      const path = prefix + String(name);
      return (target[name] = withCalls((/** @type {any} */ body) => perform(path, body), `${path}/`));
    },
  });

  return withCalls({
    session,
    query: (/** @type {any} */ reference, /** @type {any} */ args) => live.query(reference.query ?? reference, args),
    api: { auth: { getCurrentUser: { query: 'user' } } },
    organization: withCalls({ switching: live.switching }, 'organization/'),
    pin: live.pin,
    headers: live.protocol.headers,
    until: (/** @type {string} */ version) => prepare().then((loaded) => loaded.until(version)),
    close() {
      live.close();
      after?.then((loaded) => loaded.close(), () => {});
    },
  });
}
