// @ts-check
/**
 * All that goes over HTTP: calls of /api/auth/* as values, what they promise of the stores, and the refreshing of the
 * session.
 *
 * @typedef {import('./index.js').Outcome<any>} Outcome
 * @typedef {import('./index.js').WireError} WireError
 */
import { createForesight } from './foresight.js';
import { isVersion, parse } from './frame.js';
import { createSwitching } from './switching.js';

/** How long a write waits to be shown, in milliseconds. */
const SHOW_WITHIN = 5_000;
/** How long a refresh that is due may wait, so that the tabs of a browser do not all ask, and how often it is tried. */
const REFRESH_WITHIN = 60_000;
const REFRESH_EVERY = 600_000;
/** The version that any answer has reached. */
const FIRST = '0'.repeat(16);

/** These go by GET. */
const READ = /(^|\/)(get|list|verify-email)/;
/** After these the cookie may be another one. */
const CREDENTIAL = /^(sign|change-password)/;

/**
 * @param {object} ports
 * @param {typeof fetch} ports.fetch
 * @param {string} ports.origin
 * @param {import('./index.js').Environment} ports.environment
 * @param {import('./live.js').Live} ports.live
 * @param {ReturnType<typeof import('./reach.js').createReach>} ports.reached
 */
export function createHttp({ fetch, origin, environment, live, reached }) {
  const { session, protocol, flush } = live;
  const patch = createForesight(live);
  let underWay = 0;
  const beginSwitch = createSwitching(live, () => underWay > 0);

  /** @param {string} path  such as `sign-in/email` @param {Record<string, any>} [input]  the body; of a read, the query */
  const call = async (path, input = {}) => {
    const isRead = READ.test(path);
    const search = isRead && String(new URLSearchParams(stated(input)));
    // A switch is not about where the tab is, but where it goes.
    const headers = path === 'organization/set-active' ? {} : protocol.headers();
    /** @type {RequestInit} */
    const request = isRead
      ? { method: 'GET', headers }
      : { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(input) };
    try {
      const url = `${origin}/api/auth/${path}${search ? `?${search}` : ''}`;
      const response = await fetch(url, { ...request, credentials: 'include' });
      return read(response, parse(await response.text()));
    } catch {
      return failure(0, 'NETWORK_ERROR', 'The server could not be reached.');
    }
  };

  /**
   * What is shown before a write is answered; each gives what ends it, when the truth is shown or with an error.
   *
   * @type {Record<string, (body: any) => (error: WireError | null) => void>}
   */
  const foresights = {
    'update-user': (body) => patch(Object.fromEntries(stated(body))),
    'organization/set-active': ({ organizationId, organizationSlug }) =>
      beginSwitch(organizationId ?? organizationSlug ?? null),
  };

  /** Writes, and waits until that is shown. @param {string} name  such as `signIn/email` @param {any} [body] @returns {Promise<Outcome>} */
  const perform = async (name, body = {}) => {
    const path = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const finish = foresights[path]?.(body);
    const { pinned } = protocol.view();
    const isCredential = CREDENTIAL.test(path);
    if (isCredential) protocol.hold();
    const outcome = await call(path, body);
    const { data, error } = outcome;
    const isReachable = session.get().status !== 'stale' && !protocol.view().failing;
    const isReplaced = isCredential && data?.user;
    const isSignedOut = path === 'sign-out' && data?.success;
    if (isCredential) protocol.release(isReplaced ? 'replaced' : isSignedOut ? 'signed_out' : 'kept');
    // In a pinned tab the pin moves along, unless it has moved meanwhile: what was asked for here is seen here.
    const isOurs = path === 'organization/set-active' && !error && pinned && pinned === protocol.view().pinned;
    if (isOurs) protocol.pin(data?.id ?? null);
    flush();
    const version = outcome.version ?? (isReplaced || isOurs ? FIRST : null);
    if (version === null || isSignedOut) finish?.(error);
    else {
      if (finish) reached(version).then(() => finish(null));
      if (isReachable) await reached(version, SHOW_WITHIN);
    }
    return outcome;
  };

  /** @type {typeof perform} */
  const counted = (...args) => {
    underWay += 1;
    return perform(...args).finally(() => (underWay -= 1));
  };

  const delay = environment.random() * REFRESH_WITHIN;
  let triedAt = -REFRESH_EVERY;

  // After every step of the connection, and none is silent for longer than a heartbeat: so no timer of its own is
  // needed, that would have to survive sleep and a changed clock.
  live.observers.add(() => {
    const now = environment.now();
    const isDue = environment.date() >= Date.parse(session.get().data?.session.refreshAt) + delay;
    if (!isDue || !environment.isVisible() || now < triedAt + REFRESH_EVERY) return;
    triedAt = now;
    call('get-session');
  });

  return counted;
}

/** The fields that are stated. @param {object} fields @returns {[string, any][]} */
function stated(fields) {
  return Object.entries(fields).filter(([, value]) => value !== undefined);
}

/** @param {Response} response @param {any} body @returns {Outcome} */
function read({ ok, status, headers }, body) {
  const { code, message } = body ?? {};
  if (!ok) return failure(status, code || 'HTTP_ERROR', message || `The server answered ${status}.`);
  // Such as the page of a captive portal.
  if (body === undefined) return failure(status, 'INVALID_RESPONSE', 'The answer is not JSON.');
  const version = headers.get('sessionwire-version');
  return { data: body, error: null, version: isVersion(version) ? version : null };
}

/** @param {number} status @param {string} code @param {string} message @returns {Outcome} */
function failure(status, code, message) {
  return { data: null, error: { status, code, message }, version: null };
}
