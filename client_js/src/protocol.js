// @ts-check
/**
 * The client's side of the live wire (docs/protocol.md), as a pure state machine.
 *
 * It holds what was asked (the subscriptions) and what was told (their answers). It is given events and the time, and
 * drained of frames to send, of states to show, and of what it needs of the connection. It is not a socket: it owns
 * no WebSocket, timer, clock or randomness.
 *
 * @typedef {import('./index.js').State<unknown>} State
 * @typedef {import('./index.js').Status} Status
 * @typedef {import('./connection.js').Connection} Connection
 * @typedef {import('./subscription.js').Subscription} Subscription
 *
 * How it ended: `ended` by a definitive bye (data are gone), `failed` by another one that forbids to retry,
 * `closed` by us.
 * @typedef {'ended' | 'failed' | 'closed'} End
 *
 * What is needed next: a new connection (`backoff`: only after the usual delay), or none at all.
 * @typedef {{type: 'connect', backoff: boolean, after: number} | {type: 'rest'}} Need
 */
import { createConnection } from './connection.js';
import { isVersion, newer, parseFrame } from './frame.js';
import { isRecord } from './sharing.js';
import { readError, refuse, tell } from './subscription.js';
import { Subscriptions } from './subscriptions.js';

/** The reasons of close code 4401: the session is over, and everybody knows it. */
const DEFINITIVE_REASONS = new Set(['signed_out', 'revoked', 'expired', 'password_changed', 'banned', 'deleted']);
const SESSION_OVER = 4401;
const PROTOCOL_ERROR = 4400;

export class Protocol {
  #subscriptions = new Subscriptions();
  /** @type {Connection | null} */
  #connection = null;
  /** @type {object[]} */
  #frames = [];
  /** @type {Need | null} */
  #need = null;
  /** @type {End | null} */
  #end = null;
  /** @type {string | null} */
  #reason = null;
  /** How many writes that may replace the credential are in flight. */
  #holds = 0;
  /** @type {string | null} */
  #heldReason = null;
  #rebinding = false;
  #newest = '';
  #lastId = 0;

  // What I ask

  /**
   * @param {string} query
   * @param {Record<string, unknown>} [args]
   * @returns {number} the subscription's id
   */
  subscribe(query, args = {}) {
    const subscription = this.#subscriptions.add(++this.#lastId, query, args);
    this.#applyEnd();
    this.#ask(subscription);
    return subscription.id;
  }

  /** @param {number} id */
  unsubscribe(id) {
    const standing = this.#subscriptions.get(id)?.standing;
    this.#subscriptions.delete(id);
    if (standing !== 'unasked' && standing !== 'refused') this.#send({ op: 'unsubscribe', id });
    this.#settle();
  }

  /**
   * Notes a version seen outside the wire, and asks to be told when everything shown is of it: see `shown`.
   *
   * @param {string} version
   */
  reach(version) {
    if (!isVersion(version)) return;
    this.#see(version);
    if (this.#connection?.phase !== 'open' || this.shown >= version) return;
    const { barriers } = this.#connection;
    if ([...barriers.values()].some((other) => other >= version)) return;
    const tag = this.#subscriptions.session?.answer.tag ?? null;
    const id = ++this.#lastId;
    barriers.set(id, version);
    const frame = { op: 'subscribe', id, query: 'session', args: {}, since: version };
    this.#send(tag === null ? frame : { ...frame, tag });
  }

  /** The version of which everything on show is, or '' while that cannot be said (P2). */
  get shown() {
    const session = this.#subscriptions.session;
    return session?.standing === 'current' && session.staged === null ? (this.#connection?.told ?? '') : '';
  }

  // The credential

  /** A write that may replace the credential has begun: a definitive `bye` waits until `release` says how it went. */
  hold() {
    this.#holds += 1;
  }

  /** @param {'kept' | 'replaced' | 'signed_out'} outcome */
  release(outcome) {
    this.#holds -= 1;
    if (outcome !== 'kept') return this.rebind({ signedOut: outcome === 'signed_out' });
    if (this.#holds === 0 && this.#heldReason !== null) this.#finish(this.#heldReason);
  }

  /**
   * The credential is another one: a new connection answers everything anew. What is on show stays until it does, but
   * none of it may be confirmed to the new viewer by a tag.
   *
   * @param {{signedOut?: boolean}} [options] `signedOut`: nothing stays on show
   */
  rebind({ signedOut = false } = {}) {
    if (this.#end === 'closed') return;
    this.#end = null;
    this.#heldReason = null;
    this.#part();
    this.#subscriptions.dropTags();
    if (signedOut) {
      this.#reason = 'signed_out';
      this.#subscriptions.clear();
    }
    this.#rebinding = true;
    this.#need = { type: 'connect', backoff: false, after: 0 };
  }

  // The connection

  /** A connection is being opened. @param {number} now */
  opening(now) {
    this.#connection = createConnection('opening', now);
  }

  /** The handshake succeeded. @param {number} now */
  opened(now) {
    this.#connection = createConnection('open', now);
    for (const subscription of this.#subscriptions) this.#ask(subscription);
  }

  /**
   * @param {unknown} text
   * @param {number} now
   */
  received(text, now) {
    if (this.#connection === null) return;
    this.#connection.heartbeat.heard(now);
    const frame = parseFrame(text);
    if (frame === null || !this.#take(this.#connection, frame)) this.#abandon();
  }

  /**
   * The connection is gone, or could not be opened.
   *
   * @param {{code?: number, reason?: string}} [close] of the WebSocket's close event
   */
  closed({ code = 1006, reason = '' } = {}) {
    if (this.#connection === null) return;
    const { bye } = this.#connection;
    if (code === SESSION_OVER) this.#conclude(bye ?? (reason || 'revoked'));
    else if (bye !== null || code === PROTOCOL_ERROR) this.#fail(bye ?? 'protocol_error');
    else this.#abandon();
  }

  /** Nothing more is wanted. */
  close() {
    this.#part();
    this.#end = 'closed';
    this.#need = { type: 'rest' };
  }

  /** When `tick` is next due, if ever. */
  get deadline() {
    return this.#connection?.heartbeat.deadline ?? null;
  }

  /** @param {number} now */
  tick(now) {
    const verdict = this.#connection?.heartbeat.check(now);
    if (verdict === 'silent') this.probe(now);
    else if (verdict === 'dead') this.#abandon();
  }

  /** Asks whether the server is there, at once. @param {number} now */
  probe(now) {
    if (this.#connection?.phase !== 'open') return;
    this.#connection.heartbeat.asked(now);
    this.#send({ op: 'ping' });
  }

  /**
   * What there is to do since the last call: frames to send, states to show by subscription, and what is needed of
   * the connection (null: nothing new).
   *
   * @returns {{frames: object[], states: Map<number, State>, need: Need | null}}
   */
  drain() {
    const states = this.#subscriptions.changes((subscription) => this.#state(subscription));
    const drained = { frames: this.#frames, states, need: this.#need };
    this.#frames = [];
    this.#need = null;
    return drained;
  }

  // Frames from the server

  /**
   * @param {Connection} connection
   * @param {Record<string, unknown>} frame
   * @returns {boolean} false when the frame is malformed
   */
  #take(connection, frame) {
    switch (frame.op) {
      case 'hello':
        connection.heartbeat.agree(frame.heartbeat);
        if (isVersion(frame.version)) connection.position = frame.version;
        return true;
      case 'update':
        return this.#takeUpdate(connection, frame);
      case 'status':
        connection.live = frame.live === true;
        return typeof frame.live === 'boolean';
      case 'error':
        return this.#takeError(connection, frame);
      case 'bye':
        return this.#takeBye(connection, frame);
      default:
        return true; // pending, pong, and what later versions may add
    }
  }

  /** @param {Connection} connection @param {Record<string, unknown>} frame */
  #takeUpdate(connection, { version, results }) {
    if (!isVersion(version) || !Array.isArray(results)) return false;
    for (const result of results) {
      if (!isRecord(result) || !this.#takeResult(connection, result, version)) return false;
    }
    this.#see(version);
    connection.told = newer(connection.told, version);
    connection.position = newer(connection.position, version);
    this.#settle();
    return true;
  }

  /** @param {Connection} connection @param {Record<string, unknown>} result @param {string} version */
  #takeResult(connection, result, version) {
    const subscription = this.#subscriptions.get(result.id);
    if (subscription === undefined) {
      // Else it crossed with the end of its subscription.
      this.#passBarrier(connection, /** @type {number} */ (result.id), version);
    } else if (!tell(subscription, result, version)) {
      this.#subscriptions.dropTags();
      return false;
    }
    return true;
  }

  /** @param {Connection} connection @param {number} id @param {string} version */
  #passBarrier({ barriers }, id, version) {
    const awaited = barriers.get(id);
    if (awaited === undefined || version < awaited) return;
    barriers.delete(id);
    this.#send({ op: 'unsubscribe', id });
  }

  /** @param {Connection} connection @param {Record<string, unknown>} frame */
  #takeError({ barriers }, frame) {
    const error = readError(frame);
    if (error.code === 'rate_limited') return false; // a frame was dropped: start over, after the usual delay
    const subscription = this.#subscriptions.get(frame.id);
    barriers.delete(/** @type {number} */ (frame.id));
    if (subscription?.standing === 'asked' && error.code !== 'duplicate_id') refuse(subscription, error);
    this.#settle();
    return true;
  }

  /** @param {Connection} connection @param {Record<string, unknown>} frame */
  #takeBye(connection, { reason, retry, after }) {
    if (typeof reason !== 'string') return false;
    if (DEFINITIVE_REASONS.has(reason)) this.#conclude(reason);
    else if (reason === 'protocol_error') this.#fail(reason);
    else if (retry === false) connection.bye = reason;
    else this.#abandon(typeof after === 'number' && after > 0 ? after : 0);
    return true;
  }

  // The end of a connection

  /** The session is over, unless a write of our own is just replacing it. @param {string} reason */
  #conclude(reason) {
    if (this.#holds === 0) return this.#finish(reason);
    this.#heldReason = reason;
    this.#part();
    this.#rebinding = true;
    this.#need = { type: 'rest' };
  }

  /** @param {string} reason */
  #finish(reason) {
    this.#heldReason = null;
    this.#reason = reason;
    this.#stop('ended');
  }

  /** @param {string} reason */
  #fail(reason) {
    this.#reason = reason;
    this.#stop('failed');
  }

  /** @param {'ended' | 'failed'} end */
  #stop(end) {
    this.#part();
    this.#end = end;
    this.#need = { type: 'rest' };
    this.#applyEnd();
  }

  /** What the end means for the subscriptions, also for those that are made after it. */
  #applyEnd() {
    if (this.#end === 'ended') this.#subscriptions.clear();
    if (this.#end !== 'failed') return;
    const message = 'The server does not talk to this client.';
    this.#subscriptions.fail({ status: 0, code: this.#reason ?? 'protocol_error', message });
  }

  /**
   * The connection is of no more use; another one is.
   *
   * @param {number} [after] milliseconds that the server asked for
   */
  #abandon(after = 0) {
    this.#part();
    this.#need = { type: 'connect', backoff: true, after };
  }

  /** Leaves the connection, and with it all that was only true on it. */
  #part() {
    this.#connection = null;
    this.#rebinding = false;
    this.#frames = [];
    this.#subscriptions.part();
  }

  // What is on show

  #settle() {
    this.#subscriptions.settle();
    const { session } = this.#subscriptions;
    if (session?.standing === 'current' && session.staged === null) this.#rebinding = false;
    if (session?.answer.data) this.#reason = null;
  }

  /** @param {Subscription} subscription @returns {State} */
  #state(subscription) {
    const { data, isPending, error, version } = subscription.answer;
    const status = this.#status(subscription);
    const lasting = status === 'closed' && (this.#end === 'failed' || this.#end === 'closed');
    const stale = status === 'stale' || (lasting && !isPending);
    return { data, isPending, error, status, stale, version: version || null, reason: this.#reason };
  }

  /** @param {Subscription} subscription @returns {Status} */
  #status({ standing, answer }) {
    if (this.#end !== null || standing === 'refused') return 'closed';
    if (standing === 'current' && this.#connection?.live) return 'live';
    return answer.isPending || this.#rebinding ? 'connecting' : 'stale';
  }

  // Frames to the server

  /** @param {Subscription} subscription */
  #ask(subscription) {
    if (this.#connection?.phase !== 'open') return;
    const { id, query, args, answer } = subscription;
    /** @type {Record<string, unknown>} */
    const frame = { op: 'subscribe', id, query, args };
    if (this.#newest > this.#connection.position) frame.since = this.#newest;
    if (answer.tag !== null) frame.tag = answer.tag;
    subscription.standing = 'asked';
    this.#send(frame);
  }

  /** @param {object} frame */
  #send(frame) {
    if (this.#connection?.phase === 'open') this.#frames.push(frame);
  }

  /** @param {string} version */
  #see(version) {
    this.#newest = newer(this.#newest, version);
  }
}
