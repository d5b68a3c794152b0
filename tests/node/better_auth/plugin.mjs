/** The official hooks for React with the plugin, against a server with the live wire. */

import './page.mjs';

import { after, describe, test } from 'node:test';

import { MongoClient, ObjectId } from 'mongodb';

import { signIn, signUp } from './browser.mjs';
import { check, until } from './check.mjs';
import { founded, join } from './people.mjs';
import { Page } from './plugin-page.mjs';

const { MONGODB_URI, DATABASE, ACTIVE_ORGANIZATION, ADDRESS, WIRE = ADDRESS } = process.env;

/** Well under a second on a machine that does nothing else. */
const AT_ONCE = 5_000;
const SIDE_BY_SIDE = 4;
const ORGANIZATION_HOOKS = [
  'useListOrganizations',
  'useActiveOrganization',
  'useActiveMember',
  'useActiveMemberRole',
];

const mongo = new MongoClient(MONGODB_URI);
const database = mongo.db(DATABASE);
after(() => mongo.close());

const pages = [];
after(() => {
  for (const page of pages) page.close();
});

function opened(page) {
  pages.push(page);
  return page;
}

/** The person's page, which shows the session, and needs no more requests. */
async function watching(person) {
  const page = opened(Page.of(person));
  [page.session] = await page.mount('useSession');
  await page.settled();
  return page;
}

/** The same, with the hooks of organizations. */
async function watchingAll(person) {
  const page = await watching(person);
  [page.list, page.active, page.member, page.role] = await page.mount(...ORGANIZATION_HOOKS);
  await page.quiet(1_200); // the plugin asks for what is new at most once in a second
  return page;
}

/** Without the page asking for anything, the condition comes true. */
async function pushed(page, action, condition) {
  const asked = page.requests.length;
  await action();
  await until(condition, undefined, AT_ONCE);
  await page.quiet();
  check.equal(page.requests.slice(asked), [], 'nothing is asked for');
  check.ok(condition(), 'it stays so');
}

/** What the hook of this atom shows when React next renders. */
const told = (page, atom) => page.client.$store.atoms[atom].get().data;

/** A program that knows nothing of the servers. */
async function rename(collection, id, name) {
  const _id = { $in: [id, new ObjectId(id)] };
  const { matchedCount } = await database.collection(collection).updateOne({ _id }, { $set: { name } });
  check.equal(matchedCount, 1);
}

describe('with the plugin', { concurrency: SIDE_BY_SIDE }, () => {
  test('one request shows the session, with all that only HTTP carries', async () => {
    const page = await watching(await signUp('Alice'));
    const { data, error } = page.session.now;
    check.equal(page.requests.map(({ path }) => path), ['/get-session']);
    check.has(data.user, { name: 'Alice', email: page.email });
    check.ok(data.session.token);
    check.date(data.session.expiresAt);
    check.equal(error, null);
  });

  test('a rename by another program is pushed', async () => {
    const page = await watching(await signUp('Alice'));
    const { data } = page.session.now;
    const renders = page.session.shown.length;
    const renamed = () => page.session.now.data.user.name === 'Alicia';
    await pushed(page, () => rename('user', page.me.id, 'Alicia'), renamed);
    check.equal(page.session.shown.length, renders + 1, 'it is rendered once');
    check.equal(page.session.now.data.session.token, data.session.token);
    check.date(page.session.now.data.user.createdAt);
  });

  test('an organization that is renamed by another program is pushed into every hook', async () => {
    const alice = await founded('Alice');
    const page = await watchingAll(alice);
    const { list, active } = page;
    const names = () => [list.now.data?.[0].name, active.now.data?.name];
    await pushed(
      page,
      () => rename('organization', alice.acme.id, 'Acme 2'),
      () => names().every((name) => name === 'Acme 2'),
    );
    check.date(active.now.data.members[0].createdAt);
  });

  test('an organization that is created on another device is shown, and read once', async () => {
    const alice = await signUp('Alice');
    const phone = await signIn(alice);
    const page = await watchingAll(alice);
    const asked = page.requests.length;
    const slug = `acme-${alice.me.id}`;
    const { id } = check.done(await phone.client.organization.create({ name: 'Acme', slug, metadata: { plan: 'pro' } }));
    await until(() => page.list.now.data?.some((each) => each.id === id), 'it is listed', AT_ONCE);
    await page.quiet(1_200);
    const reads = page.requests.slice(asked).map(({ path }) => path);
    check.equal(reads.length, new Set(reads).size, `each is asked once: ${reads}`);
    const [listed] = check.done(await phone.client.organization.list());
    check.equal(page.list.now.data.find((each) => each.id === id).metadata, listed.metadata);
    check.ok(listed.metadata, 'which only HTTP carries');
    check.equal(page.list.now.error, null);
  });

  test('a switch on another device is shown here, where the user is what has an active organization', async (t) => {
    if (ACTIVE_ORGANIZATION !== 'user') return t.skip('each session has its own');
    const alice = await founded('Alice');
    const phone = await signIn(alice);
    const page = await watchingAll(alice);
    check.equal(page.active.now.data.id, alice.acme.id);
    const none = { organizationId: null };
    await pushed(
      page,
      async () => check.done(await phone.client.organization.setActive(none)),
      () => page.active.now.data === null && page.role.now.data === null && page.member.now.data === null,
    );
    check.equal(page.session.now.data.session.activeOrganizationId ?? null, null);
    check.done(await phone.client.organization.setActive({ organizationId: alice.acme.id }));
    await until(() => page.active.now.data?.id === alice.acme.id && page.role.now.data?.role === 'owner');
    check.equal(page.session.now.data.session.activeOrganizationId, alice.acme.id);
  });

  test('a member who is removed sees it at once', async () => {
    const alice = await founded('Alice');
    const page = await watchingAll(await join(alice, 'Bob', 'member'));
    check.equal(page.role.now.data, { role: 'member' });
    await pushed(
      page,
      async () => check.done(await alice.client.organization.removeMember({ memberIdOrEmail: page.email })),
      () => page.active.now.data === null && page.list.now.data.every(({ id }) => id !== alice.acme.id),
    );
    check.equal([page.member.now.data, page.role.now.data], [null, null]);
    check.equal(page.session.now.data.user.id, page.me.id, 'and is still signed in');
  });

  test('a role that is changed by somebody else is pushed', async () => {
    const alice = await founded('Alice');
    const bob = await join(alice, 'Bob', 'member');
    const page = await watchingAll(bob);
    const given = { memberId: bob.member.id, role: 'admin' };
    await pushed(
      page,
      async () => check.done(await alice.client.organization.updateMemberRole(given)),
      () => page.role.now.data?.role === 'admin' && page.member.now.data?.role === 'admin',
    );
  });

  test('a session that is revoked elsewhere shows nobody at once, and why', async () => {
    const alice = await founded('Alice');
    const phone = await signIn(alice);
    const page = await watchingAll(alice);
    const hooks = [page.session, page.list, page.active, page.member, page.role];
    await pushed(
      page,
      async () => check.done(await phone.client.revokeOtherSessions()),
      () => hooks.every(({ now }) => now.data === null),
    );
    check.has(page.session.now, { error: null, isPending: false });
    check.has(page.wire.session.get(), { status: 'closed', reason: 'revoked' });
    check.equal(page.sockets.length, 1, 'it does not knock again');
  });

  test('a sign-in and a sign-out through the official client are shown when they resolve', async () => {
    const { me, email, password } = await signUp('Alice');
    const page = opened(Page.open());
    const [session] = await page.mount('useSession');
    await page.settled();
    check.equal(session.now.data, null);
    check.done(await page.client.signIn.email({ email, password }));
    check.equal(told(page, 'session')?.user.id, me.id);
    await page.settled();
    await pushed(page, () => rename('user', me.id, 'Alicia'), () => session.now.data.user.name === 'Alicia');
    check.done(await page.client.signOut());
    check.equal(told(page, 'session'), null);
    await page.settled();
    check.has(session.now, { data: null, error: null, isPending: false });
  });

  test('signing up as somebody else shows nothing of the one before', async () => {
    const page = await watchingAll(await founded('Alice'));
    check.done(await page.client.signOut());
    const given = { name: 'Bob', email: `bob-${page.email}`, password: 'password1234' };
    check.done(await page.client.signUp.email(given));
    check.equal(told(page, 'session')?.user.name, 'Bob');
    await until(() => page.active.now.data === null && page.list.now.data?.length === 0);
    await page.settled();
    check.equal([page.session.now.data.user.name, page.list.now.data], ['Bob', []]);
  });

  test('what the person writes is shown when it resolves', async () => {
    const alice = await founded('Alice');
    const page = await watchingAll(alice);
    // Only our own answers carry a version to wait for: better-auth's are shown as soon as the wire says so.
    const shown = WIRE === ADDRESS ? (is) => check.ok(is(), String(is)) : (is) => until(is);
    check.done(await page.client.updateUser({ name: 'Alicia' }));
    await shown(() => told(page, 'session').user.name === 'Alicia');
    check.done(await page.client.organization.setActive({ organizationId: null }));
    await shown(() => told(page, 'activeOrganization') === null);
    check.done(await page.client.organization.setActive({ organizationId: alice.acme.id }));
    await shown(() => told(page, 'activeOrganization')?.id === alice.acme.id);
    const before = page.session.shown.length;
    const changed = { currentPassword: page.password, newPassword: 'another password', revokeOtherSessions: true };
    check.done(await page.client.changePassword(changed));
    await page.settled();
    check.ok(page.session.shown.slice(before).every(({ data }) => data !== null), 'it stays signed in');
  });
});
