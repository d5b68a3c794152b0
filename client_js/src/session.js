// @ts-check
/** The client: stores over the live wire, calls over HTTP, and the promise that the stores show what was written. */
import { createEnvironment } from './environment.js';
import { get, post } from './http.js';
import { Live } from './live.js';

/**
 * @typedef {import('./index.js').Outcome<any>} Outcome
 */

/** How long a write waits to be shown, in milliseconds. */
const SHOW_WITHIN = 5_000;
const UNTIL_WITHIN = 10_000;
/** The version that any answer has reached. */
const FIRST = '0'.repeat(16);

const api = Object.freeze({ auth: Object.freeze({ getCurrentUser: Object.freeze({ query: 'user' }) }) });

/** @type {typeof import('./index.js').createSessionClient} */
export function createSessionClient(options = {}) {
  const baseURL = readBaseURL(options.baseURL);
  const live = new Live(baseURL + (options.path ?? '/live'), {
    WebSocket: options.WebSocket ?? globalThis.WebSocket,
    environment: options.environment ?? createEnvironment(),
    linger: options.linger ?? 1_000,
  });
  const http = { fetch: options.fetch ?? globalThis.fetch.bind(globalThis), baseURL };

  /** A write under the present credential. @param {string} path @param {object} [body] */
  const write = async (path, body) => {
    const outcome = await post(http, path, body);
    if (outcome.version !== null && live.isLive) await live.reached(outcome.version, SHOW_WITHIN);
    return outcome;
  };

  /** A write after which the cookie is another one. @param {string} path @param {object} [body] */
  const replaceCredential = async (path, body) => {
    const isReachable = live.isReachable;
    live.hold();
    const outcome = await post(http, path, body);
    live.release(outcome.error === null ? 'replaced' : 'kept');
    if (outcome.error === null && isReachable) await live.reached(outcome.version ?? FIRST, SHOW_WITHIN);
    return outcome;
  };

  const signOut = async () => {
    live.hold();
    const outcome = await post(http, 'sign-out');
    live.release(outcome.error === null ? 'signed_out' : 'kept');
    return outcome;
  };

  return {
    session: /** @type {any} */ (live.session),
    query: (/** @type {any} */ reference, /** @type {any} */ args) => {
      return /** @type {any} */ (live.query(typeof reference === 'string' ? reference : reference.query, args));
    },
    api,
    signIn: { email: (body) => replaceCredential('sign-in/email', body) },
    signUp: { email: (body) => replaceCredential('sign-up/email', body) },
    signOut,
    updateUser: (body) => write('update-user', body),
    changePassword: (body) => replaceCredential('change-password', body),
    revokeSession: (body) => write('revoke-session', body),
    revokeOtherSessions: () => write('revoke-other-sessions'),
    organization: {
      create: (body) => write('organization/create', body),
      list: () => get(http, 'organization/list'),
      setActive: (body) => write('organization/set-active', body),
      getFullOrganization: (query) => get(http, 'organization/get-full-organization', query),
      listMembers: (query) => get(http, 'organization/list-members', query),
      updateMemberRole: (body) => write('organization/update-member-role', body),
      removeMember: (body) => write('organization/remove-member', body),
      leave: (body) => write('organization/leave', body),
    },
    until: async (version) => {
      if (await live.reached(version, UNTIL_WITHIN)) return;
      const { status } = live.session.get();
      const cause = status === 'closed' ? 'the connection has ended' : `not within ${UNTIL_WITHIN / 1000} seconds`;
      throw new Error(`Version ${version} is not shown: ${cause}.`);
    },
    close: () => live.close(),
  };
}

/** @param {string | undefined} stated */
function readBaseURL(stated) {
  const baseURL = stated ?? globalThis.location?.origin;
  if (baseURL === undefined) throw new TypeError('Outside a browser, createSessionClient needs a baseURL.');
  return baseURL.replace(/\/+$/, '');
}
