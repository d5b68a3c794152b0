// @ts-check
/**
 * One real WebSocket, on which several askers share a subscription for equal (query, args). It knows the newest answer
 * to each, all of one version (P2); it does not know who asks.
 *
 * @typedef {import('./shared-wish.js').Wish} Wish
 * @typedef {import('./shared-wish.js').Answer} Answer
 *
 * @typedef {object} Entry
 * @property {string} query
 * @property {Record<string, unknown>} args
 * @property {number} standing                     the id of the subscription that lasts
 * @property {Map<number, {since: string, tag: string | null}>} requests  by id; those that are not answered yet
 * @property {Set<Wish>} wishes
 * @property {Answer | null} answer
 * @property {Answer | null} late                  the server cannot reach the version that a request needs
 */
import { LOST } from './connection.js';
import { isRecord, isVersion, newer, parse } from './frame.js';
import { UNDECIDED } from './ledger.js';

export class SharedWire {
  /** @type {any} */
  hello = null;
  isLive = true;
  version = '';
  #socket;
  #on;
  /** @type {Map<string, Entry>} */
  #entries = new Map();
  /** @type {Map<number, Entry>} */
  #byId = new Map();
  #lastId = 0;
  #isPinged = false;
  /** What waits for the handshake. @type {object[]} */
  #unsent = [];

  /**
   * @param {WebSocket} socket
   * @param {object} on
   * @param {(wire: SharedWire) => void} on.change   something may be told
   * @param {(wire: SharedWire) => void} on.pong
   * @param {(wire: SharedWire, frame: object) => void} on.bye
   * @param {(wish: Wish, frame: any) => void} on.refusal
   * @param {(wire: SharedWire, code: number, reason: string) => void} on.close
   */
  constructor(socket, on) {
    this.#socket = socket;
    this.#on = on;
    socket.onmessage = ({ data }) => this.#take(parse(data));
    socket.onclose = ({ code, reason }) => on.close(this, code, reason);
  }

  /** @param {Wish} wish */
  add(wish) {
    const entry = this.#entries.get(wish.key) ?? this.#createEntry(wish);
    entry.wishes.add(wish);
  }

  /** @param {Wish} wish */
  delete(wish) {
    const entry = this.#entries.get(wish.key);
    if (!entry?.wishes.delete(wish) || entry.wishes.size > 0) return;
    this.#entries.delete(wish.key);
    for (const id of new Set([entry.standing, ...entry.requests.keys()])) this.#unsubscribe(id);
  }

  /**
   * What there is to tell as of `version`; null while there is nothing, in which case the server is asked.
   *
   * @param {Wish} wish
   * @returns {Answer | null}
   */
  answerTo(wish) {
    const entry = this.#entries.get(wish.key);
    if (!entry) return null;
    const { answer, late, requests } = entry;
    const hasData = answer !== null && 'data' in answer;
    const isTellable = hasData || answer?.error || answer?.tag === wish.tag;
    if (answer && this.version >= wish.since && isTellable) return answer;
    const isAsked = [...requests.values()].some(({ since, tag }) => {
      return since >= wish.since && (hasData || tag === null || tag === wish.tag);
    });
    if (!isAsked) this.#request(entry, wish.since, (hasData && answer.tag) || wish.tag);
    return late;
  }

  ping() {
    if (this.#isPinged) return;
    this.#isPinged = true;
    this.#send({ op: 'ping' });
  }

  close() {
    this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
  }

  /** @param {Wish} wish @returns {Entry} */
  #createEntry({ key, query, args, since, tag }) {
    /** @type {Entry} */
    const entry = { query, args, standing: 0, requests: new Map(), wishes: new Set(), answer: null, late: null };
    this.#entries.set(key, entry);
    entry.standing = this.#request(entry, since, tag);
    return entry;
  }

  /** @param {Entry} entry @param {string} since @param {string | null} tag */
  #request(entry, since, tag) {
    const id = ++this.#lastId;
    const { query, args } = entry;
    entry.requests.set(id, { since, tag });
    this.#byId.set(id, entry);
    this.#send({ op: 'subscribe', id, query, args, ...(since && { since }), ...(tag && { tag }) });
    return id;
  }

  /** @param {number} id */
  #unsubscribe(id) {
    this.#byId.delete(id);
    this.#send({ op: 'unsubscribe', id });
  }

  /** @param {object} frame */
  #send(frame) {
    if (this.hello) this.#socket.send(JSON.stringify(frame));
    else this.#unsent.push(frame);
  }

  // Frames from the server

  /** @param {any} frame */
  #take(frame) {
    if (!isRecord(frame) || (!this.hello && frame.op !== 'hello' && frame.op !== 'bye')) return this.#fail();
    if (frame.op === 'hello') this.#open(frame);
    else if (frame.op === 'update') this.#update(frame);
    else if (frame.op === 'status') this.isLive = frame.live !== false;
    else if (frame.op === 'error') return this.#refuse(frame);
    else if (frame.op === 'bye') return this.#on.bye(this, frame);
    else if (frame.op === 'pong') return this.#pong();
    else return; // `pending`, or what this version does not know
    this.#on.change(this);
  }

  /** @param {any} hello */
  #open(hello) {
    this.hello = hello;
    for (const frame of this.#unsent.splice(0)) this.#send(frame);
  }

  #pong() {
    this.#isPinged = false;
    this.#on.pong(this);
  }

  /** This is not the server's language: begin anew. */
  #fail() {
    this.close();
    this.#on.close(this, LOST, '');
  }

  /** @param {any} frame */
  #update({ version, results }) {
    if (!isVersion(version) || !Array.isArray(results)) return this.#fail();
    this.version = newer(this.version, version);
    for (const result of results) {
      const entry = this.#byId.get(result?.id);
      if (!entry) continue; // it crossed with the end of its subscription
      if (result.error?.code === UNDECIDED) entry.late = { error: result.error };
      else this.#settle(entry, result);
    }
  }

  /** @param {Entry} entry @param {any} result */
  #settle(entry, { id, data, tag, error }) {
    entry.requests.delete(id);
    if (entry.requests.size === 0) entry.late = null;
    // The first one answered is the one that lasts: nobody keeps what an unanswered one would say up to date.
    if (entry.requests.has(entry.standing)) entry.standing = id;
    else if (id !== entry.standing) this.#unsubscribe(id);
    if (error) entry.answer = { error };
    else if (entry.answer?.tag !== tag) entry.answer = data === undefined ? { tag } : { data, tag };
    else if (data !== undefined && entry.answer) entry.answer.data = data;
  }

  /** @param {any} frame */
  #refuse(frame) {
    if (frame.code === 'rate_limited') return this.#fail(); // a frame was dropped, and nobody knows which
    const entry = this.#byId.get(frame.id);
    if (!entry) return;
    this.#byId.delete(frame.id);
    entry.requests.delete(frame.id);
    // A request for one asker's sake may fail, and the subscription of the others goes on.
    for (const wish of [...entry.wishes]) {
      if (frame.id === entry.standing || wish.told === null) this.#on.refusal(wish, frame);
    }
  }
}
