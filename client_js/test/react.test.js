// @ts-check
import './page.js';
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { build } from 'esbuild';
import { gzipSync } from 'node:zlib';
import { act, createElement as h, StrictMode, useState } from 'react';
import { createRoot as createReactRoot, hydrateRoot } from 'react-dom/client';
import { renderToString } from 'react-dom/server';
import { createSessionClient } from '../src/index.js';
import {
  SessionProvider,
  useActiveOrganization,
  useOrganizations,
  useQuery,
  useSession,
  useSessionClient,
} from '../src/react.js';
import { createRoot } from './page.js';
import { version } from './wire.js';
import { World } from './world.js';

const alice = { session: { id: 's1' }, user: { name: 'Alice', email: 'a@example.com' }, role: 'owner' };
const alicia = { ...alice, user: { ...alice.user, name: 'Alicia' } };

/** @type {Array<() => unknown>} */
const undo = [];
afterEach(async () => {
  for (const each of undo.splice(0)) await act(async () => each());
});

/** A client, its wire, and the number of HTTP calls it made. */
function start({ isLive = true, initial = /** @type {any} */ (null) } = {}) {
  const world = new World();
  const calls = { count: 0 };
  const client = createSessionClient({
    baseURL: 'http://example.test',
    WebSocket: world.WebSocket,
    environment: world.environment,
    initial,
    fetch: async () => {
      calls.count += 1;
      return new Response('{}');
    },
  });
  undo.push(() => client.close());
  const answer = (/** @type {unknown} */ data = alice) => {
    world.socket.open();
    world.socket.update(1, { id: 1, data, tag: 'a1' });
  };
  if (isLive) answer();
  return { world, client, calls, answer };
}

/** The frames of one kind. @param {World} world @param {string} op */
function sent(world, op) {
  return world.socket.sent.filter((frame) => frame.op === op);
}

/** @param {any} client @param {any} children */
function provided(client, ...children) {
  return h(SessionProvider, { client }, ...children);
}

/** @param {any} element */
async function render(element) {
  const container = createRoot();
  const root = createReactRoot(container);
  await act(async () => root.render(element));
  undo.unshift(() => root.unmount());
  return { container, root };
}

/** A component that shows a text, and counts how often it was rendered. @param {() => unknown} use */
function counted(use) {
  const renders = { count: 0 };
  const Counted = () => {
    renders.count += 1;
    return h('p', null, String(use()));
  };
  return { Counted, renders };
}

const showName = () => useSession().data?.user.name ?? 'nobody';

describe('useSession', () => {
  test('shows what the wire says, and a change made by anybody, without a fetch', async () => {
    const { world, client, calls } = start();
    const { container } = await render(provided(client, h(counted(showName).Counted)));
    assert.equal(container.textContent, 'Alice');
    await act(async () => world.socket.update(2, { id: 1, data: alicia, tag: 'a2' }));
    assert.equal(container.textContent, 'Alicia');
    assert.equal(calls.count, 0);
  });

  test('renders nobody whose slice has not changed', async () => {
    const { world, client } = start();
    const email = counted(() => useSession(({ data }) => data?.user.email));
    const made = counted(() => useSession(({ data }) => ({ roles: [data?.role] })).roles);
    await render(provided(client, h(email.Counted), h(made.Counted)));
    await act(async () => world.socket.update(2, { id: 1, data: alicia, tag: 'a2' }));
    await act(async () => world.socket.end());
    assert.deepEqual([email.renders.count, made.renders.count], [1, 1]);
    await act(async () => {
      world.advance(10_000);
      world.socket.open(3);
      world.socket.update(3, { id: 1, data: { ...alicia, role: 'member' }, tag: 'a3' });
    });
    assert.deepEqual([email.renders.count, made.renders.count], [1, 2]);
  });

  test('takes a selector that makes something new each time', async () => {
    const { world, client } = start();
    const when = counted(() => useSession(({ version }) => new Date(Number(version))).getTime());
    const { container } = await render(provided(client, h(when.Counted)));
    assert.equal(container.textContent, '1');
    await act(async () => world.socket.update(2, { id: 1, data: alicia, tag: 'a2' }));
    assert.equal(container.textContent, '2');
  });

  test('follows a selector that depends on props', async () => {
    const { client } = start();
    const Field = (/** @type {{name: 'name' | 'email'}} */ { name }) => useSession(({ data }) => data?.user[name]);
    const { container, root } = await render(provided(client, h(/** @type {any} */ (Field), { name: 'name' })));
    await act(async () => root.render(provided(client, h(/** @type {any} */ (Field), { name: 'email' }))));
    assert.equal(container.textContent, 'a@example.com');
  });

  test('needs a provider, and says so', () => {
    assert.throws(() => renderToString(h(counted(showName).Counted)), /<SessionProvider/);
  });

  test('gives the client for calls', async () => {
    const { client } = start();
    const { container } = await render(provided(client, h(counted(() => useSessionClient() === client).Counted)));
    assert.equal(container.textContent, 'true');
  });
});

describe('queries', () => {
  test('are subscribed once, however many components use them, in StrictMode, with args made anew', async () => {
    const { world, client } = start();
    const { Counted } = counted(() => useQuery('projects', { page: { size: 1, number: 2 } }).isPending);
    await render(h(StrictMode, null, provided(client, h(Counted), h(Counted), h(Counted))));
    assert.deepEqual(sent(world, 'subscribe').map(({ query }) => query), ['session', 'projects']);
    assert.equal(sent(world, 'unsubscribe').length, 0);
  });

  test('follow their args', async () => {
    const { world, client } = start();
    const Page = (/** @type {{page: number}} */ { page }) => String(useQuery('projects', { page }).data);
    const { container, root } = await render(provided(client, h(/** @type {any} */ (Page), { page: 1 })));
    await act(async () => world.socket.update(2, { id: 2, data: 'one', tag: 'p1' }));
    await act(async () => root.render(provided(client, h(/** @type {any} */ (Page), { page: 2 }))));
    await act(async () => world.socket.update(2, { id: 3, data: 'two', tag: 'p2' }));
    assert.equal(container.textContent, 'two');
    world.advance(1_000);
    assert.deepEqual(sent(world, 'unsubscribe'), [{ op: 'unsubscribe', id: 2 }]);
  });

  test('of organizations have hooks of their own', async () => {
    const { world, client } = start();
    const many = counted(() => useOrganizations().data?.map(({ name }) => name));
    const one = counted(() => useActiveOrganization().data?.members.length);
    const { container } = await render(provided(client, h(many.Counted), h(one.Counted)));
    await act(async () => {
      const organizations = [{ id: 'o1', name: 'Acme' }];
      const organization = { id: 'o1', members: [{ id: 'm1' }] };
      world.socket.update(2, { id: 2, data: organizations, tag: 'a' }, { id: 3, data: organization, tag: 'b' });
    });
    assert.equal(container.textContent, 'Acme1');
  });

  test('take references', async () => {
    const { world, client } = start();
    const { Counted } = counted(() => useQuery(client.api.auth.getCurrentUser, {}, ({ data }) => data?.name));
    const { container } = await render(provided(client, h(Counted)));
    await act(async () => world.socket.update(2, { id: 2, data: { name: 'Alice' }, tag: 'u' }));
    assert.equal(container.textContent, 'Alice');
  });
});

describe('rendering', () => {
  test('a mount renders once, twice in StrictMode, and a change once (twice)', async () => {
    for (const [Mode, times] of /** @type {[any, number][]} */ ([['div', 1], [StrictMode, 2]])) {
      const { world, client } = start();
      const { Counted, renders } = counted(showName);
      await render(h(Mode, null, provided(client, h(Counted))));
      assert.equal(renders.count, times);
      await act(async () => world.socket.update(2, { id: 1, data: alice, tag: 'a1' }));
      assert.equal(renders.count, times);
      await act(async () => world.socket.update(3, { id: 1, data: alicia, tag: 'a2' }));
      assert.equal(renders.count, 2 * times);
    }
  });

  test('never shows two users side by side', async () => {
    const { world, client } = start();
    /** @type {Set<string>} */
    const seen = new Set();
    const Pair = () => {
      const user = useQuery('user').data?.name;
      const name = useSession(({ data }) => data?.user.name);
      if (user !== undefined) seen.add(`${name} ${user}`);
      return null;
    };
    await render(provided(client, h(Pair), h(Pair)));
    const both = (/** @type {number} */ n, /** @type {string} */ name) =>
      world.socket.update(n, { id: 1, data: { session: { id: 's1' }, user: { name } }, tag: name }, { id: 2, data: { name }, tag: name });
    await act(async () => both(2, 'Alice'));
    await act(async () => both(3, 'Bob'));
    assert.deepEqual([...seen], ['Alice Alice', 'Bob Bob']);
  });
});

describe('a page rendered by the server', () => {
  test('is pending there, and hydrated without a mismatch although the wire was faster', async (context) => {
    const errors = context.mock.method(console, 'error', () => {});
    const showState = () => {
      const { isPending, data } = useSession();
      return isPending ? 'pending' : (data?.user.name ?? 'nobody');
    };
    const { client, answer } = start({ isLive: false });
    const { Counted } = counted(showState);
    const container = createRoot();
    container.innerHTML = renderToString(provided(client, h(Counted)));
    assert.equal(container.textContent, 'pending');
    answer();
    assert.match(renderToString(provided(client, h(Counted))), /pending/);
    /** @type {unknown[]} */
    const mismatches = [];
    const onRecoverableError = (/** @type {unknown} */ error) => void mismatches.push(error);
    const root = await act(async () => hydrateRoot(container, provided(client, h(Counted)), { onRecoverableError }));
    undo.unshift(() => root.unmount());
    assert.deepEqual([mismatches, errors.mock.calls.map(({ arguments: [first] }) => first)], [[], []]);
    assert.equal(container.textContent, 'Alice');
  });

  test('shows what it was delivered with, and is hydrated without a mismatch although that has changed', async (context) => {
    const errors = context.mock.method(console, 'error', () => {});
    const { world, client } = start({ isLive: false, initial: { data: alice, version: version(1) } });
    const { Counted } = counted(showName);
    const container = createRoot();
    container.innerHTML = renderToString(provided(client, h(Counted)));
    assert.equal(container.textContent, 'Alice');
    world.socket.open(2);
    world.socket.update(2, { id: 1, data: alicia, tag: 'a2' });
    /** @type {unknown[]} */
    const mismatches = [];
    const onRecoverableError = (/** @type {unknown} */ error) => void mismatches.push(error);
    const root = await act(async () => hydrateRoot(container, provided(client, h(Counted)), { onRecoverableError }));
    undo.unshift(() => root.unmount());
    assert.deepEqual([mismatches, errors.mock.callCount()], [[], 0]);
    assert.equal(container.textContent, 'Alicia');
  });
});

// What users of other clients complained about, by the rows of their sections.

describe('complaints', () => {
  test('E: hundreds of requests per second, because each mount fetches', async () => {
    const { world, client, calls } = start();
    const { Counted } = counted(() => [useSession().isPending, useQuery('user').isPending]);
    /** @type {(key: number) => void} */
    let remount = () => {};
    const Storm = () => {
      const [key, setKey] = useState(0);
      remount = setKey;
      return h(Counted, { key });
    };
    await render(h(StrictMode, null, provided(client, h(Storm))));
    for (let key = 1; key <= 200; key += 1) await act(async () => remount(key));
    assert.equal(calls.count, 0);
    assert.equal(world.sockets.length, 1);
    assert.equal(world.socket.sent.length, 2);
  });

  test('E: isPending flips back on focus, or when the connection is lost', async () => {
    const { world, client } = start();
    /** @type {boolean[]} */
    const pending = [];
    const { Counted } = counted(() => pending.push(useSession().isPending));
    await render(provided(client, h(Counted)));
    await act(async () => world.wake());
    await act(async () => world.socket.end());
    await act(async () => world.advance(10_000));
    assert.deepEqual(new Set(pending), new Set([false]));
  });

  test('E: every focus renders all consumers, and resets forms', async () => {
    const { world, client } = start();
    const { Counted, renders } = counted(showName);
    await render(provided(client, h(Counted)));
    for (let focus = 0; focus < 10; focus += 1) {
      await act(async () => {
        world.wake();
        world.socket.receive({ op: 'pong' });
      });
    }
    assert.equal(renders.count, 1);
  });

  test('E: a flash of the signed-out page while the page loads', async () => {
    const { client, answer } = start({ isLive: false });
    /** @type {string[]} */
    const shown = [];
    const { Counted } = counted(() => {
      const { data, isPending } = useSession();
      shown.push(isPending ? 'pending' : data === null ? 'signed out' : 'signed in');
    });
    await render(provided(client, h(Counted)));
    await act(async () => answer());
    assert.deepEqual(shown, ['pending', 'signed in']);
  });

  test('D: the switcher is unmounted by the switch that it made', async () => {
    const { world, client } = start();
    let mounts = 0;
    const Switcher = () => {
      useState(() => (mounts += 1));
      return useOrganizations().data?.find(({ active }) => active)?.name ?? null;
    };
    const { container } = await render(provided(client, h(/** @type {any} */ (Switcher))));
    const organizations = (/** @type {string} */ active) => {
      return ['Acme', 'Umbrella'].map((name) => ({ id: name, name, active: name === active }));
    };
    await act(async () => world.socket.update(2, { id: 2, data: organizations('Acme'), tag: '1' }));
    await act(async () => world.socket.update(3, { id: 2, data: organizations('Umbrella'), tag: '2' }));
    assert.deepEqual([container.textContent, mounts], ['Umbrella', 1]);
  });

  test('D: caches of the application keep the rows of the previous organization', async () => {
    const { world, client } = start();
    const { Counted, renders } = counted(() => useSession(({ data }) => data?.scope));
    const { container } = await render(provided(client, h(Counted)));
    await act(async () => world.socket.update(2, { id: 1, data: { ...alice, scope: 'acme' }, tag: '2' }));
    await act(async () => world.socket.update(3, { id: 1, data: { ...alicia, scope: 'acme' }, tag: '3' }));
    assert.deepEqual([container.textContent, renders.count], ['acme', 2]);
    await act(async () => world.socket.update(4, { id: 1, data: { ...alicia, scope: 'umbrella' }, tag: '4' }));
    assert.deepEqual([container.textContent, renders.count], ['umbrella', 3]);
  });
});

test('the adapter is at most 0.7 kB, minified and compressed', async (context) => {
  const { outputFiles } = await build({
    entryPoints: [new URL('../src/react.js', import.meta.url).pathname],
    bundle: true,
    minify: true,
    format: 'esm',
    external: ['react'],
    write: false,
    logLevel: 'silent',
  });
  const size = gzipSync(outputFiles[0]?.contents ?? '', { level: 9 }).length;
  context.diagnostic(`${size} bytes`);
  assert.ok(size <= 700, `${size} bytes`);
});
