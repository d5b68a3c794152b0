// @ts-check
/**
 * A better-auth client plugin that makes the official hooks live: it puts what the wire shows into better-auth's atoms,
 * lays it over what better-auth reads, and lets the client carry the writes that concern the cookie. It is not a second
 * source of data: where the wire is not live, better-auth goes on as without it.
 *
 * @typedef {{value: any, lc: number, get: () => any, set: (value: any) => void}} Atom
 */
import { createCarrier } from './better-auth-carrier.js';
import { hasMore, keep, shapes } from './better-auth-shapes.js';
import { createEnvironment } from './environment.js';
import { createSessionClient } from './index.js';

/** What better-auth reads for its hooks, and the atom that shows it. @type {Record<string, string>} */
const READS = {
  '/get-session': 'session',
  '/organization/list': 'listOrganizations',
  '/organization/get-full-organization': 'activeOrganization',
  '/organization/get-active-member': 'activeMember',
  '/organization/get-active-member-role': 'activeMemberRole',
};

/** Writes that the client carries: it holds its connection, foresees the result, and waits until it is shown. */
const CARRIED = /^\/(sign-|change-password$|update-user$|organization\/set-active$)/;

/** Where an organization is new to a hook, better-auth reads what only HTTP carries; at most this often, in ms. */
const SIGNAL_EVERY = 1_000;
const SIGNALS = /** @type {const} */ ([['listOrganizations', '$listOrg'], ['activeOrganization', '$activeOrgSignal']]);

/** @type {typeof import('./better-auth.js').sessionwire} */
export function sessionwire(options = {}) {
  /** @type {ReturnType<typeof createBridge> | null} */
  let bridge = null;
  return {
    id: 'sessionwire',
    getActions(_, { atoms }, authOptions = {}) {
      const made = (bridge = createBridge(options, atoms, authOptions));
      return { getSessionClient: () => made.client };
    },
    fetchPlugins: [
      {
        id: 'sessionwire',
        name: 'sessionwire',
        init: async (path, request = {}) => ({ url: path, options: bridge?.intercept(path, request) ?? request }),
      },
    ],
  };
}

/**
 * @param {import('./index.js').ClientOptions} options
 * @param {Record<string, Atom>} atoms
 * @param {any} authOptions
 */
function createBridge(options, atoms, authOptions) {
  const { fetch = globalThis.fetch.bind(globalThis), environment = createEnvironment() } = options;
  const carrier = createCarrier(fetch);
  const client = createSessionClient({
    baseURL: readOrigin(authOptions.baseURL),
    ...options,
    environment,
    fetch: carrier.fetch,
  });
  if (typeof document === 'undefined') return { client, intercept: () => null };
  // What is pushed need not be fetched again at each focus. A developer who has said so gets it.
  authOptions.sessionOptions = { refetchOnWindowFocus: false, ...authOptions.sessionOptions };

  const names = Object.values(READS).filter((name) => atoms[name] !== undefined);
  const hasOrganizations = names.length > 1;
  const stores = {
    session: client.session,
    organizations: client.query('organizations'),
    organization: client.query('organization'),
  };

  /** The data that the wire shows. The session of `shown` was the last one. @type {any} */
  let last = null;
  /** The session that is over, whatever a belated answer says. @type {string | null} */
  let ended = null;
  /** The session of which HTTP has nothing that the wire has not. @type {string | null} */
  let covered = null;
  /** The session in whose favour the connection was made anew. @type {string | null | undefined} */
  let rebound;
  let isFirst = true;

  const shown = () => ({
    session: stores.session.get().data,
    organizations: stores.organizations.get().data,
    organization: stores.organization.get().data,
  });

  /** Whether the wire can say what an atom shows. @param {string} name */
  const knows = (name) => {
    const isSignedOut = stores.session.get().status === 'closed' && stores.session.get().reason !== null;
    const needed = name === 'session' || name === 'activeMemberRole' ? [] : [
      name === 'listOrganizations' ? stores.organizations : stores.organization,
    ];
    return isSignedOut || [stores.session, ...needed].every((store) => store.get().status === 'live');
  };

  /** @param {string} name @param {any} data */
  const show = (name, data) => {
    const atom = /** @type {Atom} */ (atoms[name]);
    const { value } = atom;
    if (value.data === data && !value.isPending && value.error === null) return;
    atom.set({ ...value, data, error: null, isPending: false });
  };

  /** @param {string} name @param {any} previous */
  const lay = (name, previous) => {
    const data = shapes[name]?.(previous, shown()) ?? null;
    return keep(atoms[name]?.value.data, data);
  };

  const showSession = () => {
    const { data, isPending } = stores.session.get();
    if (isPending || (data === last && !isFirst)) return;
    if (data === null && last !== null) ended = last.session.id;
    // A connection that never showed anybody may be one that the cookie does not reach: HTTP decides.
    const isDoubtful = data === null && last === null && atoms.session?.value.data;
    isFirst = false;
    last = data;
    if (isDoubtful) return notify('$sessionSignal');
    show('session', lay('session', atoms.session?.value.data));
  };

  const showOrganizations = () => {
    if (!hasOrganizations) return;
    const isSignedOut = !stores.session.get().isPending && !stores.session.get().data && !atoms.session?.value.data;
    for (const name of names.slice(1)) {
      if (isSignedOut) show(name, null);
      else if (knows(name)) showOrganization(name);
    }
  };

  /** @param {string} name */
  const showOrganization = (name) => {
    const { data, isPending, isRefetching } = /** @type {Atom} */ (atoms[name]).value;
    const next = lay(name, data);
    show(name, next);
    const signal = SIGNALS.find(([each]) => each === name)?.[1];
    if (signal && isNew(data, next) && !isPending && !isRefetching && /** @type {Atom} */ (atoms[name]).lc > 0) notify(signal);
  };

  const showAll = () => {
    showSession();
    showOrganizations();
  };

  /** @type {Map<string, number>} */
  const notified = new Map();
  /** @type {Set<string>} */
  const due = new Set();

  /** @param {string} signal */
  const notify = (signal) => {
    if (due.has(signal)) return;
    due.add(signal);
    const wait = (notified.get(signal) ?? -SIGNAL_EVERY) + SIGNAL_EVERY - environment.now();
    environment.setTimer(() => {
      due.delete(signal);
      notified.set(signal, environment.now());
      const atom = atoms[signal];
      atom?.set(!atom.value);
    }, Math.max(0, wait));
  };

  /** Whether a read of the session would bring nothing new: not even a later end. */
  const isAnswered = () => {
    const { data, status } = stores.session.get();
    const id = data?.session.id;
    const isDue = Date.now() >= Date.parse(data?.session.refreshAt ?? '');
    return status === 'live' && id !== undefined && id === covered && id === atoms.session?.value.data?.session.id && !isDue;
  };

  /** What was read over HTTP, with what the wire knows laid over it. @param {any} read */
  const readSession = (read) => {
    const { data, status } = stores.session.get();
    const id = read?.session?.id ?? null;
    if (id !== null && id === ended) return null;
    if (status !== 'live' && status !== 'closed') return read;
    if (id === (data?.session.id ?? null)) {
      covered = data && !hasMore(read, data) ? id : null;
      return lay('session', read);
    }
    // The cookie is another one than at the handshake.
    if (rebound !== id) void rebind((rebound = id));
    return read;
  };

  /** @param {string | null} id */
  const rebind = async (id) => {
    const answer = id === null ? '{"success":true}' : '{"user":true}';
    await carrier.carry(client, id === null ? '/sign-out' : '/sign-in/email', {}, async () => new Response(answer));
  };

  /** @param {string} path @param {any} request  better-fetch's options */
  const intercept = (path, request) => {
    const pin = path === '/organization/set-active' ? [] : Object.entries(client.headers());
    if (pin.length) request = { ...request, headers: Object.fromEntries([...new Headers(request.headers), ...pin]) };
    const send = request.customFetchImpl ?? globalThis.fetch;
    if (request.method !== 'GET') {
      if (!CARRIED.test(path)) return request;
      const customFetchImpl = (/** @type {any} */ ...args) => carrier.carry(client, path, request.body ?? {}, () => send(...args));
      return { ...request, customFetchImpl };
    }
    const name = READS[path];
    if (name === undefined || Object.keys(request.query ?? {}).length > 0) return request;
    const parse = request.jsonParser;
    if (name !== 'session') {
      return { ...request, jsonParser: (/** @type {string} */ text) => (knows(name) ? lay(name, parse(text)) : parse(text)) };
    }
    let isLocal = false;
    return {
      ...request,
      customFetchImpl: async (/** @type {any} */ ...args) => {
        isLocal = isAnswered();
        return isLocal ? new Response('{}', { headers: { 'content-type': 'application/json' } }) : send(...args);
      },
      jsonParser: (/** @type {string} */ text) => (isLocal ? lay('session', atoms.session?.value.data) : readSession(parse(text))),
    };
  };

  client.session.subscribe(showAll);
  if (hasOrganizations) {
    stores.organizations.subscribe(showAll);
    stores.organization.subscribe(showAll);
  }
  return { client, intercept };
}

/** Whether there is an organization of which better-auth has read nothing yet. @param {any} previous @param {any} next */
function isNew(previous, next) {
  const ids = new Set([previous ?? []].flat().map(({ id }) => id));
  return [next ?? []].flat().some(({ id }) => !ids.has(id));
}

/** @param {string | undefined} baseURL  also with the path of better-auth */
function readOrigin(baseURL) {
  if (baseURL) return new URL(baseURL, globalThis.location?.href).origin;
  return globalThis.location?.origin ?? 'http://localhost';
}
