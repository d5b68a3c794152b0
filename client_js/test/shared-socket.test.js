// @ts-check
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createSessionClient } from '../src/index.js';
import { createSharedSocket } from '../src/shared-socket.js';
import { compressed } from './compressed.js';
import { Profile } from './profile.js';
import { Client } from './shared-client.js';
import { Server } from './shared-server.js';
import { version } from './wire.js';

function start(random = () => 0) {
  const profile = new Profile(random);
  const server = new Server(profile);
  const open = async () => {
    const client = new Client(profile.open(), server);
    client.subscribe('session');
    await server.serveAll();
    return client;
  };
  return { profile, server, open };
}

/** @param {any} client the operations that it heard since the last time */
const ops = (client) => client.take().map((/** @type {any} */ { op }) => op);

describe('one connection', () => {
  test('serves a single tab like a WebSocket', async () => {
    const { profile, server, open } = start();
    const client = await open();
    assert.equal(profile.sockets.length, 1);
    assert.deepEqual(profile.sockets[0]?.protocols, ['sessionwire.v1']);
    assert.deepEqual(ops(client), ['hello', 'update']);
    assert.ok(client.isConverged);
    server.commit('session');
    await server.serveAll();
    assert.ok(client.isConverged);
  });

  test('serves all tabs, and asks once for what they have in common', async () => {
    const { profile, server, open } = start();
    const clients = [await open(), await open(), await open()];
    assert.equal(profile.sockets.length, 1);
    clients[1]?.subscribe('user', { b: 1, a: 2 });
    clients[2]?.subscribe('user', { a: 2, b: 1 });
    await server.serveAll();
    assert.ok(clients.every(({ isConverged }) => isConverged));
    const [socket] = profile.sockets;
    assert.equal(socket && server.lines.get(socket)?.count, 2);
    server.commit('session', 'user');
    await server.serveAll();
    assert.ok(clients.every(({ isConverged }) => isConverged));
    clients[1]?.unsubscribe('user{"b":1,"a":2}');
    await server.serveAll();
    assert.equal(socket && server.lines.get(socket)?.count, 2, 'the other one still wants it');
    clients[2]?.close();
    await server.serveAll();
    assert.equal(socket && server.lines.get(socket)?.count, 1);
  });

  test('answers a late subscriber from what it saw, at the version of that', async () => {
    const { profile, server, open } = start();
    const [one, other] = [await open(), await open()];
    one?.subscribe('user');
    await server.serveAll();
    server.commit('session');
    await server.serveAll();
    other?.take();
    const [socket] = profile.sockets;
    other?.subscribe('user');
    await profile.settle();
    assert.deepEqual(socket?.take(), [], 'nothing was asked');
    const [frame] = /** @type {any[]} */ (other?.take());
    assert.equal(frame.version, version(1));
    assert.equal(frame.results[0].data.changes, 0);
  });

  test('is as young as its youngest tab: a newcomer makes another, to which all move unseen', async () => {
    const { profile, server, open } = start();
    const first = await open();
    first.take();
    server.cookie = 'bob'; // signed in by a navigation: no script was there to say so
    const second = await open();
    assert.equal(profile.sockets.length, 1);
    assert.equal(profile.connections.length, 2);
    assert.ok(first.isConverged && second.isConverged);
    assert.deepEqual([ops(first), first.closes], [['update'], []]);
  });

  test('that a newcomer could not replace stays', async () => {
    const { profile, server, open } = start();
    const first = await open();
    const second = new Client(profile.open(), server);
    second.subscribe('session');
    await profile.settle();
    profile.sockets.at(-1)?.end(1006);
    await profile.settle();
    assert.deepEqual([first.closes.length, second.closes.length], [0, 1]);
    await profile.advance(2_000);
    await server.serveAll();
    assert.ok(second.isConverged);
    assert.equal(profile.sockets.length, 1);
  });

  test('that stands in for a WebSocket gives way to it, and no tab notices', async () => {
    const { profile, server, open } = start();
    const clients = [await open(), await open()];
    const [polling] = profile.sockets;
    for (const client of clients) client.take();
    /** @type {any} */
    const better = new /** @type {Client} */ (clients[0]).tab.environment.WebSocket('ws://example.test/live', []);
    /** @type {any} */ (polling).onupgrade(better);
    await server.serveAll();
    server.commit('session');
    await server.serveAll();
    assert.deepEqual(profile.sockets, [better]);
    assert.ok(clients.every(({ isConverged }) => isConverged));
    assert.deepEqual(new Set(clients.flatMap(ops)), new Set(['update']));
    assert.deepEqual(clients.flatMap(({ closes }) => closes), []);
  });

  test('that stands in for a WebSocket waits with that while another one is being made', async () => {
    const { profile, server, open } = start();
    const first = await open();
    const [polling] = profile.sockets;
    const second = new Client(profile.open(), server);
    second.subscribe('session');
    await profile.settle();
    /** @type {any} */
    const better = new first.tab.environment.WebSocket('ws://example.test/live', []);
    /** @type {any} */ (polling).onupgrade(better);
    assert.ok(better.isClosed);
    await server.serveAll();
    assert.ok(first.isConverged && second.isConverged);
  });

  test('answers a barrier only when it is there', async () => {
    const { profile, server, open } = start();
    const [, other] = [await open(), await open()];
    server.commit('devices'); // nothing that anybody shows
    other?.take();
    other?.reach(1);
    await profile.settle();
    assert.deepEqual(other?.take(), []);
    await server.serveAll();
    const [frame] = /** @type {any[]} */ (other?.take());
    assert.deepEqual([frame.version, frame.results.length, frame.results[0].unchanged], [version(1), 1, true]);
    other?.reach(1);
    await profile.settle();
    assert.deepEqual(ops(other), ['update'], 'this version has been seen');
  });

  test('passes on status, pong, bye and its end', async () => {
    const { profile, server, open } = start();
    const clients = [await open(), await open()];
    const [socket] = profile.sockets;
    for (const client of clients) client.take();
    socket?.receive({ op: 'status', live: false });
    clients[1]?.ping();
    await server.serveAll();
    assert.deepEqual(clients.map(ops), [['status'], ['status', 'pong']]);
    socket?.receive({ op: 'bye', reason: 'revoked', retry: false });
    socket?.end(4401, 'revoked');
    await profile.settle();
    assert.deepEqual(clients.map(ops), [['bye'], ['bye']]);
    for (const { closes } of clients) assert.deepEqual(closes, [{ code: 4401, reason: 'revoked' }]);
  });

  test('tells a newcomer that the server is stale', async () => {
    const { profile, server, open } = start();
    const first = await open();
    const next = new Client(profile.open(), server);
    next.subscribe('session');
    await profile.settle();
    const [, socket] = profile.sockets;
    if (socket) server.serve(socket);
    socket?.receive({ op: 'status', live: false });
    await server.serveAll();
    assert.ok(ops(first).includes('status'));
    assert.ok(ops(next).includes('status'));
  });

  test('refuses to the one who asked for what does not exist', async () => {
    const { server, open } = start();
    const [one, other] = [await open(), await open()];
    other?.take();
    one?.take();
    other?.subscribe('nonsense');
    await server.serveAll();
    assert.deepEqual([ops(one), other?.take()], [[], [{ op: 'error', id: 2, code: 'unknown_query', message: '' }]]);
  });
});

describe('another tab takes over', () => {
  for (const [title, end] of /** @type {const} */ ([
    ['closes', (/** @type {Client} */ leader) => leader.close()],
    ['crashes', (/** @type {Client} */ leader) => leader.tab.crash()],
    ['freezes', (/** @type {Client} */ leader) => void (leader.tab.isFrozen = true)],
  ])) {
    test(`when the leader ${title}, and nothing is sent twice`, async () => {
      const { profile, server, open } = start();
      const [leader, ...others] = [await open(), await open(), await open()];
      if (leader) end(leader);
      server.commit('user');
      for (const other of others) other.take();
      const time = profile.time;
      while (!profile.sockets.some(({ tab }) => tab !== leader?.tab) && profile.time < time + 20_000) {
        await profile.advance(500);
      }
      assert.ok(profile.time - time <= 8_500, `after ${profile.time - time} ms`);
      await server.serveAll();
      for (const other of others) {
        assert.deepEqual(other.closes, []);
        const frames = /** @type {any[]} */ (other.take());
        assert.deepEqual(frames.map(({ op, results }) => [op, results[0].unchanged]), [['update', true]]);
      }
      const [socket] = profile.sockets.filter(({ tab }) => tab !== leader?.tab);
      server.commit('session');
      await server.serveAll();
      assert.ok(socket && others.every(({ isConverged }) => isConverged));
    });
  }

  test('and a leader that was frozen follows it when it is back', async () => {
    const { profile, server, open } = start();
    const [leader, other] = [await open(), await open()];
    if (leader) leader.tab.isFrozen = true;
    await profile.advance(15_000);
    await server.serveAll();
    server.commit('session');
    await server.serveAll();
    assert.ok(other?.isConverged && !leader?.isConverged);
    if (leader) leader.tab.isFrozen = false;
    await profile.settle();
    await server.serveAll();
    assert.ok(leader?.isConverged);
    assert.deepEqual([profile.sockets.length, leader?.closes], [1, []]);
    assert.equal(profile.sockets[0]?.tab, other?.tab);
  });

  test('but not from a leader who answers, however late its timers are', async () => {
    const { profile, open } = start(() => 0.7);
    await open();
    await open();
    const count = profile.connections.length;
    await profile.advance(20_000);
    assert.equal(profile.connections.length, count);
  });

  test('whose sign-in is seen by the others at once, and never beside the old one', async () => {
    for (const index of [0, 1]) {
      const { profile, server, open } = start();
      const clients = [await open(), await open(), await open()];
      server.cookie = 'bob';
      clients[index]?.rebind();
      await server.serveAll();
      assert.ok(clients.every(({ isConverged }) => isConverged));
      assert.ok(clients.every(({ closes }) => closes.length === 0));
      assert.equal(profile.sockets.length, 1);
    }
  });
});

test('the client works with it as with a WebSocket, and does not notice that the leader changes', async () => {
  const { profile, server } = start(() => 0.3);
  const open = () => {
    const { environment, SharedSocket } = profile.open();
    const { now, random, setTimer, clearTimer } = environment;
    const [isVisible, onWake] = [() => true, () => () => {}];
    /** @type {any} */
    const client = createSessionClient({
      baseURL: 'http://example.test',
      fetch: () => Promise.reject(new TypeError('There is no HTTP here.')),
      WebSocket: SharedSocket,
      environment: { now, date: () => profile.time, random, setTimer, clearTimer, isVisible, onWake },
    });
    /** @type {any[]} */
    const told = [];
    client.session.subscribe((/** @type {any} */ { status, data }) => told.push([status, data?.changes]));
    return { client, told };
  };
  const tabs = [open(), open(), open()];
  await server.serveAll();
  for (const { told } of tabs) assert.deepEqual(told.splice(0).at(-1), ['live', 0]);
  tabs[0]?.client.close();
  await server.serveAll();
  server.commit('session');
  await server.serveAll();
  const frozen = profile.sockets[0]?.tab;
  if (frozen) frozen.isFrozen = true;
  await profile.advance(10_000);
  server.commit('session', 'user');
  const reached = tabs[1]?.client.until(version(2));
  await server.serveAll();
  const [thawed, other] = frozen?.id === 2 ? [tabs[1], tabs[2]] : [tabs[2], tabs[1]];
  assert.deepEqual(other?.told, [['live', 1], ['live', 2]], 'each state once, and never stale');
  if (frozen) frozen.isFrozen = false;
  await server.serveAll();
  assert.deepEqual(thawed?.told.at(-1), ['live', 2]);
  await reached;
});

test('what is closed leaves no lock, channel, timer or connection behind', async () => {
  const { profile, open } = start();
  const clients = [await open(), await open()];
  for (const client of clients) client.close();
  await profile.settle();
  assert.equal(profile.sockets.length, 0);
  assert.deepEqual(clients.map(({ tab }) => tab.openChannels), [0, 0]);
  assert.equal(profile.locks.count, 0);
});

describe('a plain WebSocket is made', () => {
  class Plain {
    /** @param {string} url @param {string[]} protocols */
    constructor(url, protocols) {
      this.made = [url, protocols];
    }
  }
  const made = ['ws://example.test/live', ['sessionwire.v1']];
  /** @param {any} options */
  const make = (options) => {
    const Socket = createSharedSocket({ WebSocket: Plain, ...options });
    return () => /** @type {any} */ (new Socket('ws://example.test/live', ['sessionwire.v1']));
  };

  test('without Web Locks or BroadcastChannel', () => {
    assert.deepEqual(make({ locks: undefined })().made, made);
    assert.deepEqual(make({ locks: {}, openChannel: undefined })().made, made);
  });

  test('outside a browser, where one process may hold many credentials', () => {
    const { navigator } = globalThis;
    const locks = { request: () => assert.fail('shared') };
    Object.defineProperty(globalThis, 'navigator', { value: { locks }, configurable: true });
    try {
      assert.deepEqual(make({})().made, made);
    } finally {
      Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
    }
  });

  test('after locks turned out to be forbidden', async () => {
    const locks = { request: () => Promise.reject(new DOMException('No.', 'SecurityError')) };
    const openChannel = () => ({ postMessage() {}, close() {} });
    const next = make({ locks, openChannel });
    const socket = next();
    const code = await new Promise((resolve) => (socket.onclose = (/** @type {any} */ close) => resolve(close.code)));
    assert.equal(code, 1006);
    assert.deepEqual(next().made, made);
  });
});

/** @param {number} seed */
function randomness(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let bits = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Tabs, a network and a server in which anything may happen next. @param {number} seed */
class Chaos {
  /** @type {Client[]} */
  clients = [];

  /** @param {number} seed */
  constructor(seed) {
    this.random = randomness(seed);
    this.profile = new Profile(this.random);
    this.server = new Server(this.profile);
    this.server.isLoading = () => this.random() < 0.4;
    this.server.position = () => Math.max(0, this.server.head - Math.floor(this.random() * 5));
  }

  /** @template T @param {readonly T[]} list @returns {T | undefined} */
  pick(list) {
    return list[Math.floor(this.random() * list.length)];
  }

  get awake() {
    return this.clients.filter(({ tab }) => tab.isOpen && !tab.isFrozen);
  }

  /** @type {Record<string, () => void>} */
  acts = {
    open: () => {
      if (this.clients.length >= 6) return;
      const client = new Client(this.profile.open(), this.server);
      client.subscribe('session');
      this.clients.push(client);
    },
    close: () => this.remove(this.pick(this.awake), (client) => client.close()),
    crash: () => this.remove(this.pick(this.clients), () => {}),
    freeze: () => {
      const client = this.pick(this.awake);
      if (client && this.random() < 0.3) client.tab.isFrozen = true;
    },
    thaw: () => {
      const client = this.pick(this.clients);
      if (client && this.random() < 0.5) client.tab.isFrozen = false;
    },
    subscribe: () => {
      const args = this.pick([{}, { organization: 'o' }]) ?? {};
      this.pick(this.awake)?.subscribe(this.pick(['user', 'organization', 'devices']) ?? '', args);
    },
    unsubscribe: () => {
      const client = this.pick(this.awake);
      const key = client && this.pick([...client.shown.keys()]);
      if (key && key !== 'session{}') client.unsubscribe(key);
    },
    reach: () => this.pick(this.awake)?.reach(this.server.head),
    ping: () => this.pick(this.awake)?.ping(),
    drop: () => void (this.random() < 0.2 && this.pick(this.profile.sockets)?.end(1006)),
    signIn: () => {
      if (this.random() > 0.2) return;
      this.server.cookie = this.pick(['alice', 'bob', 'nobody']) ?? '';
      for (const socket of this.profile.sockets) if (this.random() < 0.5) socket.end(4401, 'signed_out');
      this.pick(this.awake)?.rebind();
    },
  };

  /** @param {Client | undefined} client @param {(client: Client) => void} end */
  remove(client, end) {
    if (!client) return;
    end(client);
    client.tab.crash();
    this.clients.splice(this.clients.indexOf(client), 1);
  }

  async step() {
    const { random, server, profile } = this;
    const chance = random();
    if (chance < 0.25) this.pick(Object.values(this.acts))?.();
    else if (chance < 0.4) server.commit(...['session', 'user', 'organization', 'devices'].filter(() => random() < 0.4));
    else if (chance < 0.65) this.serveSome();
    else if (chance < 0.97) await profile.turn();
    else await profile.advance(random() * 6_000);
  }

  serveSome() {
    const socket = this.pick(this.profile.sockets);
    if (socket) this.server.serve(socket, Math.floor(this.random() * (this.server.head + 1)));
  }

  /** Nothing more happens but what must. */
  async calm() {
    const { isLoading, position } = this.server;
    Object.assign(this.server, { isLoading: () => false, position: () => this.server.head });
    await this.converge();
    Object.assign(this.server, { isLoading, position });
  }

  async converge() {
    for (let second = 0; second < 90; second += 1) {
      await this.server.serveAll();
      await this.profile.advance(1_000);
    }
    await this.server.serveAll();
  }
}

for (const seed of [1, 2, 3, 4, 5, 132, 150, 193]) {
  test(`whatever happens, each tab that lives converges, and no frame mixes versions (seed ${seed})`, async () => {
    const chaos = new Chaos(seed);
    chaos.acts.open?.();
    for (let round = 0; round < 8; round += 1) {
      for (let step = 0; step < 500; step += 1) await chaos.step();
      await chaos.calm();
      for (const client of chaos.awake) assert.ok(client.isConverged, `tab ${client.tab.id} in round ${round}`);
      const awake = chaos.profile.sockets.filter(({ tab }) => !tab.isFrozen);
      assert.equal(awake.length, chaos.awake.length > 0 ? 1 : 0, 'one connection for all');
    }
  });
}

test('the size of the shared socket is printed', (t) => {
  const modules = ['shared-socket.js', 'shared-leader.js',
    'shared-wire.js', 'shared-wish.js', 'shared-world.js', 'shared-watch.js', 'shared-lock.js', 'ledger.js', 'stand-in.js'];
  const size = compressed(...modules);
  t.diagnostic(`${modules.join(', ')}: ${size} bytes`);
  assert.ok(size <= 5_632, `${size} bytes`);
});
