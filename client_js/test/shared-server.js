// @ts-check
/** A server for shared-socket.test.js: it remembers every version, so that each frame can be compared with the truth. */
import assert from 'node:assert/strict';
import { version } from './wire.js';

/** @typedef {import('./profile.js').Connection} Connection */

const QUERIES = ['session', 'user', 'organization', 'devices'];

export class Server {
  cookie = 'alice';
  /** By version: how often each query has changed. @type {Record<string, number>[]} */
  history = [Object.fromEntries(QUERIES.map((query) => [query, 0]))];
  /** @type {Map<Connection, Line>} */
  lines = new Map();

  /** Whether a first answer has to wait, as for the database. */
  isLoading = () => false;
  /** The position of the process that a new connection meets. */
  position = () => this.head;

  /** @param {import('./profile.js').Profile} profile */
  constructor(profile) {
    this.profile = profile;
  }

  get head() {
    return this.history.length - 1;
  }

  /** @param {string[]} queries */
  commit(...queries) {
    const next = { .../** @type {Record<string, number>} */ (this.history.at(-1)) };
    for (const query of queries) next[query] = (next[query] ?? 0) + 1;
    this.history.push(next);
  }

  /** @param {string} viewer @param {any} asked @param {number} n */
  truth(viewer, { query, args }, n) {
    const session = { id: viewer, refreshAt: '2999-01-01T00:00:00.000Z' };
    return { viewer, query, args, changes: this.history[n]?.[query], session, user: { id: viewer } };
  }

  /** Does what there is to do on one connection. @param {Connection} connection @param {number} [position] */
  serve(connection, position = this.head) {
    if (connection.isClosed || connection.isEnding) return;
    const line = this.lines.get(connection) ?? new Line(this, connection);
    this.lines.set(connection, line);
    line.take();
    line.update(position);
  }

  /** All connections, until nothing is left to do. */
  async serveAll() {
    for (let round = 0; round < 8; round += 1) {
      for (const connection of this.profile.sockets) this.serve(connection);
      await this.profile.settle();
    }
  }
}

/** One connection, as the server sees it. */
class Line {
  /** @type {Map<number, any>} */
  #asked = new Map();

  /** @param {Server} server @param {Connection} connection */
  constructor(server, connection) {
    this.server = server;
    this.connection = connection;
    this.viewer = server.cookie;
    this.position = server.position();
    connection.onopen?.({});
    connection.receive({ op: 'hello', protocol: 1, version: version(this.position), heartbeat: 25, limits: {} });
  }

  take() {
    for (const frame of this.connection.take()) {
      if (frame.op === 'ping') this.connection.receive({ op: 'pong' });
      if (frame.op === 'unsubscribe') this.#asked.delete(frame.id);
      if (frame.op === 'subscribe') this.#subscribe(frame);
    }
  }

  /** @param {any} frame */
  #subscribe(frame) {
    assert.ok(!this.#asked.has(frame.id), 'the id is in use');
    if (!QUERIES.includes(frame.query)) {
      return this.connection.receive({ op: 'error', id: frame.id, code: 'unknown_query', message: '' });
    }
    this.connection.receive({ op: 'pending', id: frame.id });
    this.#asked.set(frame.id, { ...frame, isAnswered: false });
  }

  get count() {
    return this.#asked.size;
  }

  /** @param {number} position */
  update(position) {
    this.position = Math.max(this.position, Math.min(position, this.server.head));
    const results = [...this.#asked.values()].flatMap((asked) => {
      if ((asked.since ?? '') > version(this.position)) return [];
      if (!asked.isAnswered && this.server.isLoading()) return [];
      const data = this.server.truth(this.viewer, asked, this.position);
      const tag = tagOf(data);
      if (asked.isAnswered && asked.tag === tag) return [];
      const isKnown = !asked.isAnswered && asked.tag === tag;
      Object.assign(asked, { isAnswered: true, tag });
      return [isKnown ? { id: asked.id, unchanged: true, tag } : { id: asked.id, data, tag }];
    });
    if (results.length > 0) this.connection.receive({ op: 'update', version: version(this.position), results });
  }
}

/** @param {unknown} data */
export function tagOf(data) {
  return `tag of ${JSON.stringify(data)}`;
}
