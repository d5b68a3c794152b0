// @ts-check
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import '../src/after.js';
import '../src/fallback.js'; // so that it need not be waited for
import { alice, start, turn } from './client.js';
import { version } from './wire.js';

const JSON_TYPE = { headers: { 'content-type': 'application/json' } };

/** A client whose WebSockets are blocked, after the third failure. */
async function startBlocked() {
  const started = start({ isLive: false });
  const { world } = started;
  for (let failure = 0; failure < 3; failure += 1) {
    world.socket.end();
    if (failure < 2) world.advance(10_000);
  }
  await turn();
  world.advance(10_000);
  await turn();
  return started;
}

/** A client that is live by long-polling. */
async function startPolling() {
  const started = await startBlocked();
  const { nth } = started;
  await (await nth(0)).answer(update(5, { id: 1, data: alice, tag: 'a1' }), JSON_TYPE);
  await turn();
  return started;
}

/** @param {number} n @param {...object} results */
const update = (n, ...results) => ({ op: 'update', version: version(n), results });

describe('long-polling', () => {
  test('begins when three WebSockets have failed, and shows the same', async () => {
    const { world, client, calls } = await startPolling();
    assert.equal(world.sockets.length, 3);
    assert.equal(calls[0]?.url, 'http://example.test/live/poll');
    assert.deepEqual(JSON.parse(calls[0]?.request.body).subscriptions, [{ id: 1, query: 'session', args: {} }]);
    assert.deepEqual([client.session.get().data, client.session.get().status], [alice, 'live']);
    assert.equal(JSON.parse(calls[1]?.request.body).since, version(5));
    client.close();
  });

  test('begins also after a WebSocket has been open: the laptop is in another network now', async () => {
    const { world, client, nth } = start();
    for (let loss = 0; loss < 4; loss += 1) {
      world.socket.end();
      await turn();
      world.advance(10_000);
    }
    assert.equal(client.session.get().status, 'stale');
    await (await nth(0)).answer(update(5, { id: 1, unchanged: true, tag: 'a1' }), JSON_TYPE);
    await turn();
    assert.deepEqual([client.session.get().data, client.session.get().status], [alice, 'live']);
    client.close();
  });

  test('is not for connections that open and are lost again', async () => {
    const { world, calls } = start();
    for (let loss = 0; loss < 5; loss += 1) {
      world.socket.end();
      world.advance(10_000);
      world.socket.open();
      await turn();
    }
    assert.deepEqual([world.sockets.length, calls.length], [6, 0]);
  });

  test('gives way to a WebSocket as soon as one opens, without a flicker', async () => {
    const { world, client, calls } = await startPolling();
    /** @type {any[]} */
    const seen = [];
    client.session.subscribe(({ data, stale, isPending }) => seen.push([data, stale, isPending]));
    const pass = async () => {
      for (let part = 0; part < 3; part += 1) {
        world.advance(20_000);
        if (world.socket.sent.length > 0) world.socket.receive({ op: 'pong' });
        else await calls.at(-1)?.answer(update(5, { id: 1, data: alice, tag: 'a1' }), JSON_TYPE);
        await turn();
      }
    };
    await pass();
    assert.equal(world.sockets.length, 4);
    const first = world.socket;
    await pass();
    assert.ok(first.isClosed, 'one that hangs is given up for the next');
    world.socket.open(6);
    assert.deepEqual(world.socket.sent[0].tag, 'a1');
    world.socket.update(6, { id: 1, unchanged: true, tag: 'a1' });
    assert.equal(client.session.get().status, 'live');
    assert.deepEqual(new Set(seen.map((each) => JSON.stringify(each))).size, 1);
    const count = calls.length;
    await pass();
    assert.deepEqual([calls.length, world.sockets.length], [count, 5], 'nothing is polled, nothing is tried any more');
    client.close();
    assert.equal(world.timers, 0);
  });

  test('tries a WebSocket when the page or the network wakes up', async () => {
    const { world, client } = await startPolling();
    world.wake();
    await turn();
    assert.equal(world.sockets.length, 4);
    client.close();
  });

  test('goes back to WebSockets when HTTP does not answer, either', async () => {
    const { world, client, nth } = await startBlocked();
    await (await nth(0)).fail();
    await turn();
    world.advance(10_000);
    assert.equal(world.sockets.length, 4);
    assert.equal(client.session.get().isPending, true);
    client.close();
  });

  test('ends with the session, with the reason', async () => {
    const { client, nth } = await startPolling();
    await (await nth(1)).answer({ op: 'bye', reason: 'revoked', retry: false }, { status: 401, ...JSON_TYPE });
    await turn();
    assert.deepEqual([client.session.get().data, client.session.get().reason], [null, 'revoked']);
    client.close();
  });

  test('takes no stranger for the server: the page of a captive portal is no sign-out', async () => {
    const { client, nth } = await startPolling();
    await (await nth(1)).answer({ login: 'please' }, { status: 401, ...JSON_TYPE });
    await turn();
    assert.deepEqual([client.session.get().data, client.session.get().status], [alice, 'stale']);
    client.close();
  });
});
