// @ts-check
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createPollingSocket } from '../src/polling-socket.js';
import { compressed } from './compressed.js';
import { version } from './wire.js';
import { World } from './world.js';

/** Lets everything happen that needs no time. */
const settle = async () => {
  for (let turn = 0; turn < 20; turn += 1) await null;
};

class Exchange {
  /** @type {(response: Response) => void} */
  #resolve = () => {};
  /** @type {(error: unknown) => void} */
  #reject = () => {};
  /** @type {Promise<Response>} */
  response = new Promise((resolve, reject) => {
    this.#resolve = resolve;
    this.#reject = reject;
  });

  /** @param {string} url @param {any} init */
  constructor(url, init) {
    this.url = url;
    this.init = init;
    this.body = JSON.parse(init.body);
    init.signal.addEventListener('abort', () => this.#reject(new Error('aborted')));
  }

  get isAborted() {
    return this.init.signal.aborted;
  }

  /** @param {number} status @param {unknown} [body] @param {Record<string, string>} [headers] */
  async answer(status, body, headers = { 'content-type': 'application/json' }) {
    const text = body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body);
    this.#resolve(new Response(text, { status, headers }));
    await settle();
  }

  /** @param {number} n @param {...object} results */
  update(n, ...results) {
    return this.answer(200, { op: 'update', version: version(n), results });
  }

  async fail() {
    this.#reject(new TypeError('Failed to fetch'));
    await settle();
  }
}

class Bench {
  world = new World();
  /** @type {Exchange[]} */
  exchanges = [];
  /** @type {any[]} */
  heard = [];
  /** @type {any[]} */
  closes = [];
  isOpen = false;

  constructor(url = 'wss://example.test/live') {
    const { now, setTimer, clearTimer } = this.world.environment;
    const fetch = (/** @type {any} */ url, /** @type {any} */ init) => {
      const exchange = new Exchange(url, init);
      this.exchanges.push(exchange);
      return exchange.response;
    };
    const Socket = createPollingSocket({ fetch, now, setTimer, clearTimer });
    this.socket = new Socket(url, ['sessionwire.v1']);
    this.socket.onopen = () => (this.isOpen = true);
    this.socket.onmessage = ({ data }) => this.heard.push(JSON.parse(data));
    this.socket.onclose = ({ code, reason }) => this.closes.push({ code, reason });
  }

  get last() {
    const exchange = this.exchanges.at(-1);
    assert.ok(exchange, 'nothing was asked');
    return exchange;
  }

  /** @param {object[]} frames */
  async send(...frames) {
    for (const frame of frames) this.socket.send(JSON.stringify(frame));
    await settle();
  }

  take() {
    return this.heard.splice(0);
  }

  async advance(/** @type {number} */ milliseconds) {
    this.world.advance(milliseconds);
    await settle();
  }
}

const session = { op: 'subscribe', id: 1, query: 'session', args: {} };
const alice = { id: 1, data: { user: 'Alice' }, tag: 'a1' };

/** A socket that shows Alice as of version 1, and waits. */
async function live() {
  const bench = new Bench();
  await settle();
  await bench.send(session);
  await bench.last.update(1, alice);
  bench.take();
  return bench;
}

describe('a polling socket', () => {
  test('opens by itself, and says hello', async () => {
    const bench = new Bench();
    assert.equal(bench.isOpen, false, 'not before its handlers are set');
    await settle();
    assert.ok(bench.isOpen);
    assert.deepEqual([bench.socket.readyState, bench.socket.protocol], [1, 'sessionwire.v1']);
    const [hello] = bench.take();
    assert.deepEqual([hello.op, hello.protocol, hello.version], ['hello', 1, version(0)]);
    assert.ok(hello.heartbeat > 25, 'a request that waits is not silence');
    assert.equal(bench.exchanges.length, 0);
  });

  for (const [url, endpoint] of [
    ['ws://example.test/live', 'http://example.test/live/poll'],
    ['wss://example.test/app/live?x=1', 'https://example.test/app/live/poll?x=1'],
    ['https://example.test/live', 'https://example.test/live/poll'],
  ]) {
    test(`of ${url} asks at ${endpoint}`, async () => {
      const bench = new Bench(url);
      await settle();
      await bench.send(session);
      assert.equal(bench.last.url, endpoint);
    });
  }

  test('asks once for all that was sent in one go, with the cookie', async () => {
    const bench = new Bench();
    await settle();
    await bench.send(session, { op: 'subscribe', id: 2, query: 'user', args: { a: 1 } });
    assert.equal(bench.exchanges.length, 1);
    const { body, init } = bench.last;
    assert.deepEqual(body, {
      subscriptions: [{ id: 1, query: 'session', args: {} }, { id: 2, query: 'user', args: { a: 1 } }],
      wait: 25,
    });
    assert.deepEqual([init.method, init.credentials, init.redirect], ['POST', 'include', 'error']);
  });

  test('tells what it is answered, and presents it when it asks again', async () => {
    const bench = new Bench();
    await settle();
    await bench.send(session);
    bench.take();
    await bench.last.update(7, alice);
    assert.deepEqual(bench.take(), [{ op: 'update', version: version(7), results: [alice] }]);
    assert.deepEqual(bench.last.body, {
      subscriptions: [{ id: 1, query: 'session', args: {}, tag: 'a1' }],
      since: version(7),
      wait: 25,
    });
    assert.equal(bench.exchanges.length, 2);
  });

  test('asks again when there was nothing new, which is a sign of life', async () => {
    const bench = await live();
    await bench.advance(25_000);
    await bench.last.answer(204);
    await bench.advance(0);
    assert.deepEqual(bench.take(), [{ op: 'pong' }]);
    assert.equal(bench.exchanges.length, 3);
    assert.equal(bench.last.body.wait, 25);
  });

  test('does not storm a server that answers at once with nothing new', async () => {
    const bench = await live();
    for (const answer of [() => bench.last.answer(204), () => bench.last.update(1, alice)]) {
      const count = bench.exchanges.length;
      await answer();
      await bench.advance(999);
      assert.equal(bench.exchanges.length, count);
      await bench.advance(1);
      assert.equal(bench.exchanges.length, count + 1);
    }
  });

  test('asks anew at once when the subscriptions change, and ignores the answer it gave up', async () => {
    const bench = await live();
    const left = bench.last;
    await bench.send({ op: 'subscribe', id: 2, query: 'user', args: {} });
    assert.ok(left.isAborted);
    assert.deepEqual(bench.last.body.subscriptions.map((/** @type {any} */ each) => each.id), [1, 2]);
    await left.update(2, { id: 1, data: null, tag: 'n' });
    assert.deepEqual([bench.take(), bench.closes], [[], []]);
    await bench.send({ op: 'unsubscribe', id: 1 }, { op: 'unsubscribe', id: 2 });
    assert.ok(bench.last.isAborted);
    assert.equal(bench.exchanges.length, 3, 'there is nothing to ask for');
  });

  test('has what the client still shows confirmed at once', async () => {
    const bench = new Bench();
    await settle();
    await bench.send({ ...session, tag: 'a1', since: version(5) });
    bench.take();
    assert.deepEqual([bench.last.body.wait, bench.last.body.since], [0, version(5)]);
    await bench.last.answer(204, undefined, { 'sessionwire-version': version(6) });
    const results = [{ id: 1, unchanged: true, tag: 'a1' }];
    assert.deepEqual(bench.take(), [{ op: 'update', version: version(6), results }]);
    assert.equal(bench.last.body.wait, 25);
  });

  test('confirms what an answer does not mention, in the same frame', async () => {
    const bench = new Bench();
    await settle();
    await bench.send({ ...session, tag: 'a1' }, { op: 'subscribe', id: 2, query: 'user', args: {}, tag: 'u1' });
    bench.take();
    await bench.last.update(6, { id: 2, data: {}, tag: 'u2' });
    const [{ results }] = bench.take();
    assert.deepEqual(results, [{ id: 2, data: {}, tag: 'u2' }, { id: 1, unchanged: true, tag: 'a1' }]);
  });

  test('answers a barrier, and does not go back behind it', async () => {
    const bench = await live();
    await bench.send({ ...session, id: 9, since: version(8), tag: 'a1' });
    assert.deepEqual([bench.last.body.wait, bench.last.body.since], [0, version(8)]);
    await bench.last.answer(204, undefined, {});
    assert.deepEqual(bench.take(), [
      { op: 'update', version: version(8), results: [{ id: 9, unchanged: true, tag: 'a1' }] },
    ]);
    await bench.send({ op: 'unsubscribe', id: 9 });
    assert.equal(bench.last.body.since, version(8));
  });

  test('presents the error that is shown, and no tag with it', async () => {
    const bench = await live();
    await bench.last.update(2, { id: 1, error: { code: 'query_failed', message: '' } });
    assert.deepEqual(bench.last.body.subscriptions, [
      { id: 1, query: 'session', args: {}, error: 'query_failed' },
    ]);
  });

  test('goes on confirming while the server has not reached the version', async () => {
    const bench = new Bench();
    await settle();
    await bench.send({ ...session, tag: 'a1', since: version(5) });
    bench.take();
    await bench.advance(10_000);
    await bench.last.update(3, { id: 1, error: { code: 'version_unavailable', message: '' } });
    assert.equal(bench.take()[0].results[0].error.code, 'version_unavailable');
    assert.deepEqual([bench.last.body.since, bench.last.body.wait], [version(5), 0]);
    await bench.last.answer(204, undefined, { 'sessionwire-version': version(5) });
    assert.deepEqual(bench.take()[0].results, [{ id: 1, unchanged: true, tag: 'a1' }]);
  });

  test('tells a refused subscription as a WebSocket would, and keeps the others', async () => {
    const bench = new Bench();
    await settle();
    await bench.send(session, { op: 'subscribe', id: 2, query: 'nonsense', args: {} });
    bench.take();
    await bench.last.update(1, alice, { id: 2, error: { code: 'unknown_query', message: 'No.' } });
    assert.deepEqual(bench.take(), [
      { op: 'update', version: version(1), results: [alice] },
      { op: 'error', code: 'unknown_query', message: 'No.', id: 2 },
    ]);
    assert.deepEqual(bench.last.body.subscriptions.map((/** @type {any} */ each) => each.id), [1]);
  });

  test('answers a ping only when the server does', async () => {
    const bench = await live();
    const dead = bench.last;
    await bench.send({ op: 'ping' });
    assert.ok(dead.isAborted);
    assert.equal(bench.last.body.wait, 0);
    assert.deepEqual(bench.take(), []);
    await bench.last.answer(204);
    assert.deepEqual(bench.take(), [{ op: 'pong' }]);
    await bench.advance(1_000);
    assert.equal(bench.last.body.wait, 25);
  });
});

describe('the end of a polling socket', () => {
  for (const [title, end, code, heard] of /** @type {const} */ ([
    ['a bye', (/** @type {Exchange} */ e) => e.answer(401, { op: 'bye', reason: 'revoked', retry: false }), 4401, ['bye']],
    ['a 401 that is not ours', (/** @type {Exchange} */ e) => e.answer(401, { message: 'proxy' }), 1006, []],
    ['a refused request', (/** @type {Exchange} */ e) => e.answer(400, { code: 'invalid_frame' }), 4400, []],
    ['too many', (/** @type {Exchange} */ e) => e.answer(429, { code: 'TOO_MANY_CONNECTIONS' }), 1013, []],
    ['a stale server', (/** @type {Exchange} */ e) => e.answer(503, { op: 'status', live: false }), 1013, []],
    ['a stopping server', (/** @type {Exchange} */ e) => e.answer(503, { op: 'bye', reason: 'shutdown', retry: true }), 1013, ['bye']],
    ['a server that wants us later', (/** @type {Exchange} */ e) => e.answer(503, '', { 'retry-after': '5' }), 1013, ['bye']],
    ['no network', (/** @type {Exchange} */ e) => e.fail(), 1006, []],
    ['a captive portal', (/** @type {Exchange} */ e) => e.answer(200, '<html>', { 'content-type': 'text/html' }), 1006, []],
    ['a portal that says JSON', (/** @type {Exchange} */ e) => e.answer(200, '<html>'), 1006, []],
    ['JSON of somebody else', (/** @type {Exchange} */ e) => e.answer(200, { op: 'bye', reason: 'revoked' }), 1006, []],
    ['a server without polling', (/** @type {Exchange} */ e) => e.answer(404, { code: 'NOT_FOUND' }), 1006, []],
  ])) {
    test(`by ${title} has code ${code}`, async () => {
      const bench = await live();
      await end(bench.last);
      assert.deepEqual(bench.closes.map((close) => close.code), [code]);
      assert.deepEqual(bench.heard.map(({ op }) => op), heard);
      await bench.advance(60_000);
      assert.deepEqual([bench.exchanges.length, bench.world.timers], [2, 0]);
    });
  }

  test('carries the reason, and the time that the server asks for', async () => {
    const ended = await live();
    await ended.last.answer(401, { op: 'bye', reason: 'revoked', retry: false });
    assert.deepEqual(ended.closes, [{ code: 4401, reason: 'revoked' }]);
    const postponed = await live();
    await postponed.last.answer(503, { code: 'SERVICE_UNAVAILABLE' }, { 'retry-after': '5' });
    assert.deepEqual([postponed.heard[0].retry, postponed.heard[0].after], [true, 5_000]);
  });

  test('by close leaves no request and no timer, whenever it comes', async () => {
    const waiting = await live();
    waiting.socket.close();
    assert.ok(waiting.last.isAborted);
    await settle();
    assert.deepEqual(waiting.closes.map(({ code }) => code), [1005]);

    const telling = await live();
    telling.socket.onmessage = () => telling.socket.close();
    await telling.last.update(1, alice);
    await telling.advance(60_000);
    assert.deepEqual([telling.exchanges.length, telling.world.timers], [2, 0]);

    const opening = new Bench();
    opening.socket.close();
    await settle();
    assert.deepEqual([opening.isOpen, opening.heard], [false, []]);
  });
});

test('the size of the polling socket is printed', (t) => {
  const size = compressed('polling-socket.js', 'ledger.js', 'stand-in.js');
  t.diagnostic(`polling-socket.js, ledger.js, stand-in.js: ${size} bytes`);
  assert.ok(size <= 2_688, `${size} bytes`);
});
