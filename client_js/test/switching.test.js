// @ts-check
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import '../src/after.js'; // so that it need not be waited for
import { isSettled, sessionOf, start, turn, wrote } from './client.js';

const acme = sessionOf('acme');
const umbrella = sessionOf('umbrella');
const refusal = { code: 'not_a_member', message: 'No.' };

/** A client that shows Acme in `session` (1) and `organization` (2), and all that it has shown. */
async function startInAcme() {
  const started = start({ first: acme });
  await turn(); // what follows the first answer is loaded
  const { world, client } = started;
  const organization = client.query('organization');
  organization.subscribe(() => {});
  world.socket.update(1, { id: 2, data: { id: 'acme' }, tag: 'o1' });
  /** @type {string[]} */
  const seen = [];
  client.session.subscribe(({ data }) => seen.push(`${data?.organization?.id} ${organization.get().data?.id}`));
  /** @type {string[]} */
  const steps = [];
  client.organization.switching.subscribe((/** @type {any} */ { status, to, reason, error }) => {
    steps.push([status, to, reason, error?.code].filter(Boolean).join(' '));
  });
  return { ...started, organization, seen, steps };
}

describe('a tab that is not pinned', () => {
  test('says when it was moved by others, and from where', async () => {
    const { world, client, steps } = await startInAcme();
    world.socket.update(2, { id: 1, data: umbrella, tag: 'b' }, { id: 2, data: { id: 'umbrella' }, tag: 'o2' });
    assert.deepEqual(client.organization.switching.get(), { status: 'moved', from: 'acme', to: 'umbrella' });
    world.socket.update(3, { id: 1, data: { ...umbrella, user: { name: 'Alicia' } }, tag: 'c' });
    assert.deepEqual(steps, ['idle', 'moved umbrella'], 'once');
    world.socket.update(4, { id: 1, data: { ...umbrella, organization: null }, tag: 'd' });
    assert.deepEqual(client.organization.switching.get(), { status: 'moved', from: 'umbrella', to: null });
  });

  test('says so when it comes back to another organization', async () => {
    const { world, client } = await startInAcme();
    world.socket.end();
    world.advance(1_000);
    world.socket.open(6);
    assert.equal(client.organization.switching.get().status, 'idle');
    world.socket.update(7, { id: 1, data: umbrella, tag: 'b' }, { id: 2, data: { id: 'umbrella' }, tag: 'o2' });
    assert.deepEqual(client.organization.switching.get(), { status: 'moved', from: 'acme', to: 'umbrella' });
  });

  test('is not moved by its own calls, by another user, or by a pin', async () => {
    const { world, client, nth, steps } = await startInAcme();
    const made = client.organization.create({ name: 'Umbrella', slug: 'umbrella' });
    await (await nth(0)).answer({ id: 'umbrella' }, wrote(5));
    world.socket.update(5, { id: 1, data: umbrella, tag: 'b' }, { id: 2, data: { id: 'umbrella' }, tag: 'o2' });
    await made;
    world.socket.update(6, { id: 1, data: { ...acme, session: { id: 's2' } }, tag: 'c' });
    client.pin('initech');
    const asked = world.socket.sent.filter(({ args }) => args?.organization === 'initech');
    const data = (/** @type {string} */ query) => (query === 'session' ? sessionOf('initech') : { id: 'initech' });
    world.socket.update(7, ...asked.map(({ id, query }) => ({ id, data: data(query), tag: query })));
    assert.deepEqual(steps, ['idle', 'switching initech', 'switched initech']);
  });
});

describe('setActive', () => {
  test('is switching at once, and switched when the data are there: no moment shows two organizations', async () => {
    const { world, client, nth, seen, steps } = await startInAcme();
    const outcome = client.organization.setActive({ organizationId: 'umbrella' });
    const call = await nth(0);
    assert.deepEqual(client.organization.switching.get(), { status: 'switching', to: 'umbrella' });
    await call.answer({ id: 'umbrella' }, wrote(5));
    await turn();
    assert.equal(client.session.get().data?.scope, 'u1 acme member');
    assert.equal(client.organization.switching.get().status, 'switching');
    world.socket.update(5, { id: 1, data: umbrella, tag: 'b' }, { id: 2, data: { id: 'umbrella' }, tag: 'o2' });
    assert.equal((await outcome).error, null);
    assert.deepEqual(steps, ['idle', 'switching umbrella', 'switched umbrella']);
    assert.deepEqual([...new Set(seen)], ['acme acme', 'umbrella umbrella']);
  });

  test('that is refused has failed, with the error, and nothing has changed', async () => {
    const { client, nth, seen, steps } = await startInAcme();
    const outcome = client.organization.setActive({ organizationSlug: 'secret' });
    await (await nth(0)).answer({ code: 'FORBIDDEN', message: '' }, { status: 403 });
    assert.equal((await outcome).error?.code, 'FORBIDDEN');
    assert.deepEqual(steps, ['idle', 'switching secret', 'failed secret FORBIDDEN']);
    assert.deepEqual(seen, ['acme acme']);
  });

  test('of two in a row, the last one counts', async () => {
    const { world, client, nth, steps } = await startInAcme();
    client.organization.setActive({ organizationId: 'umbrella' });
    client.organization.setActive({ organizationId: null });
    await (await nth(1)).answer(null, wrote(6));
    await (await nth(0)).answer({ id: 'umbrella' }, wrote(5));
    world.socket.update(6, { id: 1, data: { ...acme, organization: null }, tag: 'c' });
    await turn();
    assert.deepEqual(steps, ['idle', 'switching umbrella', 'switching', 'switched']);
    assert.equal(/** @type {any} */ (client.organization.switching.get()).to, null);
  });
});

describe('setActive in a pinned tab', () => {
  async function startPinned() {
    const started = await startInAcme();
    const { world, client } = started;
    client.pin('umbrella');
    world.socket.update(2, { id: 3, data: umbrella, tag: 'b' }, { id: 4, data: { id: 'umbrella' }, tag: 'o2' });
    return started;
  }

  test('moves the pin along: the switch is seen here, and what other tabs do is not', async () => {
    const { world, client, nth, seen, steps } = await startPinned();
    const outcome = client.organization.setActive({ organizationSlug: 'initech-ag' });
    await (await nth(0)).answer({ id: 'initech' }, wrote(5));
    const pins = world.socket.sent.filter(({ op }) => op === 'subscribe').map(({ id, args }) => [id, args.organization]);
    assert.deepEqual(pins.slice(-3), [[5, 'initech'], [6, 'initech'], [7, 'initech']], 'the barrier is pinned, too');
    const initech = { id: 5, data: sessionOf('initech'), tag: 'c' };
    world.socket.update(5, initech, { id: 6, data: { id: 'initech' }, tag: 'o3' });
    assert.equal((await outcome).error, null);
    assert.deepEqual([...new Set(seen)], ['acme acme', 'umbrella umbrella', 'initech initech']);
    assert.deepEqual(steps.slice(-2), ['switching initech-ag', 'switched initech-ag']);
  });

  test('to what is active already, which writes nothing, is waited for as well', async () => {
    const { world, client, nth, steps } = await startPinned();
    const outcome = client.organization.setActive({ organizationId: 'acme' });
    await (await nth(0)).answer({ id: 'acme' });
    assert.equal(await isSettled(outcome), false);
    world.socket.update(5, { id: 5, data: acme, tag: 'a' }, { id: 6, data: { id: 'acme' }, tag: 'o1' });
    await outcome;
    assert.deepEqual(client.session.get().data, acme);
    assert.equal(steps.at(-1), 'switched acme');
  });

  test('to null lets go of the pin', async () => {
    const { world, client, nth } = await startPinned();
    client.organization.setActive({ organizationId: null });
    await (await nth(0)).answer(null, wrote(5));
    assert.deepEqual(world.socket.sent.slice(-2).map(({ args }) => args.organization), [undefined, undefined]);
  });

  test('that is refused leaves the pin', async () => {
    const { client, world, nth, steps } = await startPinned();
    const count = world.socket.sent.length;
    client.organization.setActive({ organizationId: 'secret' });
    await (await nth(0)).answer({ code: 'FORBIDDEN', message: '' }, { status: 403 });
    await turn();
    assert.deepEqual([world.socket.sent.length, client.session.get().data], [count, umbrella]);
    assert.equal(steps.at(-1), 'failed secret FORBIDDEN');
  });

  test('leaves a pin that was made meanwhile', async () => {
    const { client, world, nth } = await startPinned();
    client.organization.setActive({ organizationId: 'initech' });
    const call = await nth(0);
    client.pin('acme');
    const count = world.socket.sent.length;
    await call.answer({ id: 'initech' }, wrote(5));
    const asked = world.socket.sent.slice(count).map(({ args }) => args?.organization);
    assert.ok(!asked.includes('initech'), String(asked));
  });
});

describe('a pin', () => {
  test('goes with every call but a switch, and with requests of the page itself', async () => {
    const { world, client, nth } = await startInAcme();
    const said = (/** @type {any} */ { request }) => new Headers(request.headers).get('sessionwire-organization');
    client.organization.listMembers();
    assert.deepEqual([said(await nth(0)), client.headers()], [null, {}]);
    client.pin('umbrella');
    assert.deepEqual(client.headers(), { 'sessionwire-organization': 'umbrella' });
    client.organization.listMembers();
    client.organization.inviteMember({ email: 'x@example.com', role: 'member' });
    client.organization.setActive({ organizationId: 'acme' });
    assert.deepEqual([said(await nth(1)), said(await nth(2)), said(await nth(3))], ['umbrella', 'umbrella', null]);
    assert.equal(new Headers((await nth(2)).request.headers).get('content-type'), 'application/json');
    world.socket.update(3, { id: 3, error: refusal }, { id: 4, error: refusal });
    assert.deepEqual(client.headers(), {}, 'the membership is lost, and the pin with it');
  });

  test('to an organization of others, before the first connection, has failed as well', async () => {
    const { world, client } = start({ isLive: false });
    client.pin('secret');
    world.socket.open();
    world.socket.update(1, { id: 2, error: refusal });
    world.socket.update(1, { id: 3, data: acme, tag: 'a' });
    assert.deepEqual(client.session.get().data, acme);
    await turn();
    const switching = /** @type {any} */ (client.organization.switching.get());
    assert.deepEqual([switching.status, switching.to, switching.error.code], ['failed', 'secret', 'not_a_member']);
  });

  const asked = (/** @type {any[]} */ sent) => sent.map(({ op, id, args, tag }) => [op, id, args?.organization, tag]);

  test('is asked on the same connection, and shown when all of it is there', async () => {
    const { world, client, seen, steps } = await startInAcme();
    const before = world.socket.sent.length;
    client.pin('umbrella');
    assert.deepEqual(asked(world.socket.sent.slice(before)), [
      ['unsubscribe', 1, undefined, undefined],
      ['subscribe', 3, 'umbrella', undefined],
      ['unsubscribe', 2, undefined, undefined],
      ['subscribe', 4, 'umbrella', undefined],
    ]);
    world.socket.update(2, { id: 3, data: umbrella, tag: 'b' });
    assert.deepEqual([...new Set(seen)], ['acme acme']);
    world.socket.update(2, { id: 4, data: { id: 'umbrella' }, tag: 'o2' });
    assert.deepEqual([...new Set(seen)], ['acme acme', 'umbrella umbrella']);
    assert.deepEqual(steps, ['idle', 'switching umbrella', 'switched umbrella']);
    assert.equal(world.sockets.length, 1);
  });

  test('ignores what was on its way for the organization that is left', async () => {
    const { world, client, organization } = await startInAcme();
    client.pin('umbrella');
    world.socket.update(2, { id: 1, data: sessionOf('acme', { name: 'Late' }), tag: 'x' });
    world.socket.update(2, { id: 3, data: umbrella, tag: 'b' }, { id: 4, data: { id: 'umbrella' }, tag: 'o2' });
    assert.deepEqual(client.session.get().data, umbrella);
    assert.deepEqual(organization.get().data, { id: 'umbrella' });
  });

  test('is asked again after a cut, and applies to later subscriptions, but not to other queries or stated ones', async () => {
    const { world, client } = await startInAcme();
    client.pin('umbrella');
    world.socket.end();
    world.wake();
    world.socket.open();
    client.query('organizations').subscribe(() => {});
    client.query('devices').subscribe(() => {});
    client.query('organization', { organization: 'acme' }).subscribe(() => {});
    const organizations = world.socket.sent.map(({ query, args }) => [query, args.organization]);
    assert.deepEqual(organizations, [
      ['session', 'umbrella'],
      ['organization', 'umbrella'],
      ['organizations', 'umbrella'],
      ['devices', undefined],
      ['organization', 'acme'],
    ]);
  });

  test('before the first connection never shows the active organization', async () => {
    const { world, client } = start({ isLive: false });
    client.pin('umbrella');
    world.socket.open();
    assert.deepEqual(asked(world.socket.sent), [['subscribe', 2, 'umbrella', undefined]]);
    assert.equal(client.organization.switching.get().status, 'switching');
    world.socket.update(1, { id: 2, data: umbrella, tag: 'b' });
    assert.equal(client.session.get().data?.scope, umbrella.scope);
    await turn();
    assert.equal(client.organization.switching.get().status, 'switched');
  });

  test('to an organization of others has failed, and what was on show stays', async () => {
    const { world, client, seen, steps } = await startInAcme();
    client.pin('secret');
    world.socket.update(2, { id: 3, error: refusal }, { id: 4, error: refusal });
    assert.deepEqual(asked(world.socket.sent.slice(-2)), [
      ['unsubscribe', 4, undefined, undefined],
      ['subscribe', 6, undefined, undefined],
    ]);
    world.socket.update(2, { id: 5, data: acme, tag: 'a' }, { id: 6, data: { id: 'acme' }, tag: 'o1' });
    assert.deepEqual(steps, ['idle', 'switching secret', 'failed secret not_a_member']);
    assert.deepEqual([...new Set(seen)], ['acme acme']);
    assert.equal(client.session.get().status, 'live');
  });

  test('falls back to the active organization, with the reason, when the membership is lost', async () => {
    const { world, client, seen, steps } = await startInAcme();
    client.pin('umbrella');
    world.socket.update(2, { id: 3, data: umbrella, tag: 'b' }, { id: 4, data: { id: 'umbrella' }, tag: 'o2' });
    world.socket.update(3, { id: 3, error: refusal }, { id: 4, error: refusal });
    world.socket.update(3, { id: 5, data: acme, tag: 'a' }, { id: 6, data: { id: 'acme' }, tag: 'o1' });
    assert.deepEqual(steps.slice(-1), ['idle membership_lost']);
    assert.deepEqual([...new Set(seen)], ['acme acme', 'umbrella umbrella']);
    assert.deepEqual([seen.at(-1), client.session.get().error], ['acme acme', null]);
  });

  test('is taken back by null', async () => {
    const { world, client } = await startInAcme();
    client.pin('umbrella');
    client.pin(null);
    world.socket.update(2, { id: 5, data: acme, tag: 'a' }, { id: 6, data: { id: 'acme' }, tag: 'o1' });
    assert.deepEqual(client.organization.switching.get(), { status: 'switched', to: null });
    assert.deepEqual(client.session.get().data, acme);
  });
});
