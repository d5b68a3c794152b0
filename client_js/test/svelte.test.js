// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { derived, get } from 'svelte/store';
import { render } from 'svelte/server';
import { createSessionClient } from '../src/index.js';
import { setSessionClient, useActiveOrganization, useOrganizations, useQuery, useSession } from '../src/svelte.js';
import { World } from './world.js';

const alice = { session: { id: 's1' }, user: { name: 'Alice' } };

function start() {
  const world = new World();
  const client = createSessionClient({
    baseURL: 'http://example.test',
    WebSocket: world.WebSocket,
    environment: world.environment,
    fetch: () => assert.fail('no fetch'),
  });
  world.socket.open();
  world.socket.update(1, { id: 1, data: alice, tag: 'a1' });
  return { world, client };
}

/** What `use` gives in a component below one that has set the client. @template T @param {any} client @param {() => T} use */
function inComponent(client, use) {
  /** @type {{result?: T}} */
  const found = {};
  const Component = () => {
    if (client !== undefined) setSessionClient(client);
    found.result = use();
  };
  render(/** @type {any} */ (Component)).body;
  return /** @type {T} */ (found.result);
}

test('the session is a Svelte store', () => {
  const { world, client } = start();
  const session = inComponent(client, useSession);
  assert.equal(get(session).data?.user.name, 'Alice');
  /** @type {unknown[]} */
  const names = [];
  const stop = derived(session, ({ data }) => data?.user.name).subscribe((name) => names.push(name));
  world.socket.update(2, { id: 1, data: { ...alice, user: { name: 'Alicia' } }, tag: 'a2' });
  stop();
  world.socket.update(3, { id: 1, data: alice, tag: 'a1' });
  assert.deepEqual(names, ['Alice', 'Alicia']);
});

test('a query is subscribed while a component listens', () => {
  const { world, client } = start();
  const projects = inComponent(client, () => useQuery('projects', { page: 1 }));
  assert.equal(world.socket.sent.length, 1);
  const stops = [projects.subscribe(() => {}), derived(projects, ({ data }) => data).subscribe(() => {})];
  assert.equal(world.socket.sent.length, 2);
  stops.forEach((stop) => stop());
  world.advance(1_000);
  assert.deepEqual(world.socket.sent.at(-1), { op: 'unsubscribe', id: 2 });
});

test('organizations have stores of their own', () => {
  const { client } = start();
  const found = inComponent(client, () => [useOrganizations(), useActiveOrganization()]);
  assert.deepEqual(found, [client.query('organizations'), client.query('organization')]);
});

test('without setSessionClient the error says so', () => {
  assert.throws(() => inComponent(undefined, useSession), /setSessionClient/);
});
