// @ts-check
/**
 * The client's side of the live wire (docs/protocol.md), as a pure state machine.
 *
 * It holds what was asked (the subscriptions) and what was told (their answers). It is given events and the time, and
 * drained of frames to send and of what it needs of the connection; `state` says what to show. It is not a socket: it
 * owns no WebSocket, timer, clock or randomness. Times are in milliseconds.
 *
 * @typedef {import('./index.js').State<any>} State
 * @typedef {import('./index.js').WireError} WireError
 * @typedef {import('./subscription.js').Answer} Answer
 * @typedef {import('./subscription.js').Subscription} Subscription
 * @typedef {ReturnType<typeof createProtocol>} Protocol
 *
 * A new connection is needed after this time, when it is a retry after the usual delay, too; `Infinity`: none at all.
 * @typedef {{after: number, isRetry: boolean}} Need
 *
 * How it ended, as what that makes of every answer.
 * @typedef {Partial<Answer>} End
 */
import { ANSWER_WITHIN, INTERVAL, NONE, OPEN, OPENING, PROTOCOL_ERROR, SESSION_OVER } from './connection.js';
import { isVersion, newer, parse } from './frame.js';
import { ASKED, CURRENT, REFUSED, UNASKED } from './standing.js';
import { readError, tell, UNANSWERED } from './subscription.js';

/** The reasons of close code 4401: the session is over, and everybody knows it. */
const DEFINITIVE = /^(signed_out|revoked|expired|password_changed|banned|deleted)$/;
/** The queries that a pin applies to. */
const PINNABLE = /^(session|organizations?)$/;

/** The viewer is gone: there is nothing to show, and that is definitive. @type {End} */
const ENDED = { data: null, error: null, isPending: false, tag: null };
/** We want no more. @type {End} */
const CLOSED = {};
/** What was said about another credential cannot be confirmed by its tag. */
const UNTAGGED = { tag: null };

export function createProtocol() {
  /** The first one of `session` is the client's own. @type {Set<Subscription>} */
  const subscriptions = new Set();
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
  /** The last attempt to connect came to nothing, or its connection was lost: the next may come to nothing, too. */
  let failing = false;
  let newest = '';
  let lastId = 0;
  /** @type {string | null} */
  let pinned = null;
  /** Why the last pin was given up. @type {WireError | null} */
  let refusal = null;

  // The present connection, and what is forgotten with it
  let connection = NONE;
  let isLive = true;
  /** The newest version that it has proved to have. */
  let position = '';
  /** A `bye` whose meaning the close code will decide. @type {string | null} */
  let bye = null;
  /** Of silence, before the server is asked whether it is there (docs/protocol.md#heartbeat). */
  let interval = 0;
  /** When an answer is due, or it is time to ask for one. */
  let due = Infinity;
  let isDue = true;

  /** @param {(subscription: Subscription) => unknown} isIt */
  const find = (isIt) => [...subscriptions].find(isIt);
  const session = () => find(({ query }) => query === 'session');
  /** @param {Subscription} subscription */
  const isPinnable = ({ query, args }) => PINNABLE.test(query) && !args.organization;

  // Frames to the server

  /** @param {Subscription} subscription */
  const ask = (subscription) => {
    if (connection !== OPEN) return;
    const { id, query, args, answer } = subscription;
    subscription.standing = ASKED;
    frames.push({
      op: 'subscribe',
      id,
      query,
      args: pinned && isPinnable(subscription) ? { ...args, organization: pinned } : args,
      ...(newest > position && { since: newest }),
      ...(answer.tag && { tag: answer.tag }),
    });
  };

  /** @param {Subscription} subscription */
  const leave = ({ id, standing }) => {
    if (connection === OPEN && standing !== REFUSED) frames.push({ op: 'unsubscribe', id });
  };

  // What is on show

  /**
   * Shows what was told. On a new connection, or after a pin, only when everything on show is confirmed: it may answer
   * for another user or organization, and two of them must never be seen side by side (P2).
   */
  const settle = () => {
    if (find(({ standing, answer }) => standing < CURRENT && !answer.isPending)) return;
    for (const each of subscriptions) each.answer = each.staged;
    const own = session();
    if (own?.standing === CURRENT) failing = false;
    if (own?.answer.data) reason = null;
  };

  // The end of a connection

  /**
   * Leaves the connection, and with it all that was only true on it.
   *
   * @param {Partial<Answer>} change  of what is on show
   * @param {number} [after]  when another one is needed
   * @param {boolean} [isRetry]
   */
  const part = (change, after = Infinity, isRetry = false) => {
    connection = NONE;
    due = Infinity;
    frames = [];
    need = { after, isRetry };
    for (const each of subscriptions) {
      each.standing = UNASKED;
      each.answer = each.staged = { ...each.answer, ...change };
    }
  };

  /** The connection is of no more use; another one is. @param {Partial<Answer>} change @param {any} [after] */
  const abandon = (change, after) => {
    part(change, after > 0 ? after : 0, true);
    failing = true;
  };

  /** @param {End} how @param {string | null} why */
  const stop = (how, why) => {
    part(how);
    end = how;
    reason = why;
    heldReason = null;
  };

  /** @param {string} code */
  const fail = (code) => {
    stop({ error: readError({ code, message: code }), isPending: false }, code);
  };

  /** The session is over, unless a write of our own is just replacing it. @param {string} why */
  const conclude = (why) => {
    if (!holds) return stop(ENDED, why);
    part({});
    heldReason = why;
  };

  /**
   * The credential is another one: a new connection answers everything anew. What is on show stays until it does.
   *
   * @param {boolean} [isSignedOut] nothing stays on show
   */
  const rebind = (isSignedOut = false) => {
    if (end === CLOSED) return;
    end = heldReason = null;
    part(isSignedOut ? ENDED : UNTAGGED, 0);
    if (isSignedOut) reason = 'signed_out';
  };

  /**
   * Shows this organization in place of the viewer's active one (docs/protocol.md#nomenclature); null: the active one.
   *
   * @param {string | null} organization
   * @param {WireError | null} [why]  the last pin is given up
   */
  const pin = (organization, why = null) => {
    pinned = organization;
    refusal = why;
    for (const each of subscriptions) {
      if (!isPinnable(each)) continue;
      leave(each);
      each.id = ++lastId;
      each.answer = each.staged = { ...each.answer, ...UNTAGGED };
      ask(each);
    }
  };

  // Frames from the server

  /** What to do with a frame by its op; false: it is malformed. @type {Record<string, (frame: any) => unknown>} */
  const takes = {
    // @ts-expect-error No op means anything to this table but those in it.
    __proto__: null,

    hello({ heartbeat, version }) {
      interval = heartbeat * 1000 || interval;
      position = newer(version, position);
    },

    update({ version, results, ack }) {
      if (!isVersion(version) || !Array.isArray(results)) return false;
      for (const result of results) {
        if (!(result?.id >= 0)) return false;
        const subscription = find(({ id }) => id === result.id); // none: it crossed with its end
        if (subscription && !tell(subscription, result, version)) return false;
      }
      newest = newer(newest, version);
      position = newer(position, version);
      const refused = pinned && find((each) => isPinnable(each) && each.standing === CURRENT && each.staged.error);
      // That an answer is an error is said of those who are no member.
      if (refused) pin(null, refused.staged.error);
      settle();
      if (ack) frames.push({ op: 'ack', version });
    },

    status({ live }) {
      isLive = live;
      return live !== undefined;
    },

    error(frame) {
      if (frame.code === 'rate_limited') return false; // a frame was dropped: start over, after the usual delay
      const refused = find(({ id, standing }) => id === frame.id && standing === ASKED);
      if (refused) {
        refused.standing = REFUSED;
        refused.staged = { ...refused.answer, error: readError(frame), isPending: false };
      }
      settle();
    },

    bye({ reason: why, retry, after }) {
      if (!why) return false;
      if (DEFINITIVE.test(why)) conclude(why);
      else if (why === 'protocol_error') fail(why);
      else if (retry === false) bye = why;
      else abandon({}, after);
    },
  };

  /** A handshake begins. @param {number} now */
  const opening = (now, as = OPENING) => {
    connection = as;
    isLive = isDue = true;
    position = '';
    bye = null;
    interval = INTERVAL;
    due = now + ANSWER_WITHIN;
  };

  /** Asks whether the server is there, at once. @param {number} now */
  const probe = (now) => {
    if (!isDue) due = now + ANSWER_WITHIN;
    isDue = true;
    if (connection === OPEN) frames.push({ op: 'ping' });
  };

  return {
    /**
     * @param {string} query
     * @param {Record<string, unknown>} [args]
     * @param {Partial<Answer> | null} [known]  what is on show already
     * @returns {Subscription}
     */
    subscribe(query, args = {}, known) {
      const answer = { ...UNANSWERED, ...known, ...end };
      newest = newer(answer.version ?? '', newest);
      const subscription = { id: ++lastId, query, args, standing: UNASKED, answer, staged: answer };
      subscriptions.add(subscription);
      ask(subscription);
      return subscription;
    },

    /** @param {Subscription} subscription */
    unsubscribe(subscription) {
      subscriptions.delete(subscription);
      leave(subscription);
      settle();
    },

    /** A write that may replace the credential has begun: a definitive `bye` waits until `release` says how it went. */
    hold() {
      holds += 1;
    },

    /** @param {'kept' | 'replaced' | 'signed_out'} outcome */
    release(outcome) {
      holds -= 1;
      if (outcome !== 'kept') rebind(outcome === 'signed_out');
      else if (!holds && heldReason) stop(ENDED, heldReason);
    },

    /** What a request over HTTP says of the pin. @returns {Record<string, string>} */
    headers: () => (pinned ? { 'sessionwire-organization': pinned } : {}),

    /** What those who write, wait and switch need to know. */
    view: () => ({ session: session(), position, failing, pinned, refusal }),

    rebind,
    pin,
    opening,
    probe,

    /** When `tick` is next due; `Infinity`: never. */
    deadline: () => due,

    /** The handshake succeeded. @param {number} now */
    opened(now) {
      opening(now, OPEN);
      subscriptions.forEach(ask);
    },

    /** @param {unknown} text @param {number} now */
    received(text, now) {
      if (!connection) return;
      isDue = false;
      due = now + interval;
      const frame = parse(text);
      if (!frame?.op || takes[frame.op]?.(frame) === false) abandon(UNTAGGED);
    },

    /**
     * The connection is gone, or could not be opened.
     *
     * @param {{code?: number, reason?: string}} [close] of the WebSocket's close event
     */
    closed({ code, reason: why } = {}) {
      if (!connection) return;
      if (code === SESSION_OVER) conclude(bye ?? (why || 'revoked'));
      else if (bye || code === PROTOCOL_ERROR) fail(bye ?? 'protocol_error');
      else abandon({});
    },

    /** @param {number} now */
    tick(now) {
      if (now < due) return;
      if (isDue) abandon({});
      else probe(now);
    },

    /** Nothing more is wanted. */
    close: () => stop(CLOSED, reason),

    /** What there is to do since the last call: frames to send, and what is needed of the connection (null: nothing new). */
    drain() {
      const drained = { frames, need };
      frames = [];
      need = null;
      return drained;
    },

    /**
     * @param {Pick<Subscription, 'standing' | 'answer'>} [subscription]  else one that is not made yet
     * @returns {State} what it shows
     */
    state({ standing, answer } = { standing: UNASKED, answer: UNANSWERED }) {
      const { tag: _, isPending, ...rest } = answer;
      /** @type {State['status']} */
      let status = isPending || (standing < CURRENT && !failing) ? 'connecting' : 'stale';
      if (end || standing === REFUSED) status = 'closed';
      else if (standing === CURRENT && isLive) status = 'live';
      const stale = !isPending && (end ? end !== ENDED : status === 'stale');
      return { ...rest, isPending, status, stale, reason };
    },
  };
}
