/** The official client with organizationClient(): organizations, and which one is active. */

import test from 'node:test';

import { Browser, signUp } from './browser.mjs';
import { check } from './check.mjs';
import { founded, join } from './people.mjs';

const STRANGER = 'USER_IS_NOT_A_MEMBER_OF_THE_ORGANIZATION';

test('a new organization belongs to whoever made it, and is active', async () => {
  const alice = await signUp('Alice');
  const { organization } = alice.client;
  const given = { name: 'Acme', slug: `acme-${alice.me.id}`, logo: 'https://l.example.com/1.png' };
  const metadata = { plan: 'pro', n: 1 };
  const made = check.done(await organization.create({ ...given, metadata }));
  check.has(made, { ...given, metadata });
  check.date(made.createdAt);
  check.equal(made.members.length, 1);
  check.has(made.members[0], { organizationId: made.id, userId: alice.me.id, role: 'owner' });
  const { session } = check.done(await alice.client.getSession());
  check.equal(session.activeOrganizationId, made.id);
  const [listed, ...more] = check.done(await organization.list());
  check.equal(more, []);
  check.has(listed, { id: made.id, name: 'Acme', metadata: JSON.stringify(metadata) });
  check.date(listed.createdAt);
});

test('a new organization can leave the active one alone', async () => {
  const alice = await founded('Alice');
  const { organization } = alice.client;
  const slug = `beta-${alice.me.id}`;
  const given = { name: 'Beta', slug, keepCurrentActiveOrganization: true, userId: 'x'.repeat(24) };
  const beta = check.done(await organization.create(given));
  check.equal(beta.members[0].userId, alice.me.id, 'a userId of the client counts for nothing');
  const { session } = check.done(await alice.client.getSession());
  check.equal(session.activeOrganizationId, alice.acme.id);
  const ids = check.done(await organization.list()).map((each) => each.id);
  check.equal(ids, [alice.acme.id, beta.id]);
});

test('create and check-slug refuse what the contract refuses', async () => {
  const alice = await founded('Alice');
  const { organization } = alice.client;
  const { slug } = alice.acme;
  const taken = 'ORGANIZATION_SLUG_ALREADY_TAKEN';
  const again = await organization.create({ name: 'A', slug });
  check.refused(again, 400, 'ORGANIZATION_ALREADY_EXISTS');
  check.refused(await organization.create({ name: '', slug: 'x' }), 400, 'VALIDATION_ERROR');
  check.refused(await organization.create({ name: 'A' }), 400, 'VALIDATION_ERROR');
  check.equal(check.done(await organization.checkSlug({ slug: `${slug}-2` })), { status: true });
  check.refused(await organization.checkSlug({ slug }), 400, taken);
  const { client } = new Browser();
  check.refused(await client.organization.checkSlug({ slug }), 401, 'UNAUTHORIZED');
  check.refused(await client.organization.create({ name: 'A', slug: 'a' }), 401, 'UNAUTHORIZED');
  check.refused(await client.organization.list(), 401, 'UNAUTHORIZED');
});

test('set-active takes an id, a slug, or null', async () => {
  const alice = await founded('Alice');
  const { organization } = alice.client;
  const { id: acme, slug } = alice.acme;
  const active = async () =>
    check.done(await alice.client.getSession()).session.activeOrganizationId ?? null;
  check.equal(check.done(await organization.setActive({ organizationId: null })), null);
  check.equal(await active(), null);
  check.equal(check.done(await organization.getFullOrganization()), null);
  const none = 'NO_ACTIVE_ORGANIZATION';
  check.refused(await organization.getActiveMember(), 400, none);
  check.refused(await organization.getActiveMemberRole(), 400, none);
  check.refused(await organization.listMembers(), 400, none);
  const asked = await organization.hasPermission({ permissions: { member: ['create'] } });
  check.refused(asked, 400, none);
  check.has(check.done(await organization.setActive({ organizationSlug: slug })), { id: acme });
  check.equal(await active(), acme);
  check.ok(alice.requests.some((each) => each.path === '/organization/set-active'));
  check.done(await organization.setActive({ organizationId: null }));
  check.has(check.done(await organization.setActive({ organizationId: acme })), { id: acme, slug });
  check.equal(await active(), acme);
});

test("set-active refuses an organization that is not one's own", async () => {
  const [alice, bob] = [await founded('Alice'), await founded('Bob')];
  const { organization } = bob.client;
  const { id: organizationId } = alice.acme;
  check.refused(await organization.setActive({ organizationId }), 403, STRANGER);
  check.refused(await organization.setActive({ organizationId: 'f'.repeat(24) }), 403, STRANGER);
  const unknown = await organization.setActive({ organizationSlug: 'no-such-slug' });
  check.refused(unknown, 400, 'ORGANIZATION_NOT_FOUND');
  check.refused(await organization.setActive({ organizationId: {} }), 400, 'VALIDATION_ERROR');
});

test('get-full-organization shows members and invitations', async () => {
  const alice = await founded('Alice');
  const bob = await join(alice, 'Bob', 'member');
  const { organization } = alice.client;
  const full = check.done(await organization.getFullOrganization());
  check.has(alice.last, { method: 'GET', path: '/organization/get-full-organization' });
  check.has(full, { id: alice.acme.id, slug: alice.acme.slug });
  check.equal(
    full.members.map((each) => [each.userId, each.role, each.user.email]),
    [
      [alice.me.id, 'owner', alice.email],
      [bob.me.id, 'member', bob.email],
    ],
  );
  check.has(full.members[1].user, { id: bob.me.id, name: 'Bob' });
  check.equal(full.invitations.length, 1);
  check.has(full.invitations[0], { email: bob.email, status: 'accepted', role: 'member' });
  check.date(full.invitations[0].expiresAt);
  const seen = check.done(await bob.client.organization.getFullOrganization());
  check.equal([seen.id, seen.invitations], [alice.acme.id, []]);
  const { slug, id } = alice.acme;
  const queries = [{ organizationSlug: slug }, { organizationId: id, membersLimit: 1 }];
  for (const query of queries) {
    check.has(check.done(await organization.getFullOrganization({ query })), { id });
  }
  const one = check.done(await organization.getFullOrganization({ query: queries[1] }));
  check.equal(one.members.length, 1);
});

test('get-full-organization refuses strangers, and changes nothing', async () => {
  const [alice, bob] = [await founded('Alice'), await founded('Bob')];
  const { organization } = bob.client;
  const foreign = { query: { organizationId: alice.acme.id } };
  check.refused(await organization.getFullOrganization(foreign), 403, STRANGER);
  const unknown = { query: { organizationId: 'f'.repeat(24) } };
  check.refused(await organization.getFullOrganization(unknown), 400, 'ORGANIZATION_NOT_FOUND');
  check.has(check.done(await organization.getFullOrganization()), { id: bob.acme.id });
});

test('get-organization shows it without its people', async () => {
  const alice = await founded('Alice');
  const { $fetch } = alice.client;
  const shown = check.done(await $fetch('/organization/get-organization', { method: 'GET' }));
  check.has(shown, { id: alice.acme.id, name: 'Acme', members: undefined });
});

test('update changes what is given', async () => {
  const alice = await founded('Alice');
  const { organization } = alice.client;
  const data = { name: 'Acme 2', metadata: { plan: 'max' }, logo: 'https://l.example.com/2.png' };
  const updated = check.done(await organization.update({ data }));
  check.has(updated, { ...data, id: alice.acme.id, slug: alice.acme.slug });
  const { id: organizationId } = alice.acme;
  const cleared = check.done(await organization.update({ organizationId, data: { logo: null } }));
  check.has(cleared, { logo: null, name: 'Acme 2' });
  check.has(check.done(await organization.update({ organizationId, data: {} })), { name: 'Acme 2' });
  const full = check.done(await organization.getFullOrganization());
  check.equal(full.metadata, JSON.stringify(data.metadata));
});

test('update refuses what the contract refuses', async () => {
  const [alice, bob] = [await founded('Alice'), await founded('Bob')];
  const member = await join(alice, 'Carol', 'member');
  const { id: organizationId } = alice.acme;
  const code = 'YOU_ARE_NOT_ALLOWED_TO_UPDATE_THIS_ORGANIZATION';
  const data = { name: 'h' };
  const { organization } = alice.client;
  const slug = { data: { slug: bob.acme.slug } };
  check.refused(await organization.update(slug), 400, 'ORGANIZATION_SLUG_ALREADY_TAKEN');
  check.refused(await organization.update({ organizationId }), 400, 'VALIDATION_ERROR');
  check.refused(await bob.client.organization.update({ organizationId, data }), 400, STRANGER);
  check.refused(await member.client.organization.update({ data }), 403, code);
  const anonymous = await new Browser().client.organization.update({ organizationId, data });
  check.equal(anonymous.error.status, 401);
  check.equal(check.done(await organization.getFullOrganization()).name, 'Acme');
});

test('delete takes the organization away from everybody', async () => {
  const alice = await founded('Alice');
  const admin = await join(alice, 'Bob', 'admin');
  const stranger = await founded('Carol');
  const { id: organizationId } = alice.acme;
  const code = 'YOU_ARE_NOT_ALLOWED_TO_DELETE_THIS_ORGANIZATION';
  check.refused(await admin.client.organization.delete({ organizationId }), 403, code);
  check.refused(await stranger.client.organization.delete({ organizationId }), 400, STRANGER);
  const { organization } = alice.client;
  check.refused(await organization.delete({ x: 1 }), 400, 'VALIDATION_ERROR');
  const deleted = check.done(await organization.delete({ organizationId }));
  check.has(deleted, { id: organizationId, name: 'Acme' });
  check.equal(check.done(await organization.list()), []);
  const { session } = check.done(await alice.client.getSession());
  check.equal(session.activeOrganizationId ?? null, null);
  check.equal(check.done(await admin.client.organization.list()), []);
  const query = { organizationId };
  const gone = await organization.getFullOrganization({ query });
  check.refused(gone, 400, 'ORGANIZATION_NOT_FOUND');
});

test('has-permission answers by the role of the member', async () => {
  const alice = await founded('Alice');
  const admin = await join(alice, 'Bob', ['admin', 'member']);
  const member = await join(alice, 'Carol', 'member');
  const may = async (who, permissions) =>
    check.done(await who.client.organization.hasPermission({ permissions }));
  const yes = { error: null, success: true };
  const no = { error: null, success: false };
  check.equal(await may(alice, { organization: ['delete'] }), yes);
  check.equal(await may(admin, { organization: ['delete'] }), no);
  const several = { organization: ['update'], invitation: ['create', 'cancel'] };
  check.equal(await may(admin, several), yes);
  check.equal(await may(member, { member: ['create'] }), no);
  check.equal(await may(alice, { zzz: ['a'] }), no);
  const stranger = await founded('Dave');
  const asked = { organizationId: alice.acme.id, permissions: { member: ['create'] } };
  check.refused(await stranger.client.organization.hasPermission(asked), 401, STRANGER);
  const neither = await alice.client.organization.hasPermission({ organizationId: alice.acme.id });
  check.refused(neither, 400, 'VALIDATION_ERROR');
});

test('check-role-permission is answered in the browser', async () => {
  const alice = await signUp('Alice');
  const asked = alice.requests.length;
  const { organization } = alice.client;
  const can = (role, permissions) => organization.checkRolePermission({ role, permissions });
  check.equal(can('owner', { organization: ['delete'] }), true);
  check.equal(can('admin', { organization: ['delete'] }), false);
  check.equal(can('admin', { invitation: ['create'] }), true);
  check.equal(can('member', { member: ['update'] }), false);
  check.equal(alice.requests.length, asked);
});
