// @ts-check
/**
 * One real WebSocket per browser profile and origin: to each tab it looks like a WebSocket of its own. The tabs elect
 * a leader by a Web Lock, and exchange frames with it over a BroadcastChannel. When the leader goes, or freezes, the
 * next one takes over, and this tab asks it for what it still shows: the client does not notice.
 *
 * @typedef {import('./index.js').WebSocketConstructor} WebSocketConstructor
 *
 * @typedef {import('./shared-world.js').SharedOptions} SharedOptions
 */
import { LOST } from './connection.js';
import { parse } from './frame.js';
import { Ledger } from './ledger.js';
import { SharedLeader } from './shared-leader.js';
import { holdLock } from './shared-lock.js';
import { createWatch } from './shared-watch.js';
import { readWorld } from './shared-world.js';
import { StandIn } from './stand-in.js';

/** How long a leader without a connection stays: all are to hear how it ended before the next one begins. */
const PARTING = 100;

/**
 * Without Web Locks or BroadcastChannel it makes plain WebSockets.
 *
 * @param {SharedOptions} [options]
 * @returns {WebSocketConstructor}
 */
export function createSharedSocket(options = {}) {
  const world = { ...readWorld(), ...options };
  const { locks, openChannel, createId, setTimer } = world;
  /** @param {string} url @param {any} protocols */
  const connect = (url, protocols) => {
    const Plain = options.WebSocket ?? globalThis.WebSocket;
    return new Plain(url, protocols);
  };
  let isRefused = false;

  class SharedSocket extends StandIn {
    #id = createId();
    #ledger = new Ledger();
    #isLive = true;
    #isPinged = false;
    #name;
    #protocols;
    #channel;
    /** The leadership that serves us. @type {string | null} */
    #term = null;
    /** @type {SharedLeader | null} */
    #leader = null;
    #watch = createWatch({
      ...world,
      ask: () => this.#post({ kind: 'ask' }),
      despair: () => this.#leader ?? this.#elect(true),
    });
    #leaveLife;
    #leaveElection = () => {};

    /** @param {string} url @param {string | string[]} [protocols] */
    constructor(url, protocols) {
      super(url, protocols);
      this.#name = `sessionwire shared ${url}`;
      this.#protocols = protocols;
      this.#channel = /** @type {NonNullable<typeof openChannel>} */ (openChannel)(this.#name);
      this.#channel.onmessage = ({ data }) => this.#heed(data);
      // By this lock the leader knows that we live: it goes even when the page crashes.
      const held = () => this.#enter();
      this.#leaveLife = this.#hold(`${this.#name} ${this.#id}`, { held, lost: () => this.#giveUp() });
    }

    /** @param {string} text */
    send(text) {
      if (this.readyState !== 1) return;
      const frame = JSON.parse(text);
      this.#ledger.heed(frame);
      this.#isPinged ||= frame.op === 'ping';
      this.#post({ kind: 'send', term: this.#term, tab: this.#id, frame });
    }

    /** @param {number} [code] @param {string} [reason] */
    close(code = 1005, reason) {
      if (this.readyState > 1) return;
      this.readyState = 2;
      this.#depart();
      queueMicrotask(() => this.tellClose(code, reason));
    }

    // Messages between the tabs

    /** To all tabs, and to ourselves. @param {object} message */
    #post(message) {
      this.#channel.postMessage(message);
      queueMicrotask(() => this.#heed(message));
    }

    /** @param {any} message */
    #heed(message) {
      if (this.readyState > 1) return;
      const { kind, term } = message;
      const isMine = this.#leader !== null && term === this.#id;
      if (kind === 'join' && (isMine || (this.#leader && term === null))) this.#admit(message);
      else if (kind === 'send' && isMine) this.#leader?.take(message.tab, message.frame);
      else if (kind === 'ask' && this.#leader) this.#post({ kind: 'beat', term: this.#id });
      else if (kind === 'lead') this.#follow(term, true);
      else if (kind === 'beat') this.#listen(term);
      else if (term === this.#term && message.to?.includes(this.#id)) this.#receive(message);
    }

    /** @param {any} message */
    #admit(message) {
      this.#leader?.join(message);
      this.#post({ kind: 'beat', term: this.#id });
    }

    /** @param {any} message */
    #receive({ kind, text, code, reason }) {
      this.#watch.hear();
      if (kind === 'close') {
        this.#depart(this.#leader ? PARTING : 0);
        return this.tellClose(code, reason);
      }
      const frame = parse(text);
      if (frame.op === 'hello' && this.readyState === 1) return; // introduced twice
      if (frame.op === 'hello') this.tellOpen();
      else if (frame.op === 'update') this.#ledger.note(frame.results, frame.version);
      else if (frame.op === 'status') this.#isLive = frame.live;
      else if (frame.op === 'pong') this.#isPinged = false;
      else if (frame.op === 'error') this.#ledger.asked.delete(frame.id);
      this.tellMessage(text);
    }

    // Following

    #enter() {
      this.#elect(false);
      this.#join(false);
      this.#watch.inquire();
    }

    /** @param {boolean} isFirst */
    #join(isFirst) {
      const { newest, asked } = this.#ledger;
      this.#post({
        kind: 'join',
        term: this.#term,
        tab: this.#id,
        isGreeted: this.readyState === 1,
        isFirst,
        isLive: this.#isLive,
        isPinged: this.#isPinged,
        newest,
        asked: [...asked.values()],
      });
    }

    /** @param {string} term @param {boolean} isFirst */
    #follow(term, isFirst) {
      if (this.#leader && term !== this.#id) this.#yield(); // we were frozen, and somebody has taken over
      this.#term = term;
      this.#watch.hear();
      this.#join(isFirst);
    }

    /** A leader is there. @param {string} term */
    #listen(term) {
      if (term === this.#term) this.#watch.hear();
      else if (this.#leader) return;
      else if (this.#term !== null) return this.#doubt(term);
      else this.#adopt(term);
    }

    /** It has our introduction already, if this is the first that we hear of one. @param {string} term */
    #adopt(term) {
      this.#term = term;
      this.#watch.hear();
      if (this.readyState === 1) this.#join(false);
    }

    /** Another than ours: only if ours says nothing. @param {string} term */
    #doubt(term) {
      if (this.#watch.isQuiet()) this.#follow(term, false);
    }

    // Leading

    /** @param {boolean} isStolen */
    #elect(isStolen) {
      this.#leaveElection();
      const held = () => this.#lead();
      const lost = (/** @type {boolean} */ isTaken) => (isTaken ? this.#yield() : this.#giveUp());
      this.#leaveElection = this.#hold(this.#name, { held, lost }, isStolen);
    }

    /** @param {string} name @param {Parameters<typeof holdLock>[2]} on @param {boolean} [isStolen] */
    #hold(name, on, isStolen) {
      return holdLock(/** @type {LockManager} */ (locks), name, on, isStolen);
    }

    #lead() {
      if (this.#leader) return;
      this.#leader = new SharedLeader({
        connect: () => connect(this.url, this.#protocols),
        watch: (tab, gone) => this.#hold(`${this.#name} ${tab}`, { held: gone }),
        post: (message) => this.#post({ ...message, term: this.#id }),
      });
      this.#post({ kind: 'lead', term: this.#id });
    }

    /** The lock is another's now. */
    #yield() {
      if (this.readyState > 1) return; // parting
      if (this.#leader) this.#term = null;
      this.#leader?.close();
      this.#leader = null;
      this.#elect(false);
    }

    // The end

    /** @param {number} [after] */
    #depart(after = 0) {
      this.#watch.stop();
      this.#leader?.close();
      this.#leader = null;
      if (after > 0) setTimer(this.#leaveElection, after);
      else this.#leaveElection();
      this.#leaveLife();
      this.#channel.close();
    }

    /** Locks are there, but not for us, as in a sandboxed frame: the next one is a plain WebSocket. */
    #giveUp() {
      isRefused = true;
      this.#depart();
      this.tellClose(LOST);
    }
  }

  return /** @type {any} */ (
    class {
      /** @param {string} url @param {any} protocols */
      constructor(url, protocols) {
        const isShared = locks && openChannel && !isRefused;
        return isShared ? new SharedSocket(url, protocols) : connect(url, protocols);
      }
    }
  );
}

export const SharedSocket = createSharedSocket();

/**
 * @param {() => WebSocket} open  makes the one connection, where it is this tab's turn
 * @param {string} url
 * @param {import('./index.js').Environment} environment
 */
export function shareSocket(open, url, environment) {
  /** @type {any} */
  const WebSocket = function () {
    return open();
  };
  const Shared = createSharedSocket({ ...environment, WebSocket });
  return () => new Shared(url, []);
}
