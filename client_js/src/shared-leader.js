// @ts-check
/**
 * The one who has the real WebSocket, in one tab, on behalf of all: what each tab wants, what it was told, and what is
 * therefore to be told. It is not elected here, and it decides nothing for the tabs.
 *
 * A tab counts on a handshake that is not older than itself, as with a WebSocket of its own: the cookie may have
 * changed since the present one. So a newcomer makes a new connection, to which all move once it is open; they are
 * told nothing until it has confirmed what they show (P2), and then only what differs.
 *
 * @typedef {import('./shared-wish.js').Wish} Wish
 * @typedef {import('./ledger.js').Asked} Asked
 *
 * @typedef {object} Tab
 * @property {string} id
 * @property {SharedWire | null} wire   null: it waits for one that is newer
 * @property {boolean} isGreeted        it has had its `hello`
 * @property {boolean} isLive           as it was last told
 * @property {boolean} isPinged         it waits for a `pong`
 * @property {string} version           the newest that it was told
 * @property {Map<number, Wish>} wishes
 * @property {() => void} forget        ends the watch over its life
 *
 * @typedef {object} Join  a tab's introduction
 * @property {string} tab
 * @property {boolean} isGreeted
 * @property {boolean} isFirst   the leadership is younger than the tab, and with it its connection
 * @property {boolean} isLive
 * @property {boolean} isPinged
 * @property {string} newest
 * @property {Asked[]} asked
 */
import { LOST } from './connection.js';
import { newer } from './frame.js';
import { UNDECIDED } from './ledger.js';
import { SharedWire } from './shared-wire.js';
import { tell, toWish } from './shared-wish.js';

export class SharedLeader {
  /** @type {SharedWire | null} */
  #wire = null;
  /** Its handshake is under way. @type {SharedWire | null} */
  #next = null;
  /** @type {Map<string, Tab>} */
  #tabs = new Map();
  #ports;

  /**
   * @param {object} ports
   * @param {() => WebSocket} ports.connect
   * @param {(tab: string, gone: () => void) => () => void} ports.watch  calls `gone` when the tab has ended; its undo
   * @param {(message: object) => void} ports.post
   */
  constructor(ports) {
    this.#ports = ports;
    this.#next = this.#dial();
  }

  /** @param {Join} introduction */
  join({ tab: id, isGreeted, isFirst, isLive, isPinged, newest, asked }) {
    this.leave(id);
    const forget = this.#ports.watch(id, () => this.leave(id));
    const wishes = new Map(asked.map((each) => [each.id, toWish(each, newest)]));
    /** @type {Tab} */
    const tab = { id, wire: null, isGreeted, isLive, isPinged, version: newest, wishes, forget };
    this.#tabs.set(id, tab);
    if (isGreeted || isFirst) this.#place(tab, this.#wire ?? this.#next);
    this.#advance();
  }

  /** @param {string} id */
  leave(id) {
    const tab = this.#tabs.get(id);
    if (!tab) return;
    this.#tabs.delete(id);
    tab.forget();
    this.#withdraw(tab);
  }

  /** A frame from a tab. @param {string} id @param {any} frame */
  take(id, frame) {
    const tab = this.#tabs.get(id);
    if (!tab) return;
    if (frame.op === 'subscribe') this.#subscribe(tab, frame);
    if (frame.op === 'unsubscribe') this.#unsubscribe(tab, frame.id);
    if (frame.op !== 'ping') return;
    tab.isPinged = true;
    tab.wire?.ping();
  }

  close() {
    for (const tab of this.#tabs.values()) tab.forget();
    this.#tabs.clear();
    this.#wire?.close();
    this.#next?.close();
  }

  // Connections

  /** @param {any} [socket] */
  #dial(socket = this.#ports.connect()) {
    // Of one that stands in for a WebSocket: that one has opened. All move there when it has greeted us.
    socket.onupgrade = (/** @type {WebSocket} */ better) => {
      if (this.#next) better.close();
      else this.#next = this.#dial(better);
    };
    return new SharedWire(socket, {
      change: (wire) => this.#serve(wire),
      pong: (wire) => this.#pong(wire),
      bye: (wire, frame) => this.#tell(this.#on(wire), frame),
      refusal: (wish, frame) => this.#refuse(wish, frame),
      close: (wire, code, reason) => this.#lose(wire, code, reason),
    });
  }

  /** Makes a connection for those who wait for a newer one. */
  #advance() {
    const waiting = this.#on(null);
    if (this.#next || waiting.length === 0) return;
    this.#next = this.#dial();
    for (const tab of waiting) this.#place(tab, this.#next);
  }

  /** @param {SharedWire | null} wire */
  #on(wire) {
    return [...this.#tabs.values()].filter((tab) => tab.wire === wire);
  }

  /** The new connection is open: everybody moves there. @param {SharedWire} next */
  #switch(next) {
    const previous = this.#wire;
    this.#wire = next;
    this.#next = null;
    if (previous) {
      for (const tab of this.#on(previous)) this.#place(tab, next);
      previous.close();
    }
    this.#advance();
  }

  /** @param {SharedWire} wire @param {number} code @param {string} reason */
  #lose(wire, code, reason) {
    if (wire === this.#next) this.#next = null;
    if (wire === this.#wire) this.#wire = null;
    this.#end(this.#on(wire), code, reason);
    this.#advance();
  }

  /** @param {Tab[]} tabs @param {number} code @param {string} [reason] */
  #end(tabs, code, reason = '') {
    const to = tabs.map(({ id }) => id);
    for (const id of to) this.leave(id);
    if (to.length > 0) this.#ports.post({ kind: 'close', to, code, reason });
  }

  // What a tab wants

  /** @param {Tab} tab @param {SharedWire | null} wire */
  #place(tab, wire) {
    this.#withdraw(tab);
    tab.wire = wire;
    if (!wire) return;
    for (const wish of tab.wishes.values()) {
      wish.isOwed ||= wish.told !== null;
      wish.told = null;
      wish.since = newer(wish.since, tab.version);
      wire.add(wish);
    }
    if (tab.isPinged) wire.ping();
    if (wire.hello) this.#serveTab(tab, wire);
  }

  /** @param {Tab} tab */
  #withdraw(tab) {
    for (const wish of tab.wishes.values()) tab.wire?.delete(wish);
  }

  /** @param {Tab} tab @param {any} frame */
  #subscribe(tab, { id, query, args = {}, since = '', tag = null }) {
    this.#unsubscribe(tab, id);
    const wish = toWish({ id, query, args, since, tag, error: null, isConfirmed: false }, tab.version);
    tab.wishes.set(id, wish);
    tab.wire?.add(wish);
    if (tab.wire?.hello) this.#serveTab(tab, tab.wire);
  }

  /** @param {Tab} tab @param {number} id */
  #unsubscribe(tab, id) {
    const wish = tab.wishes.get(id);
    if (!wish) return;
    tab.wishes.delete(id);
    tab.wire?.delete(wish);
    if (wish.isOwed && tab.wire?.hello) this.#serveTab(tab, tab.wire); // the others may have waited for it
  }

  /** @param {Wish} wish @param {any} frame */
  #refuse(wish, frame) {
    const tab = [...this.#tabs.values()].find(({ wishes }) => wishes.get(wish.id) === wish);
    if (!tab) return;
    // What it shows cannot be refused on an open connection: it has to begin anew.
    if (wish.isOwed || wish.told) return this.#end([tab], LOST);
    this.#unsubscribe(tab, wish.id);
    this.#tell([tab], { ...frame, id: wish.id });
  }

  // What a tab is told

  /** @param {SharedWire} wire */
  #serve(wire) {
    if (wire === this.#next) this.#switch(wire);
    for (const tab of this.#on(wire)) this.#serveTab(tab, wire);
  }

  /** @param {Tab} tab @param {SharedWire} wire */
  #serveTab(tab, wire) {
    if (!tab.isGreeted) this.#tell([tab], { ...wire.hello, version: newer(wire.hello.version, wire.version) });
    tab.isGreeted = true;
    if (tab.isLive !== wire.isLive) this.#tell([tab], { op: 'status', live: wire.isLive });
    tab.isLive = wire.isLive;
    const answers = [...tab.wishes.values()].map((wish) => ({ wish, answer: wire.answerTo(wish) }));
    const owed = answers.filter(({ wish }) => wish.isOwed);
    if (owed.some(({ answer }) => answer?.error?.code === UNDECIDED)) return this.#end([tab], LOST);
    if (owed.some(({ answer }) => answer === null)) return;
    const results = answers.flatMap(({ wish, answer }) => (answer && answer !== wish.told ? tell(wish, answer) : []));
    if (results.length === 0) return;
    tab.version = newer(tab.version, wire.version);
    this.#tell([tab], { op: 'update', version: wire.version, results });
  }

  /** @param {SharedWire} wire */
  #pong(wire) {
    const pinged = this.#on(wire).filter(({ isPinged }) => isPinged);
    for (const tab of pinged) tab.isPinged = false;
    this.#tell(pinged, { op: 'pong' });
  }

  /** @param {Tab[]} tabs @param {object} frame */
  #tell(tabs, frame) {
    if (tabs.length === 0) return;
    this.#ports.post({ kind: 'frame', to: tabs.map(({ id }) => id), text: JSON.stringify(frame) });
  }
}
