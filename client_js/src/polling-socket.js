// @ts-check
/**
 * The live wire over HTTP, for networks that block WebSockets: to the client it looks like a WebSocket, to the server
 * it is one `POST <url>/poll` at a time, which is answered when there is something to say.
 *
 * @typedef {import('./index.js').WebSocketConstructor} WebSocketConstructor
 *
 * @typedef {object} PollingOptions  what it takes from the world; all have the browser's as default
 * @property {typeof globalThis.fetch} [fetch]
 * @property {() => number} [now]
 * @property {(run: () => void, delay: number) => unknown} [setTimer]
 * @property {(timer: any) => void} [clearTimer]
 */
import { LOST, PROTOCOL_ERROR, SESSION_OVER, TRY_LATER } from './connection.js';
import { isVersion, parse } from './frame.js';
import { Ledger } from './ledger.js';
import { StandIn } from './stand-in.js';

/** How long the server may hold a request, in seconds. */
const WAIT = 25;
/** Longer than that: a client that heard nothing for so long is right to ask. */
const HEARTBEAT = 40;
/** Between two requests, when the first one brought nothing: a broken server must not be stormed. In milliseconds. */
const PACE = 1_000;
const NEVER = '0'.repeat(16);
/** Errors of a result which on a WebSocket are errors of the frame that asked: the subscription is at its end. */
const REFUSALS = new Set(['unknown_query', 'invalid_args']);

/**
 * @param {PollingOptions} [options]
 * @returns {WebSocketConstructor}
 */
export function createPollingSocket(options = {}) {
  const { now = () => performance.now(), setTimer = setTimeout } = options;
  const clearTimer = options.clearTimer ?? clearTimeout;
  const fetch = options.fetch ?? ((...request) => globalThis.fetch(...request));

  class PollingSocket extends StandIn {
    #ledger = new Ledger();
    /** @type {AbortController | null} */
    #request = null;
    /** @type {any} */
    #timer = null;
    #isDue = false;
    #isPinged = false;
    #endpoint;

    /** @param {string} url  ws, wss, http or https @param {string | string[]} [protocols] */
    constructor(url, protocols) {
      super(url, protocols);
      const endpoint = new URL(url.replace(/^ws/, 'http'));
      endpoint.pathname = `${endpoint.pathname.replace(/\/$/, '')}/poll`;
      this.#endpoint = endpoint.href;
      queueMicrotask(() => this.#open());
    }

    #open() {
      this.tellOpen();
      const limits = { frame: 16_384, subscriptions: 64 };
      this.#tell({ op: 'hello', protocol: 1, version: NEVER, heartbeat: HEARTBEAT, limits });
    }

    /** @param {string} text */
    send(text) {
      if (this.readyState !== 1) return;
      const frame = JSON.parse(text);
      this.#isPinged ||= frame.op === 'ping';
      // A request that waits may have died: a ping is answered by a new one.
      if (this.#ledger.heed(frame) || frame.op === 'ping') this.#askAnew();
    }

    /** @param {number} [code] @param {string} [reason] */
    close(code = 1005, reason) {
      if (this.readyState > 1) return;
      this.readyState = 2;
      this.#drop();
      queueMicrotask(() => this.tellClose(code, reason));
    }

    /** @param {object} frame */
    #tell(frame) {
      this.tellMessage(JSON.stringify(frame));
    }

    /** @param {number} code @param {string} [reason] */
    #end(code, reason) {
      this.#drop();
      this.tellClose(code, reason);
    }

    #drop() {
      clearTimer(this.#timer);
      this.#timer = null;
      this.#request?.abort();
      this.#request = null;
    }

    /** Gives up the request that waits, and makes another one: once for all that is sent in one go. */
    #askAnew() {
      this.#drop();
      if (this.#isDue) return;
      this.#isDue = true;
      queueMicrotask(() => {
        this.#isDue = false;
        if (this.readyState === 1 && this.#request === null) this.#ask();
      });
    }

    #ask() {
      clearTimer(this.#timer);
      const { asked } = this.#ledger;
      if (asked.size > 0) this.#request = this.#post();
      else if (this.#isPinged) this.#pong(); // there is nothing that could be asked
    }

    #pong() {
      this.#isPinged = false;
      this.#tell({ op: 'pong' });
    }

    #post() {
      const controller = new AbortController();
      const askedAt = now();
      const request = fetch(this.#endpoint, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: this.#body(),
        credentials: 'include',
        cache: 'no-store',
        redirect: 'error', // a captive portal is not told what we ask
        signal: controller.signal,
      });
      /** An answer to a request that was given up has no say. @param {() => void} step */
      const heed = (step) => {
        if (this.#request !== controller) return;
        this.#request = null;
        step();
      };
      const read = async () => {
        const response = await request;
        const text = await response.text();
        heed(() => this.#take(response, text, askedAt));
      };
      read().catch(() => heed(() => this.#end(LOST)));
      return controller;
    }

    #body() {
      const { asked, newest, unconfirmed } = this.#ledger;
      const subscriptions = [...asked.values()].map(({ id, query, args, tag, error }) => {
        return { id, query, args, ...(tag !== null && { tag }), ...(error !== null && { error }) };
      });
      // What the client shows is to be confirmed now; "no change" within `wait` would come too late.
      const wait = this.#isPinged || unconfirmed.length > 0 ? 0 : WAIT;
      return JSON.stringify({ subscriptions, ...(newest && { since: newest }), wait });
    }

    /** @param {Response} response @param {string} text @param {number} askedAt */
    #take({ status, headers }, text, askedAt) {
      const isJson = /^application\/json\b/.test(headers.get('content-type') ?? '');
      const frame = isJson ? parse(text) : undefined;
      if (status === 204) return this.#unchanged(headers.get('sessionwire-version'), askedAt);
      if (status === 200 && isUpdate(frame)) return this.#update(frame, askedAt);
      if (status === 401 && isBye(frame)) return this.#part(frame, SESSION_OVER);
      if (status === 400 && typeof frame?.code === 'string') return this.#end(PROTOCOL_ERROR);
      if (status === 429 || status === 503) {
        return this.#part(isBye(frame) ? frame : postpone(headers.get('retry-after')), TRY_LATER);
      }
      this.#end(LOST); // not ours: it says nothing about the session
    }

    /** @param {any} bye @param {number} code */
    #part(bye, code) {
      if (bye) this.#tell(bye);
      this.#end(code, bye?.reason);
    }

    /** Nothing differs from the tags that we presented. @param {string | null} stated @param {number} askedAt */
    #unchanged(stated, askedAt) {
      const version = isVersion(stated) ? stated : this.#ledger.newest || NEVER;
      this.#update({ version, results: [] }, askedAt);
    }

    /** @param {any} update @param {number} askedAt */
    #update({ version, results }, askedAt) {
      /** @type {any[]} */
      const known = results.filter((/** @type {any} */ { id }) => this.#ledger.asked.has(id));
      const refused = known.filter(({ error }) => REFUSALS.has(error?.code));
      const told = known.filter((result) => !refused.includes(result));
      const isNews = this.#confirm(told, version) || refused.length > 0;
      for (const { id } of refused) this.#ledger.asked.delete(id);
      if (told.length > 0) this.#tell({ op: 'update', version, results: told });
      for (const { id, error } of refused) this.#tell({ op: 'error', ...error, id });
      if (this.#isPinged || told.length === 0) this.#pong();
      if (this.readyState !== 1) return;
      if (isNews) return this.#askAnew();
      this.#timer = setTimer(() => this.#ask(), Math.max(0, askedAt + PACE - now()));
    }

    /**
     * Adds to the results what the server did not mention because we had it, but the client has not been told so.
     *
     * @param {any[]} told
     * @param {string} version
     */
    #confirm(told, version) {
      const mentioned = new Set(told.map(({ id }) => id));
      for (const { id, tag } of this.#ledger.unconfirmed) {
        if (!mentioned.has(id)) told.push({ id, unchanged: true, tag });
      }
      return this.#ledger.note(told, version);
    }
  }

  return /** @type {any} */ (PollingSocket);
}

/** @param {any} frame */
function isUpdate(frame) {
  return frame?.op === 'update' && isVersion(frame.version) && Array.isArray(frame.results);
}

/** @param {any} frame */
function isBye(frame) {
  return frame?.op === 'bye' && typeof frame.reason === 'string';
}

/** What a server says that wants us later. @param {string | null} retryAfter seconds */
function postpone(retryAfter) {
  const after = Number(retryAfter) * 1000;
  return after > 0 ? { op: 'bye', reason: 'shutdown', retry: true, after } : null;
}

export const PollingSocket = createPollingSocket();
