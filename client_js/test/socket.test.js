// @ts-check
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createProtocol } from '../src/protocol.js';
import { createSocket } from '../src/socket.js';
import { version } from './wire.js';
import { World } from './world.js';

/** @param {{fetch?: any, onStep?: () => void}} [options] */
function start({ fetch = async () => assert.fail('no HTTP'), onStep = () => {} } = {}) {
  const world = new World();
  const protocol = createProtocol();
  const subscription = protocol.subscribe('session');
  /** @type {import('../src/index.js').State<any>[]} */
  const states = [];
  const socket = createSocket({
    url: 'http://example.test/live',
    protocol,
    WebSocket: world.WebSocket,
    fetch,
    environment: world.environment,
    onStep() {
      states.push(protocol.state(subscription));
      onStep();
    },
  });
  socket.start();
  return { world, protocol, socket, states };
}

function startLive() {
  const started = start();
  started.world.socket.open();
  started.world.socket.update(1, { id: 1, data: { user: 'Alice' }, tag: 'a1' });
  return started;
}

test('offers the subprotocol, and asks when the handshake is done', () => {
  const { world, states } = startLive();
  assert.deepEqual([world.socket.url, world.socket.protocols], ['ws://example.test/live', ['sessionwire.v1']]);
  assert.deepEqual(world.socket.sent, [{ op: 'subscribe', id: 1, query: 'session', args: {} }]);
  assert.equal(states.at(-1)?.status, 'live');
});

describe('reconnecting', () => {
  test('happens after a jittered, growing delay', () => {
    const { world } = start();
    for (const delay of [125, 250, 500, 1000, 2000, 4000, 5000, 5000]) {
      const count = world.sockets.length;
      world.socket.end();
      world.advance(delay - 1);
      assert.equal(world.sockets.length, count);
      world.advance(1);
      assert.equal(world.sockets.length, count + 1);
    }
  });

  test('presents what is held, and keeps it on show as stale', () => {
    const { world, states } = startLive();
    world.socket.end();
    assert.deepEqual([states.at(-1)?.data, states.at(-1)?.status], [{ user: 'Alice' }, 'stale']);
    world.advance(125);
    world.socket.open();
    assert.deepEqual(world.socket.sent, [
      { op: 'subscribe', id: 1, query: 'session', args: {}, since: version(1), tag: 'a1' },
    ]);
  });

  test('honours the time that the server asks for', () => {
    const { world } = startLive();
    world.socket.receive({ op: 'bye', reason: 'shutdown', retry: true, after: 3000 });
    world.advance(3124);
    assert.equal(world.sockets.length, 1);
    world.advance(1);
    assert.equal(world.sockets.length, 2);
  });

  test('never happens after a bye that forbids it', () => {
    const { world } = startLive();
    world.socket.bye('revoked');
    world.socket.end(4401);
    world.wake();
    world.advance(3_600_000);
    assert.equal(world.sockets.length, 1);
    assert.equal(world.timers, 0);
  });

  test('happens at once when the page or the network wakes up', () => {
    const { world } = start();
    world.random = () => 0.99;
    world.socket.end();
    world.wake();
    assert.equal(world.sockets.length, 2);
    world.advance(250);
    assert.equal(world.sockets.length, 2, 'the delayed attempt is off');
  });

  test('follows a server that is silent for 35 seconds, whose late words have no weight', () => {
    const { world, states } = startLive();
    const silent = world.socket;
    world.advance(25_000);
    assert.deepEqual(silent.sent.at(-1), { op: 'ping' });
    world.advance(10_000);
    assert.ok(silent.isClosed);
    assert.equal(states.at(-1)?.status, 'stale');
    world.advance(125);
    assert.equal(world.sockets.length, 2);
    silent.update(2, { id: 1, data: null, tag: 'n' });
    silent.end();
    assert.deepEqual(states.at(-1)?.data, { user: 'Alice' });
    assert.equal(world.sockets.length, 2);
  });

  test('follows a handshake that is never answered', () => {
    const { world } = start();
    world.advance(10_125);
    assert.equal(world.sockets.length, 2);
    assert.ok(world.sockets[0]?.isClosed);
  });
});

test('waking up asks an open connection whether it is still there', () => {
  const { world } = startLive();
  world.advance(1_000);
  world.wake();
  assert.deepEqual(world.socket.sent.at(-1), { op: 'ping' });
  world.advance(10_000 + 125);
  assert.equal(world.sockets.length, 2);
});

test('frames keep the connection without a timer for each', () => {
  const { world } = startLive();
  for (let n = 2; n < 30; n += 1) {
    world.advance(5_000);
    world.socket.update(n, { id: 1, data: { user: n }, tag: `a${n}` });
    assert.equal(world.timers, 1);
  }
  assert.equal(world.sockets.length, 1);
});

test('a listener may subscribe while it is told', () => {
  let onStep = () => {};
  const { world, protocol, socket, states } = start({ onStep: () => onStep() });
  onStep = () => {
    if (states.at(-1)?.status !== 'live') return;
    onStep = () => {};
    protocol.subscribe('user');
    socket.flush();
  };
  world.socket.open();
  world.socket.update(1, { id: 1, data: {}, tag: 'a' });
  assert.deepEqual(world.socket.sent.map(({ query }) => query), ['session', 'user']);
});

test('close leaves no connection, timer or listener behind', () => {
  const { world, socket, states } = startLive();
  socket.close();
  assert.ok(world.socket.isClosed);
  assert.equal(states.at(-1)?.status, 'closed');
  world.wake();
  world.advance(60_000);
  assert.deepEqual([world.sockets.length, world.timers], [1, 0]);
});
