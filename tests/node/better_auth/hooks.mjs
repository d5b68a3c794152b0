/** The official client for React: what useSession and the hooks of organizations show, and when. */

import { becomeVisible, hearOtherTab, network, render } from './page.mjs';

import test from 'node:test';

import { createAuthClient } from 'better-auth/react';

import { Browser, signIn, signUp, unique } from './browser.mjs';
import { check, until } from './check.mjs';
import { letter } from './letters.mjs';
import { founded, invited, join } from './people.mjs';

const create = createAuthClient;
const mounted = [];

test.afterEach(() => {
  for (const each of mounted.splice(0)) each.unmount();
});

function show(hook) {
  const hooked = render(hook);
  mounted.push(hooked);
  return hooked;
}

/** The hook, once it has an answer and asks for nothing. */
async function settled(hook) {
  const hooked = show(hook);
  await until(() => hooked.now.isPending === false && !hooked.now.isRefetching, String(hook));
  return hooked;
}

/** The person opens a page with hooks. */
function loaded(person) {
  person.load(create);
  return person;
}

/** A signed-in browser whose page shows its session. */
async function watching(name) {
  const person = loaded(await signUp(name));
  person.session = await settled(() => person.client.useSession());
  return person;
}

async function asks(browser, path, action) {
  const before = browser.count(path);
  await action();
  await until(() => browser.count(path) > before, `${path} is asked again`);
}

test('useSession starts pending, asks once, and shows the session', async () => {
  const alice = loaded(await signUp('Alice'));
  const [first, second] = [show(alice.client.useSession), show(alice.client.useSession)];
  await until(() => first.now.isPending === false && second.now.isPending === false);
  check.has(first.shown[0], { data: null, isPending: true, error: null });
  check.has(first.now, { isPending: false, error: null, isRefetching: false });
  check.has(first.now.data.user, { id: alice.me.id, name: 'Alice', email: alice.email });
  check.equal(first.now.data.session.userId, alice.me.id);
  check.date(first.now.data.session.expiresAt);
  check.equal(alice.count('/get-session'), 1);
});

test('useSession is null for a visitor, and no error', async () => {
  const visitor = new Browser({ create });
  const session = await settled(visitor.client.useSession);
  check.has(session.now, { data: null, isPending: false, error: null });
  check.equal(visitor.last.cookies, []);
});

test('useSession follows signing in and signing out', async () => {
  const alice = await signUp('Alice');
  const { email, password } = alice;
  const visitor = new Browser({ create });
  const session = await settled(visitor.client.useSession);
  check.done(await visitor.client.signIn.email({ email, password }));
  await until(() => session.now.data?.user.id === alice.me.id);
  check.has(session.now, { error: null, isPending: false });
  check.done(await visitor.client.signOut());
  await until(() => session.now.data === null && !session.now.isRefetching);
  check.equal(session.now.error, null);
  check.equal(JSON.parse(localStorage.getItem('better-auth.message')).data.trigger, 'signout');
});

test('useSession follows signing up', async () => {
  const visitor = new Browser({ create });
  const session = await settled(visitor.client.useSession);
  const given = { name: 'New', email: unique('new'), password: 'password1234' };
  check.done(await visitor.client.signUp.email(given));
  await until(() => session.now.data?.user.name === 'New');
  check.equal(session.now.error, null);
});

test('useSession follows what changes the user and the sessions', async () => {
  const alice = await watching('Alice');
  const { client, session, password } = alice;
  const phone = await signIn(alice);
  const { token } = check.done(await phone.client.getSession()).session;
  const changed = { currentPassword: password, newPassword: 'another password' };
  const calls = [
    () => client.updateUser({ name: 'Alicia' }),
    () => client.revokeSession({ token }),
    () => client.revokeOtherSessions(),
    () => client.changePassword(changed),
  ];
  for (const call of calls) {
    await asks(alice, '/get-session', async () => check.done(await call()));
  }
  await until(() => session.now.data.user.name === 'Alicia');
  check.has(session.now, { error: null });
  await asks(alice, '/get-session', async () => check.done(await client.revokeSessions()));
  await until(() => session.now.data === null && !session.now.isRefetching);
  check.equal(session.now.error, null);
});

test('useSession follows a changed address', async () => {
  const alice = await watching('Alice');
  const newEmail = unique('alicia');
  const ask = async () => check.done(await alice.client.changeEmail({ newEmail }));
  await asks(alice, '/get-session', ask);
  await until(() => alice.session.now.data.user.email === newEmail);
  check.equal(alice.session.now.data.user.id, alice.me.id);
});

test('useSession follows a confirmed address', async () => {
  const alice = await watching('Alice');
  const { client, email, session } = alice;
  check.equal(session.now.data.user.emailVerified, false);
  check.done(await client.sendVerificationEmail({ email }));
  const { url } = await letter('verify_email', email);
  const token = new URL(url).searchParams.get('token');
  check.done(await client.verifyEmail({ query: { token } }));
  await until(() => session.now.data.user.emailVerified === true);
  check.equal(session.now.error, null);
});

test('useSession is null after the account was deleted', async () => {
  const alice = await watching('Alice');
  const { client, password, session } = alice;
  check.done(await client.deleteUser({ password }));
  await until(() => session.now.data === null && !session.now.isRefetching);
  check.has(session.now, { error: null, isPending: false });
});

test('useSession does not follow a call that failed', async () => {
  const alice = await watching('Alice');
  check.equal(alice.count('/get-session'), 1);
  check.refused(await alice.client.updateUser({ email: 'x@example.com' }), 400, 'EMAIL_CAN_NOT_BE_UPDATED');
  const ask = async () => check.done(await alice.client.updateUser({ name: 'A' }));
  await asks(alice, '/get-session', ask);
  await until(() => alice.session.now.data.user.name === 'A');
  check.equal(alice.count('/get-session'), 2);
});

test('useSession keeps its data while the network is down', async () => {
  const alice = await watching('Alice');
  const { session } = alice;
  alice.offline = true;
  await session.now.refetch();
  await until(() => session.now.error !== null);
  check.equal(session.now.data.user.id, alice.me.id);
  alice.offline = false;
  await session.now.refetch();
  await until(() => session.now.error === null && !session.now.isRefetching);
  check.equal(session.now.data.user.id, alice.me.id);
});

test('useSession is null once another device ended the session', async () => {
  const alice = await watching('Alice');
  const phone = await signIn(alice);
  check.done(await phone.client.revokeOtherSessions());
  check.equal(alice.session.now.data.user.id, alice.me.id, 'nothing is pushed to this client');
  await alice.session.now.refetch();
  await until(() => alice.session.now.data === null);
  check.equal(alice.session.now.error, null);
});

test('useSession asks again when the tab shows, the network is back, another tab spoke', async () => {
  const alice = await watching('Alice');
  await asks(alice, '/get-session', becomeVisible);
  await until(() => !alice.session.now.isRefetching);
  const message = { event: 'session', data: { trigger: 'signout' }, clientId: 'other' };
  const said = () => hearOtherTab('better-auth.message', JSON.stringify(message));
  await asks(alice, '/get-session', said);
  await until(() => !alice.session.now.isRefetching);
  check.equal(alice.count('/get-session'), 3);
  const bob = await watching('Bob');
  network('offline');
  await asks(bob, '/get-session', () => network('online'));
  await until(() => !bob.session.now.isRefetching);
  check.equal(bob.session.now.data.user.id, bob.me.id);
});

test('useSession follows the active organization', async () => {
  const alice = await watching('Alice');
  const { organization } = alice.client;
  const active = () => alice.session.now.data.session.activeOrganizationId ?? null;
  const slug = `acme-${alice.me.id}`;
  const { id: organizationId } = check.done(await organization.create({ name: 'Acme', slug }));
  await until(() => active() === organizationId);
  check.done(await organization.setActive({ organizationId: null }));
  await until(() => active() === null);
  check.done(await organization.setActive({ organizationId }));
  await until(() => active() === organizationId);
  check.done(await organization.delete({ organizationId }));
  await until(() => active() === null);
  check.equal(alice.session.now.error, null);
});

test('useSession follows joining, removing and leaving', async () => {
  const alice = loaded(await founded('Alice'));
  const bob = loaded(await invited(alice, 'Bob', 'member'));
  bob.session = await settled(bob.client.useSession);
  const { id: invitationId } = bob.invitation;
  check.done(await bob.client.organization.acceptInvitation({ invitationId }));
  await until(() => bob.session.now.data.session.activeOrganizationId === alice.acme.id);
  const { id: organizationId } = alice.acme;
  check.done(await bob.client.organization.leave({ organizationId }));
  await until(() => (bob.session.now.data.session.activeOrganizationId ?? null) === null);
  const carol = await join(alice, 'Carol', 'member');
  const owner = await settled(alice.client.useSession);
  await asks(alice, '/get-session', async () =>
    check.done(await alice.client.organization.removeMember({ memberIdOrEmail: carol.email })),
  );
  await until(() => !owner.now.isRefetching);
  check.equal(owner.now.data.user.id, alice.me.id);
});

test('useListOrganizations follows create, update and delete', async () => {
  const alice = loaded(await signUp('Alice'));
  const { organization, useListOrganizations } = alice.client;
  const list = await settled(useListOrganizations);
  check.equal(list.now.data, []);
  const slug = `acme-${alice.me.id}`;
  const { id: organizationId } = check.done(await organization.create({ name: 'Acme', slug }));
  await until(() => list.now.data.length === 1);
  check.has(list.now.data[0], { id: organizationId, name: 'Acme', slug });
  check.date(list.now.data[0].createdAt);
  check.done(await organization.update({ organizationId, data: { name: 'Acme 2' } }));
  await until(() => list.now.data[0].name === 'Acme 2');
  check.done(await organization.delete({ organizationId }));
  await until(() => list.now.data.length === 0);
  check.equal(list.now.error, null);
});

test('useActiveOrganization shows the organization with its people, and follows it', async () => {
  const alice = loaded(await founded('Alice'));
  const { organization, useActiveOrganization } = alice.client;
  const active = await settled(useActiveOrganization);
  check.has(active.now.data, { id: alice.acme.id, name: 'Acme', invitations: [] });
  check.equal(active.now.data.members[0].user.email, alice.email);
  const email = unique('guest');
  check.done(await organization.inviteMember({ email, role: 'member' }));
  await until(() => active.now.data.invitations.length === 1);
  check.equal(active.now.data.invitations[0].email, email);
  check.done(await organization.setActive({ organizationId: null }));
  await until(() => active.now.data === null && !active.now.isRefetching);
  check.equal(active.now.error, null);
});

test('useActiveMember and useActiveMemberRole follow the role', async () => {
  const alice = loaded(await founded('Alice'));
  const { organization, useActiveMember, useActiveMemberRole } = alice.client;
  const [member, role] = [await settled(useActiveMember), await settled(useActiveMemberRole)];
  check.has(member.now.data, { userId: alice.me.id, role: 'owner' });
  check.equal(member.now.data.user.email, alice.email);
  check.equal(role.now.data, { role: 'owner' });
  const given = { memberId: member.now.data.id, role: ['owner', 'admin'] };
  check.done(await organization.updateMemberRole(given));
  await until(() => role.now.data.role === 'owner,admin');
  await until(() => member.now.data.role === 'owner,admin');
  check.equal(member.now.error, null);
});

test('without an active organization useActiveMember is an error', async () => {
  const alice = loaded(await signUp('Alice'));
  const member = await settled(alice.client.useActiveMember);
  check.equal(member.now.data, null);
  check.has(member.now.error, { status: 400, code: 'NO_ACTIVE_ORGANIZATION' });
});

test('signing out empties every hook', async () => {
  const alice = loaded(await founded('Alice'));
  const { client } = alice;
  const hooks = [client.useSession, client.useActiveOrganization, client.useActiveMember];
  const shown = await Promise.all(hooks.map(settled));
  for (const each of shown) check.ok(each.now.data);
  check.done(await client.signOut());
  for (const each of shown) await until(() => each.now.data === null && !each.now.isRefetching);
  check.equal(shown[0].now.error, null);
  check.equal(shown[1].now.error.status, 401);
  const list = await settled(client.useListOrganizations);
  check.has(list.now.error, { status: 401, code: 'UNAUTHORIZED' });
});
