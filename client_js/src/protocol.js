// @ts-check
/**
 * The client's side of the live wire (docs/protocol.md), as a pure state machine.
 *
 * It holds what was asked (the subscriptions) and what was told (their answers). It is given events and the time, and
 * drained of frames to send and of what it needs of the connection; `state` says what to show. It is not a socket: it
 * owns no WebSocket, timer, clock or randomness.
 *
 * @typedef {import('./index.js').State<any>} State
 * @typedef {import('./index.js').WireError} WireError
 * @typedef {import('./connection.js').Connection} Connection
 * @typedef {import('./subscription.js').Subscription} Subscription
 * @typedef {ReturnType<typeof createProtocol>} Protocol
 *
 * How it ended: `ended` by a definitive bye (data are gone), `failed` by another one that forbids to retry,
 * `closed` by us.
 * @typedef {'ended' | 'failed' | 'closed'} End
 *
 * What is needed next: a new connection (`backoff`: only after the usual delay), or none at all.
 * @typedef {{type: 'connect', backoff: boolean, after: number} | {type: 'rest'}} Need
 */
import { ANSWER_WITHIN, createConnection } from './connection.js';
import { isVersion, newer, parse } from './frame.js';
import { isRecord } from './sharing.js';
import { NOT_A_MEMBER, readError, tell, UNANSWERED } from './subscription.js';

/** The reasons of close code 4401: the session is over, and everybody knows it. */
const DEFINITIVE = /^(signed_out|revoked|expired|password_changed|banned|deleted)$/;
const SESSION_OVER = 4401;
const PROTOCOL_ERROR = 4400;
/** The queries that a pin applies to. */
const PINNABLE = /^(session|organizations?)$/;

export function createProtocol() {
  /** The first one of `session` is the client's own. @type {Set<Subscription>} */
  const subscriptions = new Set();
  /** @type {Connection | null} */
  let connection = null;
  /** @type {object[]} */
  let frames = [];
  /** @type {Need | null} */
  let need = null;
  /** @type {End | null} */
  let end = null;
  /** @type {string | null} */
  let reason = null;
  /** How many writes that may replace the credential are in flight. */
  let holds = 0;
  /** @type {string | null} */
  let heldReason = null;
  /** What is on show awaits its confirmation, and nothing is wrong. */
  let rebinding = true;
  /** The last attempt to connect came to nothing, or its connection was lost: the next may come to nothing, too. */
  let failing = false;
  let newest = '';
  let lastId = 0;
  /** @type {string | null} */
  let pinned = null;
  /** Why the pin was given up. @type {WireError | null} */
  let unpinned = null;

  /** @param {(subscription: Subscription) => boolean} isIt */
  const find = (isIt) => [...subscriptions].find(isIt);
  const session = () => find(({ query }) => query === 'session');
  /** @param {Subscription} subscription */
  const isPinnable = ({ query, args }) => PINNABLE.test(query) && !('organization' in args);

  // Frames to the server

  /** @param {object} frame */
  const send = (frame) => void (connection?.open && frames.push(frame));

  /** @param {Subscription} subscription @param {number} id @param {string} since '' when none is needed */
  const sendSubscribe = (subscription, id, since) => {
    const { query, args, answer } = subscription;
    send({
      op: 'subscribe',
      id,
      query,
      args: pinned && isPinnable(subscription) ? { ...args, organization: pinned } : args,
      ...(since && { since }),
      ...(answer.tag && { tag: answer.tag }),
    });
  };

  /** @param {Subscription} subscription */
  const ask = (subscription) => {
    if (!connection?.open) return;
    subscription.standing = 'asked';
    sendSubscribe(subscription, subscription.id, newest > connection.position ? newest : '');
  };

  /** @param {Subscription} subscription */
  const leave = ({ id, standing }) => {
    if (standing !== 'unasked' && standing !== 'refused') send({ op: 'unsubscribe', id });
  };

  // What is on show

  /** The version of which everything on show is, or '' while that cannot be said (P2). */
  const shown = () => {
    const own = session();
    return own?.standing === 'current' && !own.staged ? (connection?.told ?? '') : '';
  };

  /**
   * Shows what was told. On a new connection, or after a pin, only when everything on show is confirmed: it may answer
   * for another user or organization, and two of them must never be seen side by side (P2).
   */
  const settle = () => {
    if (find(({ standing, answer }) => !answer.isPending && (standing === 'asked' || standing === 'unasked'))) return;
    for (const subscription of subscriptions) {
      subscription.answer = subscription.staged ?? subscription.answer;
      subscription.staged = null;
    }
    const own = session();
    if (own?.standing === 'current') rebinding = failing = false;
    if (own?.answer.data) reason = null;
  };

  /** @param {Partial<import('./subscription.js').Answer>} change */
  const changeAnswers = (change) => {
    for (const each of subscriptions) each.answer = { ...each.answer, ...change };
  };
  const dropTags = () => changeAnswers({ tag: null });
  /** The viewer is gone: nothing to show, and that is definitive. */
  const clear = () => changeAnswers({ data: null, error: null, isPending: false, tag: null });

  /** What the end means for the subscriptions, also for those that are made after it. */
  const applyEnd = () => {
    if (end === 'ended') clear();
    if (end !== 'failed') return;
    const message = 'The server does not talk to this client.';
    changeAnswers({ error: { status: 0, code: String(reason), message }, isPending: false });
  };

  // The end of a connection

  /** Leaves the connection, and with it all that was only true on it. @param {Need} next */
  const part = (next) => {
    connection = null;
    rebinding = false;
    frames = [];
    need = next;
    for (const subscription of subscriptions) Object.assign(subscription, { standing: 'unasked', staged: null });
  };

  /** The connection is of no more use; another one is. @param {number} [after] milliseconds that the server asked for */
  const abandon = (after = 0) => {
    part({ type: 'connect', backoff: true, after });
    failing = true;
  };

  /** @param {'ended' | 'failed'} how @param {string} why */
  const stop = (how, why) => {
    part({ type: 'rest' });
    end = how;
    reason = why;
    heldReason = null;
    applyEnd();
  };

  /** The session is over, unless a write of our own is just replacing it. @param {string} why */
  const conclude = (why) => {
    if (!holds) return stop('ended', why);
    part({ type: 'rest' });
    heldReason = why;
    rebinding = true;
  };

  /**
   * The credential is another one: a new connection answers everything anew. What is on show stays until it does, but
   * none of it may be confirmed to the new viewer by a tag.
   *
   * @param {boolean} [isSignedOut] nothing stays on show
   */
  const rebind = (isSignedOut = false) => {
    if (end === 'closed') return;
    end = heldReason = null;
    part({ type: 'connect', backoff: false, after: 0 });
    dropTags();
    if (isSignedOut) {
      reason = 'signed_out';
      clear();
    }
    rebinding = true;
  };

  /**
   * Shows this organization in place of the viewer's active one (docs/protocol.md#nomenclature); null: the active one.
   *
   * @param {string | null} organization
   */
  const pin = (organization) => {
    pinned = organization;
    for (const subscription of subscriptions) {
      if (!isPinnable(subscription)) continue;
      leave(subscription);
      Object.assign(subscription, { id: ++lastId, staged: null, answer: { ...subscription.answer, tag: null } });
      ask(subscription);
    }
    if (connection?.open) rebinding = true;
  };

  // Frames from the server

  /** @param {Connection} on @param {any} result @param {string} version @returns {boolean} false: malformed */
  const takeResult = (on, result, version) => {
    if (!isRecord(result)) return false;
    const { id } = result;
    const subscription = find((each) => each.id === id);
    if (subscription) return tell(subscription, result, version) || void dropTags() || false;
    if (version >= (on.barriers.get(id) ?? 'never')) {
      on.barriers.delete(id);
      send({ op: 'unsubscribe', id });
    }
    return true; // else it crossed with the end of its subscription
  };

  /** What to do with a frame by its op; false: it is malformed. @type {Record<string, (on: Connection, frame: any) => unknown>} */
  const takes = {
    // @ts-expect-error No op means anything to this table but those in it.
    __proto__: null,

    hello(on, { heartbeat, version }) {
      if (heartbeat > 0) on.interval = heartbeat * 1000;
      if (isVersion(version)) on.position = version;
    },

    update(on, { version, results }) {
      if (!isVersion(version) || !Array.isArray(results)) return false;
      if (!results.every((result) => takeResult(on, result, version))) return false;
      newest = newer(newest, version);
      on.told = newer(on.told, version);
      on.position = newer(on.position, version);
      const refused = find((each) => isPinnable(each) && each.staged?.error?.code === NOT_A_MEMBER);
      if (pinned && refused) {
        unpinned = refused.staged?.error ?? null;
        pin(null);
      }
      settle();
    },

    status(on, { live }) {
      on.live = live;
      return typeof live === 'boolean';
    },

    error(on, frame) {
      const error = readError(frame);
      if (error.code === 'rate_limited') return false; // a frame was dropped: start over, after the usual delay
      const subscription = find(({ id, standing }) => id === frame.id && standing === 'asked');
      on.barriers.delete(frame.id);
      if (subscription && error.code !== 'duplicate_id') {
        subscription.standing = 'refused';
        subscription.staged = { ...subscription.answer, error, isPending: false };
      }
      settle();
    },

    bye(on, { reason: why, retry, after }) {
      if (typeof why !== 'string') return false;
      if (DEFINITIVE.test(why)) conclude(why);
      else if (why === 'protocol_error') stop('failed', why);
      else if (retry === false) on.bye = why;
      else abandon(after > 0 ? after : 0);
    },
  };

  /** @param {number} now @param {boolean} [open] */
  const opening = (now, open = false) => {
    if (connection?.open) rebinding = true; // a better one takes its place
    connection = createConnection(now, open);
  };

  const deadline = () => connection && (connection.answerBy ?? connection.heardAt + connection.interval);

  /** Asks whether the server is there, at once. @param {number} now */
  const probe = (now) => {
    if (!connection?.open) return;
    connection.answerBy ??= now + ANSWER_WITHIN;
    send({ op: 'ping' });
  };

  return {
    /**
     * @param {string} query
     * @param {Record<string, unknown>} [args]
     * @param {{data: unknown, version: string}} [known]  what the page was delivered with
     * @returns {Subscription}
     */
    subscribe(query, args = {}, known) {
      const answer = known ? { ...UNANSWERED, ...known, isPending: false } : UNANSWERED;
      newest = newer(newest, answer.version);
      /** @type {Subscription} */
      const subscription = { id: ++lastId, query, args, standing: 'unasked', answer, staged: null };
      subscriptions.add(subscription);
      applyEnd();
      ask(subscription);
      return subscription;
    },

    /** @param {Subscription} subscription */
    unsubscribe(subscription) {
      subscriptions.delete(subscription);
      leave(subscription);
      settle();
    },

    /**
     * Notes a version seen outside the wire, and asks to be told when everything shown is of it: see `shown`.
     *
     * @param {string} version
     */
    reach(version) {
      if (!isVersion(version)) return;
      newest = newer(newest, version);
      const own = session();
      if (!connection?.open || !own || shown() >= version) return;
      const { barriers } = connection;
      if ([...barriers.values()].some((other) => other >= version)) return;
      barriers.set(++lastId, version);
      sendSubscribe(own, lastId, version);
    },

    /** A write that may replace the credential has begun: a definitive `bye` waits until `release` says how it went. */
    hold() {
      holds += 1;
    },

    /** @param {'kept' | 'replaced' | 'signed_out'} outcome */
    release(outcome) {
      holds -= 1;
      if (outcome !== 'kept') rebind(outcome === 'signed_out');
      else if (!holds && heldReason) stop('ended', heldReason);
    },

    shown,
    rebind,
    pin,
    opening,
    probe,
    /** When `tick` is next due, if ever. */
    deadline,
    isFailing: () => failing,

    /** The handshake succeeded. @param {number} now */
    opened(now) {
      opening(now, true);
      subscriptions.forEach(ask);
    },

    /** @param {unknown} text @param {number} now */
    received(text, now) {
      if (!connection) return;
      Object.assign(connection, { heardAt: now, answerBy: null });
      const frame = parse(text);
      if (typeof frame?.op !== 'string' || takes[frame.op]?.(connection, frame) === false) abandon();
    },

    /**
     * The connection is gone, or could not be opened.
     *
     * @param {{code?: number, reason?: string}} [close] of the WebSocket's close event
     */
    closed({ code, reason: why } = {}) {
      if (!connection) return;
      const { bye } = connection;
      if (code === SESSION_OVER) conclude(bye ?? (why || 'revoked'));
      else if (bye !== null || code === PROTOCOL_ERROR) stop('failed', bye ?? 'protocol_error');
      else abandon();
    },

    /** @param {number} now */
    tick(now) {
      if (now < (deadline() ?? Infinity)) return;
      if (connection?.answerBy) abandon();
      else probe(now);
    },

    /** Nothing more is wanted. */
    close() {
      part({ type: 'rest' });
      end = 'closed';
    },

    /**
     * What there is to do since the last call: frames to send, what is needed of the connection (null: nothing new),
     * and why the pin was given up (null: it was not).
     */
    drain() {
      const drained = { frames, need, unpinned };
      frames = [];
      need = unpinned = null;
      return drained;
    },

    /** @param {Subscription} subscription @returns {State} */
    state({ standing, answer }) {
      const { data, isPending, error, version } = answer;
      /** @type {State['status']} */
      let status = isPending || rebinding ? 'connecting' : 'stale';
      if (end || standing === 'refused') status = 'closed';
      else if (standing === 'current' && connection?.live) status = 'live';
      const stale = !isPending && (status === 'stale' || (end !== null && end !== 'ended'));
      return { data, isPending, error, status, stale, version: version || null, reason };
    },
  };
}
