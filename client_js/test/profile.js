// @ts-check
/**
 * A browser profile in our hands: tabs that are opened, frozen and crash, the locks and channels between them, time, and
 * one server. Everything that happens to a tab waits in a queue of its source until a test lets it happen.
 */
import { createSharedSocket } from '../src/shared-socket.js';

export class Profile {
  time = 0;
  random;
  /** @type {Set<{at: number, run: () => void, tab: Tab}>} */
  timers = new Set();
  /** @type {Tab[]} */
  tabs = [];
  /** @type {Connection[]} */
  connections = [];
  locks = new Locks();
  /** @type {unknown[]} */
  failures = [];
  #ids = 0;

  /** @param {() => number} [random] */
  constructor(random = () => 0.5) {
    this.random = random;
  }

  open() {
    const tab = new Tab(this, ++this.#ids);
    this.tabs.push(tab);
    return tab;
  }

  get sockets() {
    return this.connections.filter(({ isClosed }) => !isClosed);
  }

  /** Lets one thing happen; false when nothing waits. */
  async turn() {
    const ready = this.tabs.flatMap((tab) => tab.ready);
    if (ready.length === 0) return false;
    ready[Math.floor(this.random() * ready.length)]?.shift()?.();
    for (let turn = 0; turn < 12; turn += 1) await null;
    if (this.failures.length > 0) throw this.failures[0];
    return true;
  }

  async settle() {
    while (await this.turn());
  }

  /** @param {number} milliseconds */
  async advance(milliseconds) {
    const end = this.time + milliseconds;
    await this.settle();
    for (;;) {
      const [next] = [...this.timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.timers.delete(next);
      this.time = Math.max(this.time, next.at);
      next.tab.queue('timers', next.run);
      await this.settle();
    }
    this.time = end;
  }
}

export class Tab {
  isFrozen = false;
  isOpen = true;
  /** @type {Set<Channel>} */
  channels = new Set();
  /** @type {Map<string, Array<() => void>>} */
  #queues = new Map();

  /** @param {Profile} profile @param {number} id */
  constructor(profile, id) {
    this.profile = profile;
    this.id = id;
    const tab = this;
    let sockets = 0;
    this.environment = {
      now: () => profile.time,
      random: profile.random,
      createId: () => `${id}.${++sockets}`,
      locks: /** @type {any} */ (profile.locks.of(this)),
      openChannel: (/** @type {string} */ name) => new Channel(tab, name),
      setTimer: (/** @type {() => void} */ run, /** @type {number} */ delay) => {
        const timer = { at: profile.time + delay, run: () => void (timer.isOff || run()), tab, isOff: false };
        profile.timers.add(timer);
        return timer;
      },
      clearTimer: (/** @type {any} */ timer) => {
        if (timer) timer.isOff = true;
        profile.timers.delete(timer);
      },
      WebSocket: /** @type {any} */ (
        class extends Connection {
          /** @param {string} url @param {string[]} protocols */
          constructor(url, protocols) {
            super(tab, url, protocols);
          }
        }
      ),
    };
    /** @type {any} */
    this.SharedSocket = createSharedSocket(this.environment);
  }

  /** @param {string} source @param {() => void} run */
  queue(source, run) {
    if (!this.isOpen) return;
    const queue = this.#queues.get(source) ?? [];
    this.#queues.set(source, queue);
    queue.push(run);
  }

  get ready() {
    return this.isOpen && !this.isFrozen ? [...this.#queues.values()].filter(({ length }) => length > 0) : [];
  }

  get openChannels() {
    return [...this.channels].filter((channel) => Channel.all.has(channel)).length;
  }

  /** The page is gone, without a word. */
  crash() {
    this.isOpen = false;
    for (const channel of this.channels) Channel.all.delete(channel);
    for (const timer of this.profile.timers) if (timer.tab === this) this.profile.timers.delete(timer);
    for (const connection of this.profile.connections) if (connection.tab === this) connection.isClosed = true;
    this.profile.locks.releaseAll(this);
  }
}

/** A BroadcastChannel: in order from each sender, in no order between them. */
class Channel {
  /** @type {Set<Channel>} */
  static all = new Set();
  /** @type {((event: any) => void) | null} */
  onmessage = null;

  /** @param {Tab} tab @param {string} name */
  constructor(tab, name) {
    this.tab = tab;
    this.name = name;
    Channel.all.add(this);
    tab.channels.add(this);
  }

  /** @param {unknown} message */
  postMessage(message) {
    if (!Channel.all.has(this)) throw new Error('The channel is closed.');
    const text = JSON.stringify(message);
    for (const other of Channel.all) {
      if (other === this || other.name !== this.name || other.tab.profile !== this.tab.profile) continue;
      other.tab.queue(`channel of ${this.tab.id}`, () => {
        if (Channel.all.has(other)) other.onmessage?.({ data: JSON.parse(text) });
      });
    }
  }

  close() {
    Channel.all.delete(this);
  }
}

/** Web Locks, exclusive ones. */
class Locks {
  /** @typedef {{tab: Tab, grant: () => void, rob: () => void}} Claim */
  /** @type {Map<string, Claim[]>} the first one holds it */
  #claims = new Map();

  /** @param {Tab} tab */
  of(tab) {
    return {
      request: (/** @type {string} */ name, /** @type {any} */ { signal, steal }, /** @type {any} */ use) =>
        new Promise((resolve, reject) => {
          let isHeld = false;
          const abort = () => {
            if (isHeld) return;
            this.#drop(name, claim);
            reject(new DOMException('Given up.', 'AbortError'));
          };
          /** @type {Claim} */
          const claim = {
            tab,
            grant: () =>
              tab.queue('locks', async () => {
                if (signal?.aborted || !this.#claims.get(name)?.includes(claim)) return;
                isHeld = true;
                await use();
                this.#drop(name, claim);
                resolve(undefined);
              }),
            rob: () => tab.queue('locks', () => reject(new DOMException('Given up.', 'AbortError'))),
          };
          signal?.addEventListener('abort', abort);
          const claims = this.#claims.get(name) ?? [];
          this.#claims.set(name, claims);
          if (steal) {
            claims.shift()?.rob();
            claims.unshift(claim);
          } else {
            claims.push(claim);
          }
          if (claims[0] === claim) claim.grant();
        }),
    };
  }

  get count() {
    return [...this.#claims.values()].flat().length;
  }

  /** @param {string} name @param {Claim} claim */
  #drop(name, claim) {
    const claims = this.#claims.get(name) ?? [];
    const wasHolder = claims[0] === claim;
    this.#claims.set(name, claims.filter((each) => each !== claim));
    if (wasHolder) this.#claims.get(name)?.[0]?.grant();
  }

  /** @param {Tab} tab */
  releaseAll(tab) {
    for (const [name, claims] of this.#claims) {
      for (const claim of claims.filter((each) => each.tab === tab)) this.#drop(name, claim);
    }
  }
}

/** The real WebSocket: what was sent on it waits for a test, or a server, to take it. */
export class Connection {
  /** @type {any[]} */
  sent = [];
  isClosed = false;
  isEnding = false;
  /** @type {((event: any) => void) | null} */
  onopen = null;
  /** @type {((event: any) => void) | null} */
  onmessage = null;
  /** @type {((event: any) => void) | null} */
  onclose = null;

  /** @param {Tab} tab @param {string} url @param {string[]} protocols */
  constructor(tab, url, protocols) {
    this.tab = tab;
    this.url = url;
    this.protocols = protocols;
    tab.profile.connections.push(this);
  }

  /** @param {string} text */
  send(text) {
    if (!this.isClosed) this.sent.push(JSON.parse(text));
  }

  close() {
    this.isClosed = true;
  }

  /** @param {object} frame */
  receive(frame) {
    if (this.isClosed || this.isEnding) return;
    this.tab.queue(`socket`, () => this.isClosed || this.onmessage?.({ data: JSON.stringify(frame) }));
  }

  /** @param {number} [code] @param {string} [reason] */
  end(code = 1006, reason = '') {
    this.isEnding = true;
    this.tab.queue('socket', () => {
      if (this.isClosed) return;
      this.isClosed = true;
      this.onclose?.({ code, reason });
    });
  }

  take() {
    return this.sent.splice(0);
  }
}
