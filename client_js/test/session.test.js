// @ts-check
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createSessionClient } from '../src/index.js';
import { version } from './wire.js';
import '../src/after.js'; // so that it need not be waited for
import { alice, bob, isSettled, start, turn, wrote } from './client.js';

describe('the session', () => {
  test('is pending, then live', () => {
    const { world, client } = start({ isLive: false });
    const { isPending, data, status } = client.session.get();
    assert.deepEqual([isPending, data, status], [true, null, 'connecting']);
    assert.equal(world.socket.url, 'ws://example.test/live');
    world.socket.open();
    world.socket.update(1, { id: 1, data: alice, tag: 'a1' });
    assert.deepEqual(client.session.get().data, alice);
  });

  test('stays pending where there is no WebSocket', async () => {
    const client = createSessionClient({
      baseURL: 'http://example.test',
      WebSocket: /** @type {any} */ (undefined),
      fetch: async () => new Response('{"user":{}}'),
    });
    assert.equal(client.session.get().isPending, true);
    assert.equal((await client.signIn.email({ email: 'a@example.com', password: 'secret-12' })).error, null);
    client.close();
  });

  test('needs to know the server', () => {
    assert.throws(() => createSessionClient({}), /baseURL/);
  });
});

describe('query', () => {
  test('gives one store for equal arguments, whatever their order', () => {
    const { client } = start();
    const store = client.query('organization', { a: 1, b: { c: 2, d: 3 } });
    assert.equal(client.query('organization', { b: { d: 3, c: 2 }, a: 1 }), store);
    assert.notEqual(client.query('organization', { a: 1 }), client.query('organization', { a: 2 }));
    assert.equal(client.query(client.api.auth.getCurrentUser), client.query('user'));
    assert.equal(client.query('session'), client.session);
  });

  test('is subscribed once while it has listeners, and lingers for a second', () => {
    const { world, client } = start();
    const store = client.query('user');
    assert.equal(world.socket.sent.length, 1);
    const undo = [store.subscribe(() => {}), store.subscribe(() => {})];
    assert.deepEqual(world.socket.sent.at(-1), { op: 'subscribe', id: 2, query: 'user', args: {} });
    undo.forEach((each) => each());
    world.advance(999);
    const again = store.subscribe(() => {});
    world.advance(5_000);
    assert.equal(world.socket.sent.length, 2);
    again();
    world.advance(1_000);
    assert.deepEqual(world.socket.sent.at(-1), { op: 'unsubscribe', id: 2 });
    assert.equal(store.get().isPending, true);
    store.subscribe(() => {});
    assert.deepEqual(world.socket.sent.at(-1), { op: 'subscribe', id: 3, query: 'user', args: {} });
  });

  test('tells a new listener its state once', () => {
    const { client } = start();
    let calls = 0;
    client.query('user').subscribe(() => (calls += 1));
    assert.equal(calls, 1);
  });

  test('shows all results of a frame at once', () => {
    const { world, client } = start();
    const user = client.query('user');
    user.subscribe(() => {});
    world.socket.update(1, { id: 2, data: { name: 'Alice' }, tag: 'u1' });
    /** @type {unknown[]} */
    const seen = [];
    client.session.subscribe(({ data }) => seen.push([data?.user.name, user.get().data?.name]));
    world.socket.update(2, { id: 1, data: bob, tag: 'b' }, { id: 2, data: { name: 'Bob' }, tag: 'u2' });
    assert.deepEqual(seen, [['Alice', 'Alice'], ['Bob', 'Bob']]);
  });
});

describe('a call', () => {
  test('posts JSON with the cookie, and gives data', async () => {
    const { client, nth } = start();
    const outcome = client.updateUser({ name: 'Alicia' });
    const call = await nth(0);
    assert.equal(call.url, 'http://example.test/api/auth/update-user');
    assert.deepEqual(call.request, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"name":"Alicia"}',
      credentials: 'include',
    });
    await call.answer({ status: true });
    assert.deepEqual(await outcome, { data: { status: true }, error: null, version: null });
  });

  test('reads go by GET, with what was stated', async () => {
    const { client, calls, nth } = start();
    client.organization.list();
    client.organization.listMembers({ limit: 5 });
    await nth(1);
    assert.deepEqual(calls.map(({ url, request }) => [request.method, url]), [
      ['GET', 'http://example.test/api/auth/organization/list'],
      ['GET', 'http://example.test/api/auth/organization/list-members?limit=5'],
    ]);
  });

  test('that needs no body posts an empty object', async () => {
    const { client, nth } = start();
    client.revokeOtherSessions();
    assert.equal((await nth(0)).request.body, '{}');
  });

  const failures = /** @type {[string, unknown, number, string, string][]} */ ([
    ['the code and the message of the server', { code: 'INVALID_EMAIL', message: 'No.' }, 400, 'INVALID_EMAIL', 'No.'],
    ['a code of its own when there is none', undefined, 503, 'HTTP_ERROR', 'The server answered 503.'],
    ['an error for an answer that is no JSON', undefined, 200, 'INVALID_RESPONSE', 'The answer is not JSON.'],
  ]);
  for (const [what, body, status, code, message] of failures) {
    test(`gives ${what}, and leaves the session alone`, async () => {
      const { client, nth } = start();
      const outcome = client.updateUser({ name: 'x' });
      await (await nth(0)).answer(body, { status });
      assert.deepEqual(await outcome, { data: null, error: { status, code, message }, version: null });
      assert.deepEqual(client.session.get().data, alice);
    });
  }

  test('that reaches nobody is a NETWORK_ERROR', async () => {
    const { client, nth } = start();
    const outcome = client.signOut();
    await (await nth(0)).fail();
    assert.equal((await outcome).error?.code, 'NETWORK_ERROR');
    assert.deepEqual([client.session.get().data, client.session.get().status], [alice, 'live']);
  });
});

describe('a write', () => {
  test('resolves once its version is shown', async () => {
    const { world, client, nth } = start();
    const outcome = client.updateUser({ name: 'Bob' });
    await (await nth(0)).answer({ status: true }, wrote(5));
    assert.equal(await isSettled(outcome), false);
    world.socket.update(5, { id: 1, data: bob, tag: 'b' });
    assert.equal((await outcome).version, version(5));
    assert.deepEqual(client.session.get().data, bob);
  });

  test('that changes nothing on show resolves when the server says so', async () => {
    const { world, client, nth } = start();
    const outcome = client.revokeOtherSessions();
    await (await nth(0)).answer({ status: true }, wrote(5));
    const { id, since, tag } = world.socket.sent.at(-1);
    assert.deepEqual([since, tag], [version(5), 'a1']);
    world.socket.update(5, { id, unchanged: true, tag: 'a1' });
    await outcome;
    assert.deepEqual(world.socket.sent.at(-1), { op: 'unsubscribe', id });
  });

  test('whose version is never shown resolves after 5 seconds', async () => {
    const { world, client, nth } = start();
    const outcome = client.updateUser({ name: 'Bob' });
    await (await nth(0)).answer({ status: true }, wrote(5));
    world.advance(4_999);
    assert.equal(await isSettled(outcome), false);
    world.advance(1);
    assert.equal((await outcome).error, null);
  });

  test('resolves at once while the connection is not live, and when it ends', async () => {
    const { world, client, nth } = start();
    const revoking = client.revokeSession({ token: 's1' });
    await (await nth(0)).answer({ status: true }, wrote(5));
    assert.equal(await isSettled(revoking), false);
    world.socket.bye('revoked');
    await revoking;
    const updating = client.updateUser({ name: 'Bob' });
    await (await nth(1)).answer({ status: true }, wrote(6));
    await updating;
  });
});

describe('signing in', () => {
  test('binds a new connection, and resolves when it shows the user', async () => {
    const { world, client, nth } = start();
    const outcome = client.signIn.email({ email: 'bob@example.com', password: 'secret-12' });
    assert.equal((await nth(0)).url, 'http://example.test/api/auth/sign-in/email');
    await (await nth(0)).answer({ user: {} }, wrote(5));
    assert.ok(world.sockets[0]?.isClosed);
    assert.equal(world.sockets.length, 2);
    assert.deepEqual([client.session.get().data, client.session.get().status], [alice, 'connecting']);
    world.socket.open(5);
    assert.deepEqual(world.socket.sent, [{ op: 'subscribe', id: 1, query: 'session', args: {}, since: version(5) }]);
    assert.equal(await isSettled(outcome), false);
    world.socket.update(5, { id: 1, data: bob, tag: 'b' });
    await outcome;
    assert.deepEqual(client.session.get().data, bob);
  });

  test('works after the session was ended from elsewhere', async () => {
    const { world, client, nth } = start();
    world.socket.bye('revoked');
    const outcome = client.signIn.email({ email: 'bob@example.com', password: 'secret-12' });
    await (await nth(0)).answer({ user: {} });
    world.socket.open(5);
    world.socket.update(5, { id: 1, data: bob, tag: 'b' });
    await outcome;
    assert.deepEqual([client.session.get().data, client.session.get().reason], [bob, null]);
  });

  test('that fails changes nothing', async () => {
    const { world, client, nth } = start();
    const outcome = client.signIn.email({ email: 'bob@example.com', password: 'wrong' });
    await (await nth(0)).answer({ code: 'INVALID_EMAIL_OR_PASSWORD', message: '' }, { status: 401 });
    assert.equal((await outcome).error?.status, 401);
    assert.deepEqual([world.sockets.length, client.session.get().status], [1, 'live']);
  });

  test('does not wait for a server that has no live wire', async () => {
    const { world, client, nth } = start({ isLive: false });
    world.socket.end();
    const outcome = client.signIn.email({ email: 'bob@example.com', password: 'secret-12' });
    await (await nth(0)).answer({ user: {} });
    await outcome;
  });

  test('does not wait for a connection that is just failing', async () => {
    const { world, client, nth } = start();
    world.socket.end();
    const outcome = client.signIn.email({ email: 'bob@example.com', password: 'secret-12' });
    await (await nth(0)).answer({ user: {} });
    await outcome;
  });
});

describe('signing out', () => {
  for (const order of ['after', 'before']) {
    test(`shows nobody at once, and no error, with the bye ${order} the answer`, async () => {
      const { world, client, nth } = start();
      const [first] = world.sockets;
      /** @type {unknown[]} */
      const seen = [];
      client.session.subscribe(({ data, error, reason }) => seen.push([data?.user.name ?? null, error, reason]));
      const outcome = client.signOut();
      await nth(0);
      if (order === 'before') first?.bye('signed_out');
      await (await nth(0)).answer({ success: true }, wrote(5));
      if (order === 'after') first?.bye('signed_out');
      await outcome;
      world.socket.open(5);
      world.socket.update(5, { id: 1, data: null, tag: 'n' });
      assert.deepEqual([client.session.get().status, client.session.get().reason], ['live', 'signed_out']);
      const different = new Set(seen.map((each) => JSON.stringify(each)));
      assert.deepEqual([...different], ['["Alice",null,null]', '[null,null,"signed_out"]']);
    });
  }
});

test('changing the password keeps this device signed in, also when the bye of the old session is faster', async () => {
  const { world, client, nth } = start();
  /** @type {unknown[]} */
  const names = [];
  client.session.subscribe(({ data }) => names.push(data?.user.name));
  const outcome = client.changePassword({ currentPassword: 'a', newPassword: 'b', revokeOtherSessions: true });
  const call = await nth(0);
  world.socket.bye('password_changed');
  await call.answer({ user: {} });
  world.socket.open(5);
  world.socket.update(5, { id: 1, data: alice, tag: 'a1' });
  await outcome;
  assert.deepEqual(new Set(names), new Set(['Alice']));
});

describe('until', () => {
  test('resolves when the version is shown', async () => {
    const { world, client } = start();
    await client.until(version(1));
    const waiting = client.until(version(3));
    await turn();
    world.socket.update(3, { id: 1, data: bob, tag: 'b' });
    await waiting;
  });

  test('rejects after 10 seconds', async () => {
    const { world, client } = start();
    const waiting = client.until(version(3));
    await turn();
    world.advance(10_000);
    await assert.rejects(waiting, /0000000000000003 is not shown; the connection is live/);
  });

  test('rejects when the connection ends', async () => {
    const { world, client } = start();
    const waiting = client.until(version(3));
    await turn();
    world.socket.bye('expired');
    await assert.rejects(waiting, /the connection is closed/);
  });
});

test('close leaves no timer behind, and shows closed', async () => {
  const { world, client } = start();
  const waiting = client.until(version(3));
  await turn();
  client.close();
  await assert.rejects(waiting);
  assert.deepEqual([client.session.get().data, client.session.get().status, world.timers], [alice, 'closed', 0]);
});
