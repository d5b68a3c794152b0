// @ts-check
/** The mock, as an application's tests use it: with the real client in front of it. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createSessionClient } from 'sessionwire';
import { createMockWire } from 'sessionwire/testing';
import { isRecord } from '../src/frame.js';
import { World } from './world.js';

const alice = { session: { id: 's1' }, user: { id: 'u1', name: 'Alice' }, organization: { id: 'a', name: 'Acme' } };

/** @param {import('sessionwire/testing').Shows} [shows] */
function start(shows) {
  const mock = createMockWire(shows);
  const world = new World();
  const client = createSessionClient({
    baseURL: 'http://example.test',
    WebSocket: mock.WebSocket,
    fetch: mock.fetch,
    environment: world.environment,
  });
  return { mock, client, world };
}

/** Lets everything happen that needs no time. */
async function turn() {
  for (let count = 0; count < 5; count += 1) await new Promise((resolve) => setImmediate(resolve));
}

test('a session that nobody named is pending, until it is shown', async () => {
  const { mock, client } = start();
  await turn();
  assert.equal(client.session.get().isPending, true);
  mock.show({ session: alice });
  assert.deepEqual(client.session.get().data, alice);
  assert.equal(client.session.get().status, 'live');
});

test('null is signed out', async () => {
  const { client } = start({ session: null });
  await turn();
  const { data, isPending } = client.session.get();
  assert.deepEqual({ data, isPending }, { data: null, isPending: false });
});

test('a switch shows all queries of one moment at once', async () => {
  const { mock, client } = start({ session: alice, organization: { id: 'a' } });
  /** @type {string[]} */
  const seen = [];
  client.query('organization').subscribe(({ data }) => {
    seen.push(`${client.session.get().data?.organization?.id} ${data?.id}`);
  });
  await turn();
  mock.show({ session: { ...alice, organization: { id: 'b', name: 'Umbrella' } }, organization: { id: 'b' } });
  assert.deepEqual(seen.slice(-2), ['a a', 'b b']);
});

test('an outage of the database keeps the data, as stale', async () => {
  const { mock, client } = start({ session: alice });
  await turn();
  mock.stale();
  assert.equal(client.session.get().stale, true);
  assert.deepEqual(client.session.get().data, alice);
  mock.live();
  assert.equal(client.session.get().stale, false);
});

test('a network that fails keeps the data, and comes back', async () => {
  const { mock, client, world } = start({ session: alice });
  await turn();
  mock.disconnect();
  assert.equal(client.session.get().status, 'stale');
  mock.show({ session: { ...alice, user: { id: 'u1', name: 'Alicia' } } });
  mock.reconnect();
  world.advance(5_000);
  await turn();
  assert.equal(client.session.get().data?.user.name, 'Alicia');
  assert.equal(client.session.get().status, 'live');
});

test('what has not changed is told to be unchanged on a new connection', async () => {
  const { mock, client, world } = start({ session: alice });
  await turn();
  const before = client.session.get().data;
  mock.bye('shutdown');
  world.advance(10_000);
  await turn();
  assert.equal(client.session.get().data, before);
  assert.equal(client.session.get().status, 'live');
});

for (const reason of ['revoked', 'signed_out', 'expired', 'password_changed', 'banned', 'deleted']) {
  test(`a session ends: ${reason}`, async () => {
    const { mock, client } = start({ session: alice });
    await turn();
    mock.bye(reason);
    const { data, status, reason: why } = client.session.get();
    assert.deepEqual({ data, status, why }, { data: null, status: 'closed', why: reason });
  });
}

test('a query is known by its args, in any order, and may be refused', async () => {
  const { mock, client } = start({ session: alice, 'projects.list {"page":1,"archived":false}': ['One'] });
  const projects = client.query('projects.list', { archived: false, page: 1 });
  projects.subscribe(() => {});
  await turn();
  assert.deepEqual(projects.get().data, ['One']);
  mock.refuse('projects.list {"archived":false,"page":1}', { code: 'not_a_member' });
  assert.equal(projects.get().error?.code, 'not_a_member');
});

test('calls are answered as the test says, and the stores show what they wrote', async () => {
  const { mock, client } = start({ session: alice });
  await turn();
  mock.answer('update-user', ({ name }) => {
    mock.show({ session: { ...alice, user: { id: 'u1', name } } });
    return { status: true };
  });
  const { error } = await client.updateUser({ name: 'Alicia' });
  assert.equal(error, null);
  assert.equal(client.session.get().data?.user.name, 'Alicia');
  assert.equal((await client.signOut()).error?.code, 'NOT_MOCKED');
  assert.deepEqual((await client.getSession()).data, client.session.get().data);
});

test('after a sign-in another session is shown', async () => {
  const { mock, client } = start({ session: null });
  await turn();
  mock.answer('sign-in/email', () => {
    mock.show({ session: alice });
    return { user: alice.user };
  });
  await client.signIn.email({ email: 'alice@example.com', password: 'correct horse' });
  assert.deepEqual(client.session.get().data, alice);
});

test('a script is played step by step', async () => {
  const { mock, client } = start();
  /** @type {number[]} */
  const waits = [];
  const wait = async (/** @type {number} */ milliseconds) => void waits.push(milliseconds);
  await turn();
  await mock.play([{ show: { session: alice } }, { wait: 1_000 }, { stale: true }], { speed: 10, wait });
  assert.deepEqual(waits, [100]);
  assert.equal(client.session.get().stale, true);
  await mock.play([{ stale: false }, { bye: 'revoked' }]);
  assert.equal(client.session.get().reason, 'revoked');
  await assert.rejects(mock.play([/** @type {any} */ ({ nonsense: 1 })]), /no step/);
});

const DIRECTORY = new URL('../../tests/conversations/', import.meta.url);
/** A client does not do these by itself, or only time does. */
const WITHOUT = /^(acknowledged|pin-refused|unknown-query|duplicate-id|invalid-json|heartbeat|resume|read-your-writes)/;

for (const name of readdirSync(DIRECTORY).filter((each) => each.endsWith('.json') && !WITHOUT.test(each))) {
  const { title, steps } = JSON.parse(readFileSync(new URL(name, DIRECTORY), 'utf8'));
  test(`the golden conversation ${name}: ${title}`, async () => {
    const { mock, client } = start();
    await turn();
    /** The query that each id of the conversation asked for. @type {Map<number, string>} */
    const asked = new Map();
    for (const { client: frame, server, shows } of steps) {
      if (frame?.op === 'subscribe' && !asked.has(frame.id) && Object.keys(frame.args).length === 0) {
        asked.set(frame.id, frame.query);
        client.query(frame.query).subscribe(() => {});
      }
      if (server?.op === 'update') {
        const results = server.results.filter((/** @type {any} */ { id, data }) => asked.has(id) && data !== undefined);
        mock.show(Object.fromEntries(results.map((/** @type {any} */ { id, data }) => [asked.get(id), data])));
      }
      if (server?.op === 'status') server.live ? mock.live() : mock.stale();
      if (server?.op === 'bye') mock.bye(server.reason);
      await turn();
      if (!shows) continue;
      for (const [id, state] of Object.entries(shows)) {
        if (id === 'status') assert.equal(client.session.get().status, state);
        else if (asked.has(Number(id))) matches(client.query(asked.get(Number(id)) ?? '').get(), state, name);
      }
    }
    assert.ok(asked.size > 0, 'nothing was asked for');
  });
}

/** @param {unknown} actual @param {unknown} expected @param {string} where */
function matches(actual, expected, where) {
  if (isRecord(expected)) {
    assert.ok(isRecord(actual), where);
    for (const [name, value] of Object.entries(expected)) {
      if (name !== 'version') matches(actual[name], value, `${where} ${name}`); // the mock counts its own
    }
  } else if (Array.isArray(expected)) {
    assert.ok(Array.isArray(actual), where);
    expected.forEach((item, index) => matches(actual[index], item, where));
  } else assert.deepEqual(actual, expected, where);
}
