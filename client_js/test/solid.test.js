// @ts-check
import './page.js';
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { build } from 'esbuild';
import { createSessionClient } from '../src/index.js';
import { World } from './world.js';

const alice = { session: { id: 's1' }, user: { name: 'Alice' } };

/**
 * Solid gives Node.js its server build: what a browser gets comes by a bundle.
 *
 * @param {string[]} conditions
 * @returns {Promise<typeof import('../src/solid.js') & typeof import('solid-js')>}
 */
async function load(conditions) {
  const { outputFiles } = await build({
    stdin: { contents: "export * from './src/solid.js'; export * from 'solid-js';", resolveDir: '.' },
    absWorkingDir: new URL('..', import.meta.url).pathname,
    bundle: true,
    format: 'esm',
    conditions,
    platform: conditions[0] === 'node' ? 'node' : 'browser',
    write: false,
  });
  const file = new URL(`solid.${conditions.join('.')}.bundle.mjs`, import.meta.url);
  writeFileSync(file, outputFiles[0]?.contents ?? '');
  after(() => rmSync(file));
  return import(file.href);
}

const solid = await load(['browser']);
const { createRoot, createSignal, useActiveOrganization, useOrganizations, useQuery, useSession } = solid;

function start() {
  const world = new World();
  const client = createSessionClient({
    baseURL: 'http://example.test',
    WebSocket: world.WebSocket,
    environment: world.environment,
    fetch: () => assert.fail('no fetch'),
  });
  after(() => client.close());
  world.socket.open();
  world.socket.update(1, { id: 1, data: alice, tag: 'a1' });
  return { world, client };
}

/**
 * What `use` gives in a component, and what takes the component away.
 *
 * @template T
 * @param {import('../src/index.js').SessionClient} client
 * @param {() => T} use
 */
function inComponent(client, use, { createRoot, SessionProvider, createMemo } = solid) {
  return createRoot((dispose) => {
    /** @type {{result?: T}} */
    const found = {};
    const children = /** @type {any} */ (() => {
      found.result = use(); // and nothing is shown: Solid would call what is returned, and read it
      return null;
    });
    const shown = /** @type {unknown} */ (SessionProvider({ client, children }));
    createMemo(() => (typeof shown === 'function' ? shown() : shown))();
    return { result: /** @type {T} */ (found.result), dispose };
  });
}

test('a signal follows the session', () => {
  const { world, client } = start();
  const { result: session, dispose } = inComponent(client, () => useSession());
  assert.equal(session().data?.user.name, 'Alice');
  world.socket.update(2, { id: 1, data: { ...alice, user: { name: 'Alicia' } }, tag: 'a2' });
  assert.equal(session().data?.user.name, 'Alicia');
  dispose();
  world.socket.update(3, { id: 1, data: alice, tag: 'a1' });
  assert.equal(session().data?.user.name, 'Alicia');
});

test('a query is subscribed once, and follows args that are a signal', () => {
  const { world, client } = start();
  const [page, setPage] = createSignal(1);
  const use = () => [useQuery('projects', () => ({ page: page() })), useQuery('projects', { page: 1 })];
  const { result, dispose } = inComponent(client, use);
  assert.equal(world.socket.sent.length, 2);
  setPage(2);
  world.socket.update(2, { id: 3, data: 'two', tag: 'p2' });
  assert.deepEqual(result.map((each) => each?.().data), ['two', null]);
  dispose();
  world.advance(1_000);
  assert.deepEqual(world.socket.sent.slice(-2).map(({ op, id }) => `${op} ${id}`).sort(), [
    'unsubscribe 2',
    'unsubscribe 3',
  ]);
});

test('organizations have signals of their own', () => {
  const { world, client } = start();
  const { result } = inComponent(client, () => [useOrganizations(), useActiveOrganization()]);
  world.socket.update(2, { id: 2, data: [{ id: 'o1' }], tag: 'a' }, { id: 3, data: { id: 'o1' }, tag: 'b' });
  assert.deepEqual(result.map((each) => each?.().data), [[{ id: 'o1' }], { id: 'o1' }]);
});

test('without a provider the error says so', () => {
  assert.throws(() => createRoot(() => useSession()), /<SessionProvider/);
});

test('a server shows the initial state, and never listens', async () => {
  const { world, client } = start();
  const server = await load(['node']);
  const { result } = inComponent(client, () => server.useQuery('projects'), server);
  assert.equal(result().isPending, true);
  assert.equal(world.socket.sent.length, 1);
});
