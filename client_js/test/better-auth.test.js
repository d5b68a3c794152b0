// @ts-check
import './page.js';
import '../src/http.js';
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { organizationClient } from 'better-auth/client/plugins';
import { createAuthClient } from 'better-auth/react';
import { act, createElement as h } from 'react';
import { createRoot as createReactRoot } from 'react-dom/client';
import { sessionwire } from '../src/better-auth.js';
import { createRoot } from './page.js';
import { World } from './world.js';

const AT = '2026-11-23T16:00:00.000Z';
const LATER = '2099-01-01T00:00:00.000Z';

/** The session as the wire shows it. */
function view(name = 'Alice', { id = 's1', organization = 'o1', role = 'owner' } = {}) {
  return {
    session: { id, userId: `user of ${id}`, createdAt: AT, updatedAt: AT, expiresAt: LATER, refreshAt: LATER },
    user: { id: `user of ${id}`, name, email: 'a@example.com', createdAt: AT, updatedAt: AT },
    organization: { id: organization, name: organization },
    role,
    scope: `${id} ${organization} ${role}`,
  };
}

/** The same as HTTP has it. @param {ReturnType<typeof view>} data */
function overHttp({ session, user }) {
  return { session: { ...session, token: 'secret' }, user };
}

/** @param {string} id */
function fullOrganization(id, role = 'owner') {
  const user = { id: 'user of s1', name: 'Alice', email: 'a@example.com', image: null };
  return {
    id,
    name: id,
    slug: id,
    logo: null,
    createdAt: AT,
    role,
    members: [{ id: `member of ${id}`, userId: user.id, role, createdAt: AT, user }],
    invitations: [],
  };
}

/** @type {Array<() => unknown>} */
const undo = [];
beforeEach(() => mock.timers.enable({ apis: ['setTimeout', 'setInterval'] }));
afterEach(async () => {
  for (const each of undo.splice(0)) await act(async () => each());
  mock.timers.reset();
});

/** Lets all happen that is due within some milliseconds. @param {number} [milliseconds] */
async function pass(milliseconds = 20) {
  await act(async () => {
    for (let round = 0; round < 10; round += 1) {
      mock.timers.tick(milliseconds / 10);
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
}

/** An application of better-auth's, with a server that answers `answers`, and what its hooks show. */
async function start({ data = /** @type {any} */ (view()), plugins = /** @type {any[]} */ ([organizationClient()]) } = {}) {
  const world = new World();
  /** @type {string[]} */
  const requests = [];
  /** @type {Record<string, any>} */
  const answers = {
    'get-session': data && overHttp(data),
    'organization/list': [{ id: 'o1', name: 'o1', slug: 'o1', logo: null, createdAt: AT, metadata: { plan: 'pro' } }],
    'organization/get-full-organization': null,
    'organization/get-active-member': null,
    'organization/get-active-member-role': { role: 'owner' },
  };
  /** The organization that a request says. @type {Record<string, string | null>} */
  const pins = {};
  const customFetchImpl = async (/** @type {any} */ url, /** @type {any} */ init) => {
    const path = new URL(String(url)).pathname.replace('/api/auth/', '');
    requests.push(path);
    pins[path] = new Headers(init?.headers).get('sessionwire-organization');
    const answer = answers[path];
    if (answer instanceof Error) throw answer;
    if (answer instanceof Promise) return answer;
    return Response.json(answer ?? null, answer?.status > 399 ? { status: answer.status } : {});
  };
  const auth = createAuthClient({
    baseURL: 'http://example.test',
    fetchOptions: { customFetchImpl },
    plugins: [
      sessionwire({ WebSocket: world.WebSocket, environment: world.environment, fetch: /** @type {any} */ (customFetchImpl) }),
      ...plugins,
    ],
  });
  const client = /** @type {any} */ (auth).getSessionClient();
  undo.push(() => client.close());
  const hooks = /** @type {any} */ (auth);
  /** @type {any[]} */
  const renders = [];
  const App = () => {
    const state = hooks.useSession();
    renders.push(state);
    return null;
  };
  const container = createReactRoot(createRoot());
  await act(async () => container.render(h(App)));
  undo.unshift(() => container.unmount());
  const now = () => renders.at(-1);
  return { world, auth, client, requests, pins, answers, renders, now, hooks };
}

/** The application when the wire has answered. @param {Parameters<typeof start>[0]} [options] */
async function startLive(options) {
  const app = await start(options);
  await act(async () => {
    app.world.socket.open();
    answerAll(app.world, 1, options?.data === undefined ? view() : options.data);
  });
  await pass();
  return app;
}

/** What each query is answered. @param {World} world @param {number} n @param {any} data */
function answerAll(world, n, data, full = fullOrganization(data?.organization.id, data?.role)) {
  const { members, invitations, ...organization } = full;
  /** @type {Record<string, any>} */
  const byQuery = {
    session: data,
    organizations: data && [{ ...organization, active: true }],
    organization: data && full,
  };
  const asked = world.socket.sent.filter(({ op }) => op === 'subscribe');
  const results = asked.map(({ id, query }) => ({ id, data: byQuery[query], tag: `${query}${n}` }));
  world.socket.update(n, ...results);
}

describe('useSession', () => {
  test('shows a change made elsewhere, without a request, with dates', async () => {
    const { world, requests, now } = await startLive();
    assert.deepEqual(requests, ['get-session']);
    await act(async () => answerAll(world, 2, view('Alicia')));
    assert.equal(now().data.user.name, 'Alicia');
    assert.deepEqual(now().data.session.expiresAt, new Date(LATER));
    assert.equal(now().data.session.token, 'secret');
    assert.deepEqual(requests, ['get-session']);
  });

  test('has an answer as soon as the wire has one, though HTTP is slow', async () => {
    const { world, answers, now } = await start();
    answers['get-session'] = new Promise(() => {});
    await pass();
    await act(async () => {
      world.socket.open();
      answerAll(world, 1, view());
    });
    assert.deepEqual([now().isPending, now().data.user.name], [false, 'Alice']);
  });

  test('is not taken back by an answer of HTTP that is older than the wire', async () => {
    const { world, answers, now } = await start();
    /** @type {(response: Response) => void} */
    let respond = () => {};
    answers['get-session'] = new Promise((resolve) => (respond = resolve));
    await pass();
    await act(async () => {
      world.socket.open();
      answerAll(world, 2, view('Alicia'));
    });
    respond(Response.json(overHttp(view('Alice'))));
    await pass();
    assert.deepEqual([now().data.user.name, now().data.session.token], ['Alicia', 'secret']);
  });

  test('shows a forced sign-out at once, and the client knows the reason', async () => {
    const { world, client, requests, now } = await startLive();
    const before = requests.length;
    await act(async () => world.socket.bye('revoked'));
    assert.deepEqual([now().data, now().error, now().isPending], [null, null, false]);
    assert.deepEqual([client.session.get().reason, client.session.get().status], ['revoked', 'closed']);
    assert.equal(requests.length, before);
  });

  test('stays signed out, though an answer from before the revocation comes late', async () => {
    const { world, answers, now } = await startLive();
    /** @type {(response: Response) => void} */
    let respond = () => {};
    answers['get-session'] = new Promise((resolve) => (respond = resolve));
    await act(async () => world.socket.end());
    const reading = now().refetch();
    await pass();
    await act(async () => {
      world.advance(20_000);
      world.socket.open();
      world.socket.bye('banned');
    });
    respond(Response.json(overHttp(view())));
    await act(() => reading);
    assert.equal(now().data, null);
  });

  test('renders once for a change, and not for a refetch that brings nothing new', async () => {
    const { world, requests, renders, now } = await startLive();
    const { data } = now();
    const before = renders.length;
    await act(async () => answerAll(world, 2, view('Alicia')));
    assert.equal(renders.length, before + 1);
    await act(async () => answerAll(world, 3, view('Alicia')));
    assert.equal(renders.length, before + 1);
    assert.equal(now().data.session.createdAt, data.session.createdAt);
    const { data: same } = now();
    await act(() => now().refetch());
    assert.equal(now().data, same);
    assert.deepEqual(requests, ['get-session']);
  });

  test('over HTTP alone works as without the plugin', async () => {
    const { world, answers, requests, now } = await start();
    await act(async () => world.socket.end());
    await pass();
    assert.equal(now().data.user.name, 'Alice');
    answers['get-session'] = overHttp(view('Alicia'));
    await act(() => now().refetch());
    await pass();
    assert.deepEqual([now().data.user.name, requests], ['Alicia', ['get-session', 'get-session']]);
  });

  test('asks HTTP before it believes a connection that never showed the session', async () => {
    const { world, requests, now } = await start();
    await pass();
    await act(async () => {
      world.socket.open();
      world.socket.update(1, { id: 1, data: null, tag: 'n' });
    });
    await pass(2_000);
    assert.equal(now().data.user.name, 'Alice');
    assert.ok(requests.length <= 3, String(requests));
  });

  test('goes on reading fields that only HTTP has', async () => {
    const { world, answers, requests, now } = await start();
    answers['get-session'].user = { ...answers['get-session'].user, plan: 'free' };
    world.socket.open();
    answerAll(world, 1, view());
    await pass();
    assert.equal(now().data.user.plan, 'free');
    answers['get-session'].user = { ...answers['get-session'].user, plan: 'pro' };
    await act(() => now().refetch());
    await pass();
    assert.deepEqual([now().data.user.plan, requests.length], ['pro', 2]);
  });
});

describe('writes through better-auth', () => {
  test('a sign-in resolves when the hook shows the user, on a connection bound to the new cookie', async () => {
    const { world, auth, answers, now } = await startLive({ data: null });
    assert.equal(now().data, null);
    answers['sign-in/email'] = { user: { id: 'u' }, token: 'secret', redirect: false };
    answers['get-session'] = overHttp(view());
    const signingIn = auth.signIn.email({ email: 'a@example.com', password: 'secret-12' });
    await pass();
    assert.equal(world.sockets.length, 2);
    await act(async () => {
      world.socket.open(5);
      answerAll(world, 5, view());
    });
    await pass();
    assert.equal((await signingIn).error, null);
    assert.equal(now().data.user.name, 'Alice');
  });

  test('a sign-in by something else is noticed when better-auth reads the session', async () => {
    const { world, answers, now } = await startLive({ data: null });
    answers['get-session'] = overHttp(view());
    await act(() => now().refetch());
    await pass();
    assert.equal(world.sockets.length, 2);
    await act(async () => {
      world.socket.open(5);
      answerAll(world, 5, view('Alicia'));
    });
    assert.equal(now().data.user.name, 'Alicia');
  });

  test('a password change keeps this device signed in, though the bye is faster than the answer', async () => {
    const { world, auth, answers, renders } = await startLive();
    answers['change-password'] = new Promise((resolve) => {
      undo.push(() => resolve(Response.json({ user: { id: 'u' }, token: 't' })));
    });
    void auth.changePassword({ currentPassword: 'a', newPassword: 'b', revokeOtherSessions: true });
    await pass();
    const before = renders.length;
    await act(async () => world.socket.bye('password_changed'));
    assert.ok(renders.slice(before - 1).every(({ data }) => data !== null));
  });

  test('a sign-out shows nobody at once', async () => {
    const { auth, answers, now } = await startLive();
    answers['sign-out'] = { success: true };
    answers['get-session'] = null;
    const signingOut = auth.signOut();
    await pass();
    assert.equal(now().data, null);
    assert.equal((await signingOut).error, null);
  });

  test('an error of a write is the error of better-auth', async () => {
    const { auth, answers, now } = await startLive();
    answers['update-user'] = { status: 400, code: 'NO', message: 'No.' };
    const updating = auth.updateUser({ name: 'x' });
    await pass();
    const { error } = await updating;
    assert.equal(error?.code, 'NO');
    assert.equal(now().data.user.name, 'Alice');
  });
});

describe('the hooks of organizations', () => {
  /** @param {any} hooks */
  async function renderHooks(hooks) {
    /** @type {Record<string, any>} */
    const shown = {};
    const App = () => {
      shown.list = hooks.useListOrganizations().data;
      shown.active = hooks.useActiveOrganization().data;
      shown.member = hooks.useActiveMember().data;
      shown.role = hooks.useActiveMemberRole().data;
      return null;
    };
    const root = createReactRoot(createRoot());
    await act(async () => root.render(h(App)));
    undo.unshift(() => root.unmount());
    await pass();
    return shown;
  }

  test('show a change made elsewhere, without a request', async () => {
    const { world, requests, hooks } = await startLive();
    const shown = await renderHooks(hooks);
    const before = requests.length;
    await act(async () => answerAll(world, 2, view('Alice', { role: 'member' })));
    await pass(2_000);
    assert.deepEqual([shown.active.members[0].role, shown.member.role, shown.role.role], ['member', 'member', 'member']);
    assert.deepEqual(shown.list[0].metadata, { plan: 'pro' });
    assert.deepEqual(shown.member.createdAt, new Date(AT));
    assert.equal(shown.member.organizationId, 'o1');
    assert.equal(requests.length, before);
  });

  test('show nothing of the user who was signed out', async () => {
    const { world, hooks } = await startLive();
    const shown = await renderHooks(hooks);
    assert.equal(shown.active.id, 'o1');
    await act(async () => world.socket.bye('revoked'));
    assert.deepEqual(shown, { list: null, active: null, member: null, role: null });
  });

  test('show nothing of the user who has signed out, before the next connection has said anything', async () => {
    const { auth, answers, hooks } = await startLive();
    const shown = await renderHooks(hooks);
    Object.assign(answers, { 'sign-out': { success: true }, 'get-session': null });
    answers['organization/get-full-organization'] = new Promise(() => {});
    void auth.signOut();
    await pass();
    assert.deepEqual([shown.list, shown.active], [null, null]);
  });

  test('keep what they show while the connection is lost', async () => {
    const { world, hooks } = await startLive();
    const shown = await renderHooks(hooks);
    await act(async () => world.socket.end());
    await pass();
    assert.deepEqual([shown.active.id, shown.list.length], ['o1', 1]);
  });
});

// What users of better-auth complained about, by the rows of their sections.

describe('complaints', () => {
  test('D: two organizations blended onto one screen after a switch', async () => {
    const { world, hooks } = await startLive();
    /** @type {Set<string>} */
    const seen = new Set();
    const Screen = () => {
      seen.add(`${hooks.useSession().data?.organization.id} ${hooks.useActiveOrganization().data?.id}`);
      return null;
    };
    const root = createReactRoot(createRoot());
    await act(async () => root.render(h(Screen)));
    undo.unshift(() => root.unmount());
    await pass();
    for (let n = 2; n < 20; n += 1) {
      await act(async () => answerAll(world, n, view('Alice', { organization: n % 2 ? 'o1' : 'o2' })));
    }
    assert.deepEqual([...seen].sort(), ['o1 o1', 'o2 o2']);
  });

  test('D: other tabs silently hit the wrong organization', async () => {
    const { hooks, client, pins, answers } = await startLive();
    answers['organization/invite-member'] = { id: 'i1' };
    answers['organization/set-active'] = { id: 'o1' };
    answers['update-user'] = { status: true };
    client.pin('o2');
    await act(async () => {
      await hooks.organization.inviteMember({ email: 'x@example.com', role: 'member' });
      await hooks.organization.listMembers();
      hooks.organization.setActive({ organizationId: 'o1' });
      hooks.updateUser({ name: 'Alicia' });
    });
    await pass();
    assert.deepEqual(
      ['organization/invite-member', 'organization/list-members', 'organization/set-active', 'update-user'].map((each) => pins[each]),
      ['o2', 'o2', null, 'o2'],
    );
  });

  test('D: a refetch for each of many switches', async () => {
    const { world, answers, requests, hooks } = await startLive();
    const App = () => hooks.useActiveOrganization() && null;
    const root = createReactRoot(createRoot());
    await act(async () => root.render(h(App)));
    undo.unshift(() => root.unmount());
    answers['organization/get-full-organization'] = fullOrganization('o1');
    await pass();
    const before = requests.length;
    for (let n = 2; n < 52; n += 1) {
      await act(async () => answerAll(world, n, view('Alice', { organization: `o${n}` })));
      await act(async () => world.advance(10));
      await pass();
    }
    await act(async () => world.advance(1_000));
    await pass();
    assert.ok(requests.length - before >= 1, 'metadata of the new one');
    assert.ok(requests.length - before <= 2, `${requests.length - before} requests`);
  });

  test('E: hundreds of get-session per second from one tab', async () => {
    const { requests, hooks } = await startLive();
    const App = () => hooks.useSession() && null;
    for (let mount = 0; mount < 50; mount += 1) {
      const root = createReactRoot(createRoot());
      await act(async () => root.render(h(App)));
      await act(async () => root.unmount());
    }
    await pass(2_000);
    assert.deepEqual(requests, ['get-session']);
  });

  test('E: every focus renders all consumers', async () => {
    const { requests, renders } = await startLive();
    const before = renders.length;
    for (let focus = 0; focus < 10; focus += 1) {
      await act(async () => void window.dispatchEvent(new window.Event('focus')));
      await act(async () => void document.dispatchEvent(new window.Event('visibilitychange')));
      await pass(10_000);
    }
    assert.deepEqual([requests, renders.length], [['get-session'], before]);
  });

  test('F: a lost connection, a 429 and a network fault throw the user out', async () => {
    const { world, answers, now } = await startLive();
    await act(async () => world.socket.end());
    assert.equal(now().data.user.name, 'Alice');
    for (const fault of [{ status: 429 }, { status: 503 }, new TypeError('fetch failed')]) {
      answers['get-session'] = fault;
      await act(() => now().refetch());
      await pass();
      assert.equal(now().data.user.name, 'Alice');
    }
  });

  test('A: getSession fetches new data, and useSession keeps the old', async () => {
    const { world, auth, now } = await startLive();
    await act(async () => answerAll(world, 2, view('Alicia')));
    const reading = auth.getSession();
    await pass();
    const { data } = await reading;
    assert.equal(data?.user.name, 'Alicia');
    assert.equal(data, now().data);
  });
});
