// @ts-check
import './page.js';
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createApp, createSSRApp, effectScope, h, nextTick, ref } from 'vue';
import { renderToString } from 'vue/server-renderer';
import { createSessionClient } from '../src/index.js';
import { createSession, useActiveOrganization, useOrganizations, useQuery, useSession } from '../src/vue.js';
import { createRoot } from './page.js';
import { World } from './world.js';

const alice = { session: { id: 's1' }, user: { name: 'Alice' } };

/** A client that shows Alice, if it `isLive`; and an app that uses it, around `setup`. */
function start({ isLive = true } = {}) {
  const world = new World();
  const client = createSessionClient({
    baseURL: 'http://example.test',
    WebSocket: world.WebSocket,
    environment: world.environment,
    fetch: () => assert.fail('no fetch'),
  });
  after(() => client.close());
  const answer = () => {
    world.socket.open();
    world.socket.update(1, { id: 1, data: alice, tag: 'a1' });
  };
  if (isLive) answer();
  return { world, client, answer };
}

/** @param {any} client @param {() => () => unknown} setup */
function makeApp(client, setup, create = createApp) {
  return create({ setup: () => ((show) => () => h('p', String(show())))(setup()) }).use(createSession(client));
}

const showName = () => {
  const session = useSession();
  return () => (session.value.isPending ? 'pending' : (session.value.data?.user.name ?? 'nobody'));
};

test('a component shows the session, and each change once', async () => {
  const { world, client } = start();
  let renders = 0;
  const app = makeApp(client, () => {
    const show = showName();
    return () => ((renders += 1), show());
  });
  const container = createRoot();
  app.mount(container);
  assert.equal(container.textContent, 'Alice');
  world.socket.update(2, { id: 1, data: { ...alice, user: { name: 'Alicia' } }, tag: 'a2' });
  await nextTick();
  assert.deepEqual([container.textContent, renders], ['Alicia', 2]);
  app.unmount();
});

test('a query is left with the last scope that asked for it', () => {
  const { world, client } = start();
  const app = makeApp(client, showName);
  const scopes = [effectScope(), effectScope()];
  const refs = scopes.map((scope) => scope.run(() => app.runWithContext(() => useQuery('projects'))));
  assert.equal(world.socket.sent.length, 2);
  world.socket.update(2, { id: 2, data: ['one'], tag: 'p' });
  assert.deepEqual(refs.map((each) => each?.value.data), [['one'], ['one']]);
  scopes[0]?.stop();
  world.advance(5_000);
  assert.equal(world.socket.sent.length, 2);
  scopes[1]?.stop();
  world.advance(1_000);
  assert.deepEqual(world.socket.sent.at(-1), { op: 'unsubscribe', id: 2 });
});

test('a query follows args that are a ref', async () => {
  const { world, client } = start();
  const app = makeApp(client, showName);
  const args = ref({ page: 1 });
  const scope = effectScope();
  const page = scope.run(() => app.runWithContext(() => useQuery('projects', args)));
  args.value = { page: 2 };
  await nextTick();
  world.socket.update(2, { id: 3, data: 'two', tag: 'p2' });
  assert.equal(page?.value.data, 'two');
  args.value = { page: 2 };
  await nextTick();
  world.advance(1_000);
  assert.deepEqual(world.socket.sent.map(({ op, id }) => `${op} ${id}`), [
    'subscribe 1',
    'subscribe 2',
    'subscribe 3',
    'unsubscribe 2',
  ]);
  scope.stop();
});

test('organizations have composables of their own', () => {
  const { world, client } = start();
  const scope = effectScope();
  const [many, one] =
    scope.run(() => makeApp(client, showName).runWithContext(() => [useOrganizations(), useActiveOrganization()])) ?? [];
  const organization = { id: 'o1', members: [] };
  world.socket.update(2, { id: 2, data: [{ id: 'o1' }], tag: 'a' }, { id: 3, data: organization, tag: 'b' });
  assert.deepEqual([many?.value.data, one?.value.data], [[{ id: 'o1' }], organization]);
  scope.stop();
});

test('a server shows pending, and the page is hydrated without a mismatch although the wire was faster', async (context) => {
  const warnings = context.mock.method(console, 'warn', () => {});
  const errors = context.mock.method(console, 'error', () => {});
  const { client, answer } = start({ isLive: false });
  const { document } = globalThis;
  Reflect.deleteProperty(globalThis, 'document');
  const html = await renderToString(makeApp(client, showName, createSSRApp));
  Object.assign(globalThis, { document });
  assert.equal(html, '<p>pending</p>');
  answer();
  const container = createRoot();
  container.innerHTML = html;
  const app = makeApp(client, showName, createSSRApp);
  app.mount(container);
  await nextTick();
  assert.equal(container.textContent, 'Alice');
  assert.deepEqual([warnings.mock.callCount(), errors.mock.callCount()], [0, 0]);
  app.unmount();
});

test('without createSession the error says so', (context) => {
  context.mock.method(console, 'warn', () => {});
  assert.throws(() => effectScope().run(() => createApp({}).runWithContext(() => useSession())), /createSession/);
});
