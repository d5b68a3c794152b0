// @ts-check
/** The page and the session grow old: refreshing, sleep, the back/forward cache, and what a page is delivered with. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { createEnvironment } from '../src/environment.js';
import { createSessionClient } from '../src/index.js';
import '../src/after.js'; // so that it need not be waited for
import { alice, sessionOf, start, turn } from './client.js';
import { version } from './wire.js';
import { World } from './world.js';

const HOUR = 3_600_000;

describe('a session that is due', () => {
  /** @param {number} refreshAt */
  const due = (refreshAt) => {
    const data = sessionOf('acme');
    return { ...data, session: { ...data.session, refreshAt: new Date(refreshAt).toISOString() } };
  };
  /** Lets time pass on a connection that answers its pings. @param {World} world @param {number} milliseconds */
  const pass = async (world, milliseconds) => {
    for (let gone = 0; gone < milliseconds; gone += 5_000) {
      world.advance(5_000);
      world.socket.receive({ op: 'pong' });
    }
    await turn();
  };

  test('is refreshed over HTTP, within a minute, and once', async () => {
    const { world, calls } = start({ first: due(HOUR) });
    await turn();
    await pass(world, HOUR);
    assert.equal(calls.length, 0, 'not all tabs at once: half a minute of jitter here');
    await pass(world, 60_000);
    assert.deepEqual(calls.map(({ url }) => url), ['http://example.test/api/auth/get-session']);
    await pass(world, 5 * 60_000);
    assert.equal(calls.length, 1);
    await pass(world, 5 * 60_000);
    assert.equal(calls.length, 2, 'it did not help, and is tried again after ten minutes');
  });

  test('needs no second refresh when another tab was faster', async () => {
    const { world, calls } = start({ first: due(HOUR) });
    await turn();
    await pass(world, HOUR);
    world.socket.update(2, { id: 1, data: due(25 * HOUR), tag: 'b' });
    await pass(world, HOUR);
    assert.equal(calls.length, 0);
  });

  test('waits until somebody looks at the page', async () => {
    const { world, calls } = start({ first: due(HOUR) });
    await turn();
    world.isVisible = false;
    await pass(world, 2 * HOUR);
    assert.equal(calls.length, 0);
    world.isVisible = true;
    world.wake();
    assert.equal(calls.length, 1);
  });

  test('is refreshed at once after a laptop slept, or its clock jumped', async () => {
    const { world, calls } = start({ first: due(HOUR) });
    await turn();
    world.clock = 30 * HOUR;
    world.wake();
    assert.equal(calls.length, 1);
  });

  test('is left alone when nothing would be gained', async () => {
    const data = sessionOf('acme');
    const { world, calls } = start({ first: { ...data, session: { ...data.session, refreshAt: null } } });
    await turn();
    await pass(world, 3 * HOUR);
    assert.equal(calls.length, 0);
  });
});

test('a shared connection is loaded when it is asked for, and where it cannot be had, it is the tab\'s own', async () => {
  await import('../src/shared-socket.js'); // so that it need not be waited for
  const { world, client } = start({ isLive: false, shared: true });
  assert.equal(world.sockets.length, 0);
  await turn();
  world.socket.open();
  world.socket.update(1, { id: 1, data: alice, tag: 'a1' });
  assert.equal(client.session.get().status, 'live');
  client.close();
});

describe('a page that is put to sleep', () => {
  test('lets go of its connection, makes none, and is back at once', () => {
    const { world, client } = start();
    world.sleep();
    assert.ok(world.socket.isClosed);
    world.advance(HOUR);
    assert.equal(world.sockets.length, 1);
    world.wake();
    assert.equal(world.sockets.length, 2);
    world.socket.open();
    assert.equal(world.socket.sent[0].tag, 'a1');
    world.socket.update(2, { id: 1, unchanged: true, tag: 'a1' });
    assert.deepEqual([client.session.get().data, client.session.get().status], [alice, 'live']);
  });

  test('after the session ended stays signed out', () => {
    const { world, client } = start();
    world.socket.bye('revoked');
    world.sleep();
    world.wake();
    assert.deepEqual([world.sockets.length, client.session.get().reason], [1, 'revoked']);
  });
});

describe('the browser', () => {
  const global = /** @type {any} */ (globalThis);
  const window = new (class extends EventTarget {
    /** Node 20 takes `true` for no options here. @param {any[]} listened */
    removeEventListener(...[sign, listener, capture]) {
      super.removeEventListener(sign, listener, { capture });
    }
  })();
  before(() => Object.assign(global, { window, document: { visibilityState: 'visible' } }));
  after(() => {
    delete global.window;
    delete global.document;
  });

  test('wakes and puts to sleep, until nobody listens', () => {
    /** @type {string[]} */
    const heard = [];
    const forget = createEnvironment().onWake(() => heard.push('wake'), () => heard.push('sleep'));
    const emit = (/** @type {string[]} */ ...signs) => signs.forEach((sign) => window.dispatchEvent(new Event(sign)));
    emit('online', 'offline', 'pageshow', 'resume', 'visibilitychange');
    emit('pagehide', 'freeze');
    global.document.visibilityState = 'hidden';
    emit('visibilitychange');
    assert.deepEqual(heard, ['wake', 'wake', 'wake', 'wake', 'wake', 'sleep', 'sleep']);
    assert.equal(createEnvironment().isVisible(), false);
    forget();
    emit('online', 'pagehide');
    assert.equal(heard.length, 7);
  });
});

describe('initial', () => {
  const initial = /** @type {any} */ ({ data: alice, version: version(7) });
  const global = /** @type {any} */ (globalThis);
  afterEach(() => delete global.document);

  test('is shown at once, and the connection starts where it ends', () => {
    const { world, client, calls } = start({ isLive: false, initial });
    const { data, isPending, status, stale, version: shown } = client.session.get();
    assert.deepEqual([data, isPending, status, stale, shown], [alice, false, 'connecting', false, version(7)]);
    let notified = 0;
    client.session.subscribe(() => (notified += 1));
    world.socket.open(6);
    assert.equal(world.socket.sent[0].since, version(7));
    world.socket.update(8, { id: 1, data: structuredClone(alice), tag: 'a' });
    assert.equal(client.session.get().data, data, 'equal data keep their identity');
    assert.deepEqual([notified, client.session.get().status, calls.length], [2, 'live', 0]);
  });

  test('may say that nobody is signed in', () => {
    const { client } = start({ isLive: false, initial: { data: null, version: version(7) } });
    assert.deepEqual([client.session.get().data, client.session.get().isPending], [null, false]);
  });

  test('is never overtaken by an older state', () => {
    const { world, client } = start({ isLive: false, initial });
    world.socket.open(6);
    world.socket.update(6, { id: 1, data: null, tag: 'n' });
    assert.deepEqual(client.session.get().data, alice);
  });

  for (const [what, text, data] of /** @type {const} */ ([
    ['is read from the page', JSON.stringify(initial), alice],
    ['that is broken is none', '{', null],
  ])) {
    test(what, () => {
      global.document = { getElementById: (/** @type {string} */ id) => id === 'sessionwire' && { textContent: text } };
      const { client } = start({ isLive: false });
      assert.deepEqual(client.session.get().data, data);
      assert.equal(client.session.get().isPending, data === null);
      client.close();
    });
  }

  test('that is null is not looked for', () => {
    global.document = { getElementById: () => ({ textContent: JSON.stringify(initial) }) };
    const { client } = start({ isLive: false, initial: null });
    assert.equal(client.session.get().isPending, true);
    client.close();
  });

  test('is what a server renders, without any connection', () => {
    class WebSocket {
      constructor() {
        assert.fail('it connected');
      }
    }
    const before = global.WebSocket;
    global.WebSocket = WebSocket;
    try {
      const { environment } = new World();
      const client = createSessionClient({ baseURL: 'http://example.test', environment, initial });
      assert.deepEqual(client.session.get().data, alice);
      client.close();
    } finally {
      global.WebSocket = before;
    }
  });
});
