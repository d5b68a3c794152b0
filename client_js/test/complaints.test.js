// @ts-check
/** What users of other session libraries complain about: each of these must not happen here. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import '../src/after.js';
import '../src/fallback.js'; // so that it need not be waited for
import { alice, sessionOf, start, turn, wrote } from './client.js';
import { version } from './wire.js';

const acme = sessionOf('acme');

/** All that a store shows, as texts. @param {import('../src/index.js').LiveStore<any>} store @param {(state: any) => unknown} of */
function watch(store, of) {
  /** @type {string[]} */
  const seen = [];
  store.subscribe((state) => seen.push(JSON.stringify(of(state))));
  return seen;
}

describe('the hook does not notice a change on the server', () => {
  test('the user was changed by a program, and the session stays stale until the next sign-in', () => {
    const { world, client } = start({ first: acme });
    world.socket.update(2, { id: 1, data: sessionOf('acme', { name: 'Alicia' }), tag: 'b' });
    assert.equal(client.session.get().data?.user.name, 'Alicia');
  });

  test('one store has the new data, and another keeps the old', () => {
    const { world, client } = start({ first: acme });
    const user = client.query('user');
    const seen = watch(user, ({ data }) => [data?.name, client.session.get().data?.user.name]);
    world.socket.update(1, { id: 2, data: acme.user, tag: 'u' });
    const changed = sessionOf('acme', { name: 'Alicia' });
    world.socket.update(2, { id: 1, data: changed, tag: 'b' }, { id: 2, data: changed.user, tag: 'v' });
    assert.deepEqual(seen.slice(1), ['["Alice","Alice"]', '["Alicia","Alicia"]']);
  });

  test('the profile is saved, the next page reads the old one, and sends the user back to the form', async () => {
    const { world, client, nth } = start({ first: acme });
    const saved = client.updateUser({ name: 'Alicia' }).then(() => client.session.get().data?.user.name);
    await (await nth(0)).answer({ status: true }, wrote(5));
    world.socket.update(5, { id: 1, data: sessionOf('acme', { name: 'Alicia' }), tag: 'b' });
    assert.equal(await saved, 'Alicia');
    await client.until(version(5));
  });

  test('the hook does not always trigger', () => {
    const { world, client } = start({ first: acme });
    const seen = watch(client.session, ({ data }) => data?.user.name);
    const states = new Set([client.session.get()]);
    for (let n = 2; n <= 100; n += 1) {
      world.socket.update(n, { id: 1, data: sessionOf('acme', { name: `Alice ${n}` }), tag: `b${n}` });
      states.add(client.session.get());
    }
    assert.deepEqual([seen.length, states.size], [100, 100], 'each change is told once, as another object');
  });

  test('a refresh of the session brings the old user back', async () => {
    const refreshAt = new Date(0).toISOString();
    const first = { ...acme, session: { ...acme.session, refreshAt } };
    const { world, client, nth } = start({ first });
    await turn();
    world.advance(25_000);
    world.socket.receive({ op: 'pong' });
    world.advance(25_000);
    world.socket.receive({ op: 'pong' });
    const refresh = await nth(0);
    const renamed = { ...first, user: { ...first.user, name: 'Alicia' } };
    world.socket.update(2, { id: 1, data: renamed, tag: 'b' });
    await refresh.answer(first, wrote(1));
    assert.equal(client.session.get().data?.user.name, 'Alicia');
  });

  test('an administrator deletes the user, and the client never hears of it', () => {
    const { world, client } = start({ first: acme });
    world.socket.bye('deleted');
    assert.deepEqual([client.session.get().data, client.session.get().reason], [null, 'deleted']);
  });

  test('a member who was demoted or removed keeps the old rights on screen', () => {
    const { world, client } = start({ first: acme });
    world.socket.update(2, { id: 1, data: { ...acme, organization: null, role: null, scope: 'u1' }, tag: 'b' });
    assert.deepEqual([client.session.get().data?.role, client.session.get().data?.scope], [null, 'u1']);
  });
});

describe('switching the organization', () => {
  test('two workspaces are blended on one screen', () => {
    const { world, client } = start({ first: acme });
    const organization = client.query('organization');
    const seen = watch(organization, ({ data }) => [client.session.get().data?.organization?.id, data?.id]);
    world.socket.update(1, { id: 2, data: { id: 'acme' }, tag: 'o' });
    client.pin('umbrella');
    world.socket.update(2, { id: 3, data: sessionOf('umbrella'), tag: 'b' });
    world.socket.update(2, { id: 4, data: { id: 'umbrella' }, tag: 'p' });
    assert.deepEqual(new Set(seen.slice(1)), new Set(['["acme","acme"]', '["umbrella","umbrella"]']));
  });

  test('two tabs cannot be in two organizations', () => {
    const [one, other] = [start({ first: acme }), start({ first: acme })];
    one.client.pin('umbrella');
    one.world.socket.update(2, { id: 2, data: sessionOf('umbrella'), tag: 'b' });
    const shown = [one, other].map(({ client }) => client.session.get().data?.organization?.id);
    assert.deepEqual(shown, ['umbrella', 'acme']);
  });

  test('the last tab to switch wins: the pinned one is dragged along', async () => {
    const { world, client, nth } = start({ first: acme });
    client.pin('umbrella');
    world.socket.update(2, { id: 2, data: sessionOf('umbrella'), tag: 'b' });
    world.socket.update(3, { id: 1, data: sessionOf('initech'), tag: 'c' }); // of before the pin
    assert.equal(client.session.get().data?.organization?.id, 'umbrella');
    client.organization.setActive({ organizationId: 'acme' });
    await (await nth(0)).answer({ id: 'acme' }, wrote(5));
    const [{ args }] = world.socket.sent.filter(({ op }) => op === 'subscribe').slice(-1);
    assert.deepEqual(args, { organization: 'acme' }, 'its own switch is seen, and it is still pinned');
  });

  test('an organization is created or left, and the hooks keep the old one', async () => {
    for (const path of /** @type {const} */ (['create', 'leave'])) {
      const { world, client, nth } = start({ first: acme });
      const shown = /** @type {any} */ (client.organization)[path]({}).then(() => client.session.get().data?.organization?.id);
      await (await nth(0)).answer({ id: 'new' }, wrote(5));
      world.socket.update(5, { id: 1, data: sessionOf('new'), tag: 'b' });
      assert.equal(await shown, 'new', path);
    }
  });

  test('the live connection stays in the old organization after the switch', async () => {
    const { world, client, nth } = start({ first: acme });
    client.organization.setActive({ organizationId: 'umbrella' });
    await (await nth(0)).answer({ id: 'umbrella' }, wrote(5));
    world.socket.update(5, { id: 1, data: sessionOf('umbrella'), tag: 'b' });
    await turn();
    assert.deepEqual(client.organization.switching.get(), { status: 'switched', to: 'umbrella' });
    assert.equal(world.sockets.length, 1);
  });

  test('the page is rendered with the new organization before its data are there', async () => {
    const { client, nth } = start({ first: acme });
    client.organization.setActive({ organizationId: 'umbrella' });
    await nth(0);
    assert.equal(client.session.get().data?.organization?.id, 'acme');
    assert.equal(client.organization.switching.get().status, 'switching');
  });

  test('the screen is emptied by the switch', () => {
    const { world, client } = start({ first: acme });
    const seen = watch(client.session, ({ data, isPending }) => [data?.organization?.id, isPending]);
    client.pin('umbrella');
    world.socket.update(2, { id: 2, data: sessionOf('umbrella'), tag: 'b' });
    assert.deepEqual(new Set(seen), new Set(['["acme",false]', '["umbrella",false]']));
  });

  test('a switch that fails, fails silently', async () => {
    const { client, nth } = start({ first: acme });
    client.organization.setActive({ organizationSlug: 'no-such' });
    await (await nth(0)).answer({ code: 'ORGANIZATION_NOT_FOUND', message: 'No.' }, { status: 400 });
    await turn();
    const switching = /** @type {any} */ (client.organization.switching.get());
    assert.deepEqual([switching.status, switching.error.code], ['failed', 'ORGANIZATION_NOT_FOUND']);
  });
});

describe('pending, flicker and storms', () => {
  test('hundreds of requests go out because components mount', async () => {
    const { world, client, calls } = start({ isLive: false });
    for (let mount = 0; mount < 300; mount += 1) client.query('session').subscribe(() => {})();
    world.socket.open();
    await turn();
    assert.deepEqual([world.socket.sent.length, world.sockets.length, calls.length], [1, 1, 0]);
  });

  test('isPending is true again on focus', () => {
    const { world, client } = start();
    const seen = watch(client.session, ({ isPending }) => isPending);
    world.wake();
    world.socket.end();
    world.wake();
    assert.deepEqual(new Set(seen), new Set(['false']));
  });

  test('every focus renders everything anew, and forms lose what was typed', () => {
    const { world, client } = start();
    const seen = watch(client.session, ({ data }) => data);
    world.wake();
    world.socket.receive({ op: 'pong' });
    world.socket.update(2, { id: 1, data: structuredClone(alice), tag: 'other' });
    assert.equal(seen.length, 1);
  });

  test('the page flashes as signed out, and asks twice, when it was rendered on the server', () => {
    const initial = /** @type {any} */ ({ data: alice, version: version(1) });
    const { world, client, calls } = start({ isLive: false, initial });
    const seen = watch(client.session, ({ data, isPending }) => [data !== null, isPending]);
    world.socket.open();
    world.socket.update(1, { id: 1, data: alice, tag: 'a' });
    assert.deepEqual(new Set(seen), new Set(['[true,false]']));
    assert.deepEqual([world.socket.sent.length, calls.length], [1, 0]);
  });

  test('the sign-in page flashes while the identity is verified anew', async () => {
    const { world, client, nth } = start();
    const seen = watch(client.session, ({ data }) => data !== null);
    client.changePassword({ currentPassword: 'a', newPassword: 'b' });
    const call = await nth(0);
    world.socket.bye('password_changed');
    await call.answer({ user: {} });
    world.socket.open(5);
    world.socket.update(5, { id: 1, data: alice, tag: 'b' });
    assert.deepEqual(new Set(seen), new Set(['true']));
  });
});

describe('the network looks like a sign-out', () => {
  for (const [what, status, body] of /** @type {[string, number, unknown][]} */ ([
    ['too many requests', 429, { code: 'TOO_MANY_REQUESTS', message: '' }],
    ['a server that fails', 500, undefined],
    ['a gateway in between', 502, undefined],
    ['the page of a captive portal', 200, undefined],
    ['the JSON of a captive portal', 200, { login: 'please' }],
  ])) {
    test(`${what} signs the user out`, async () => {
      const { client, nth } = start();
      client.signOut();
      await (await nth(0)).answer(body, { status });
      assert.deepEqual([client.session.get().data, client.session.get().status], [alice, 'live']);
    });
  }

  for (const status of [401, 429, 500]) {
    test(`a refresh that is answered by ${status} signs the user out, or flickers`, async () => {
      const first = { ...acme, session: { ...acme.session, refreshAt: new Date(0).toISOString() } };
      const { world, client, nth } = start({ first });
      const seen = watch(client.session, ({ data, status }) => [data !== null, status]);
      await turn();
      for (let count = 0; count < 2; count += 1) {
        world.advance(25_000);
        world.socket.receive({ op: 'pong' });
      }
      await (await nth(0)).answer({ code: 'NO', message: '' }, { status });
      await turn();
      assert.deepEqual(new Set(seen), new Set(['[true,"live"]']));
    });
  }

  test('a lost connection, or a long sleep, signs the user out', () => {
    const { world, client } = start();
    world.socket.end();
    world.sleep();
    world.advance(8 * 3_600_000);
    assert.deepEqual([client.session.get().data, client.session.get().status], [alice, 'stale']);
  });

  test('what happened while the tab was in the background is missed', () => {
    const { world, client } = start({ first: acme });
    world.sleep();
    world.wake();
    world.socket.open(9);
    world.socket.update(9, { id: 1, data: sessionOf('acme', { name: 'Alicia' }), tag: 'b' });
    assert.equal(client.session.get().data?.user.name, 'Alicia');
  });

  test('nothing tells whether the connection is there', () => {
    const { world, client } = start({ isLive: false });
    const seen = watch(client.session, ({ status }) => status);
    world.socket.open();
    world.socket.update(1, { id: 1, data: alice, tag: 'a' });
    world.socket.end();
    world.advance(250);
    world.socket.open();
    world.socket.update(1, { id: 1, unchanged: true, tag: 'a' });
    client.close();
    assert.deepEqual(seen, ['"connecting"', '"live"', '"stale"', '"live"', '"closed"']);
  });

  test('the connection comes back with an old token, or never', () => {
    const { world } = start();
    for (let loss = 0; loss < 50; loss += 1) {
      world.socket.end();
      world.advance(10_000);
    }
    assert.equal(world.sockets.length, 51);
  });

  test('a revoked session stays on screen, without a reason', () => {
    const { world, client } = start();
    world.socket.bye('revoked');
    assert.deepEqual([client.session.get().data, client.session.get().reason], [null, 'revoked']);
  });
});
