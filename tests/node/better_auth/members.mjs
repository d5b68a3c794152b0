/** The official client with organizationClient(): members and invitations. */

import test from 'node:test';

import { Browser, signUp, unique } from './browser.mjs';
import { check } from './check.mjs';
import { confirmAddress, expireInvitation } from './database.mjs';
import { letter } from './letters.mjs';
import { founded, invited, join } from './people.mjs';

const OTHER = 'YOU_ARE_NOT_THE_RECIPIENT_OF_THE_INVITATION';
const ONLY_OWNER = 'YOU_CANNOT_LEAVE_THE_ORGANIZATION_AS_THE_ONLY_OWNER';

test('an invitation is mailed, shown to its recipient, and accepted once', async () => {
  const alice = await founded('Alice');
  const bob = await signUp('Bob');
  const given = { email: bob.email.toUpperCase(), role: 'member' };
  const made = check.done(await alice.client.organization.inviteMember(given));
  check.has(made, {
    email: bob.email,
    role: 'member',
    status: 'pending',
    organizationId: alice.acme.id,
    inviterId: alice.me.id,
  });
  check.ok(Math.abs(made.expiresAt - made.createdAt - 48 * 3_600_000) < 1_000);
  const { url } = await letter('invitation', bob.email);
  check.ok(url.endsWith(`/accept-invitation?id=${made.id}`), url);
  const { organization } = bob.client;
  const query = { id: made.id };
  const shown = check.done(await organization.getInvitation({ query }));
  check.has(shown, {
    id: made.id,
    organizationName: 'Acme',
    organizationSlug: alice.acme.slug,
    inviterEmail: alice.email,
  });
  check.date(shown.expiresAt);
  const invitationId = made.id;
  const accepted = check.done(await organization.acceptInvitation({ invitationId }));
  check.has(accepted.invitation, { id: made.id, status: 'accepted' });
  check.has(accepted.member, {
    organizationId: alice.acme.id,
    userId: bob.me.id,
    role: 'member',
  });
  const { session } = check.done(await bob.client.getSession());
  check.equal(session.activeOrganizationId, alice.acme.id);
  const again = await organization.acceptInvitation({ invitationId });
  check.refused(again, 400, 'INVITATION_NOT_FOUND');
  check.equal(check.done(await organization.list()).length, 1);
});

test('inviting again is refused, or sends the same invitation', async () => {
  const alice = await founded('Alice');
  const bob = await invited(alice, 'Bob', 'member');
  const { organization } = alice.client;
  const given = { email: bob.email, role: 'member' };
  const again = await organization.inviteMember(given);
  check.refused(again, 400, 'USER_IS_ALREADY_INVITED_TO_THIS_ORGANIZATION');
  const resent = check.done(await organization.inviteMember({ ...given, resend: true }));
  check.equal(resent.id, bob.invitation.id);
  check.ok(resent.expiresAt >= bob.invitation.expiresAt);
});

test('inviting refuses what the contract refuses', async () => {
  const alice = await founded('Alice');
  const admin = await join(alice, 'Bob', ['admin', 'member']);
  const member = await join(alice, 'Carol', 'member');
  const stranger = await founded('Dave');
  const given = { email: unique('new'), role: 'member' };
  const { organization } = alice.client;
  const refused = [
    [{ email: 'nope' }, 400, 'INVALID_EMAIL'],
    [{ email: alice.email }, 400, 'USER_IS_ALREADY_A_MEMBER_OF_THIS_ORGANIZATION'],
    [{ email: undefined }, 400, 'VALIDATION_ERROR'],
    [{ role: undefined }, 400, 'VALIDATION_ERROR'],
  ];
  for (const [wrong, status, code] of refused) {
    check.refused(await organization.inviteMember({ ...given, ...wrong }), status, code);
  }
  const zzz = await organization.inviteMember({ ...given, role: 'zzz' });
  check.has(zzz.error, { status: 400, message: 'ROLE_NOT_FOUND: zzz' });
  const plain = await member.client.organization.inviteMember(given);
  check.refused(plain, 403, 'YOU_ARE_NOT_ALLOWED_TO_INVITE_USERS_TO_THIS_ORGANIZATION');
  const above = await admin.client.organization.inviteMember({ ...given, role: 'owner' });
  check.refused(above, 403, 'YOU_ARE_NOT_ALLOWED_TO_INVITE_USER_WITH_THIS_ROLE');
  const { id: organizationId } = alice.acme;
  const foreign = await stranger.client.organization.inviteMember({ ...given, organizationId });
  check.refused(foreign, 400, 'MEMBER_NOT_FOUND');
  const homeless = await signUp('Erin');
  const nowhere = await homeless.client.organization.inviteMember(given);
  check.refused(nowhere, 400, 'ORGANIZATION_NOT_FOUND');
  const nobody = await new Browser().client.organization.inviteMember(given);
  check.refused(nobody, 401, 'UNAUTHORIZED');
});

test("an invitation is of no use to anybody else, nor after its time", async () => {
  const alice = await founded('Alice');
  const bob = await invited(alice, 'Bob', 'member');
  const mallory = await signUp('Mallory');
  const { id: invitationId } = bob.invitation;
  const { organization } = mallory.client;
  check.refused(await organization.acceptInvitation({ invitationId }), 403, OTHER);
  check.refused(await organization.rejectInvitation({ invitationId }), 403, OTHER);
  check.refused(await organization.getInvitation({ query: { id: invitationId } }), 403, OTHER);
  const unknown = { invitationId: 'nope' };
  check.refused(await organization.acceptInvitation(unknown), 400, 'INVITATION_NOT_FOUND');
  check.refused(await organization.acceptInvitation({ x: 1 }), 400, 'VALIDATION_ERROR');
  const nobody = await new Browser().client.organization.acceptInvitation({ invitationId });
  check.refused(nobody, 401, 'UNAUTHORIZED');
  await expireInvitation(invitationId);
  const late = await bob.client.organization.acceptInvitation({ invitationId });
  check.refused(late, 400, 'INVITATION_NOT_FOUND');
});

test('an invitation is rejected by its recipient', async () => {
  const alice = await founded('Alice');
  const bob = await invited(alice, 'Bob', 'member');
  const { id: invitationId } = bob.invitation;
  const { organization } = bob.client;
  const rejected = check.done(await organization.rejectInvitation({ invitationId }));
  check.equal(rejected.member, null);
  check.has(rejected.invitation, { id: invitationId, status: 'rejected' });
  const again = await organization.rejectInvitation({ invitationId });
  check.refused(again, 400, 'INVITATION_NOT_FOUND');
  check.equal(check.done(await organization.list()), []);
});

test('an invitation is cancelled by who may', async () => {
  const alice = await founded('Alice');
  const member = await join(alice, 'Bob', 'member');
  const carol = await invited(alice, 'Carol', 'member');
  const { id: invitationId } = carol.invitation;
  const plain = await member.client.organization.cancelInvitation({ invitationId });
  check.refused(plain, 403, 'YOU_ARE_NOT_ALLOWED_TO_CANCEL_THIS_INVITATION');
  const { organization } = alice.client;
  const canceled = check.done(await organization.cancelInvitation({ invitationId }));
  check.has(canceled, { id: invitationId, status: 'canceled' });
  const late = await carol.client.organization.acceptInvitation({ invitationId });
  check.refused(late, 400, 'INVITATION_NOT_FOUND');
  const unknown = await organization.cancelInvitation({ invitationId: 'nope' });
  check.refused(unknown, 400, 'INVITATION_NOT_FOUND');
});

test('invitations are listed to who may see them', async () => {
  const alice = await founded('Alice');
  const bob = await join(alice, 'Bob', 'member');
  const carol = await invited(alice, 'Carol', 'admin');
  const listed = check.done(await alice.client.organization.listInvitations());
  const seen = listed.map((each) => [each.email, each.role, each.status]).sort();
  const expected = [
    [bob.email, 'member', 'accepted'],
    [carol.email, 'admin', 'pending'],
  ];
  check.equal(seen, expected.sort());
  const plain = await bob.client.organization.listInvitations();
  check.refused(plain, 403, 'YOU_ARE_NOT_ALLOWED_TO_LIST_INVITATIONS');
  const query = { organizationId: alice.acme.id };
  const foreign = await carol.client.organization.listInvitations({ query });
  check.equal(foreign.error.status, 403);
  check.equal((await carol.client.organization.listInvitations()).error.status, 400);
});

test("one's own invitations are listed to a confirmed address", async () => {
  const alice = await founded('Alice');
  const bob = await invited(alice, 'Bob', 'member');
  const { organization } = bob.client;
  const unconfirmed = await organization.listUserInvitations();
  check.refused(unconfirmed, 403, 'EMAIL_VERIFICATION_REQUIRED_FOR_INVITATION');
  await confirmAddress(bob.me.id);
  const [mine, ...more] = check.done(await organization.listUserInvitations());
  check.equal(more, []);
  check.has(mine, { id: bob.invitation.id, organizationName: 'Acme', status: 'pending' });
  check.date(mine.expiresAt);
  const query = { email: alice.email };
  check.equal((await organization.listUserInvitations({ query })).error.status, 400);
  const nobody = await new Browser().client.organization.listUserInvitations();
  check.refused(nobody, 401, 'UNAUTHORIZED');
});

test('members are listed, sorted, filtered and cut', async () => {
  const alice = await founded('Alice');
  const bob = await join(alice, 'Bob', 'member');
  const { organization } = alice.client;
  const all = check.done(await organization.listMembers());
  check.equal(all.total, 2);
  check.equal(all.members.map((each) => each.user.email), [alice.email, bob.email]);
  check.date(all.members[0].createdAt);
  const cut = { limit: 1, offset: 1, sortBy: 'createdAt', sortDirection: 'desc' };
  const last = check.done(await organization.listMembers({ query: cut }));
  check.equal([last.total, last.members[0].userId], [2, alice.me.id]);
  const owners = { filterField: 'role', filterOperator: 'eq', filterValue: 'owner' };
  const found = check.done(await organization.listMembers({ query: owners }));
  check.equal(found.members.map((each) => each.userId), [alice.me.id]);
  const stranger = await founded('Carol');
  const query = { organizationId: alice.acme.id };
  const foreign = await stranger.client.organization.listMembers({ query });
  check.refused(foreign, 403, 'YOU_ARE_NOT_A_MEMBER_OF_THIS_ORGANIZATION');
});

test('the active member and its role are shown', async () => {
  const alice = await founded('Alice');
  const bob = await join(alice, 'Bob', 'member');
  const member = check.done(await bob.client.organization.getActiveMember());
  check.has(member, { id: bob.member.id, role: 'member', userId: bob.me.id });
  check.has(member.user, { id: bob.me.id, name: 'Bob', email: bob.email });
  const { organization } = bob.client;
  check.equal(check.done(await organization.getActiveMemberRole()), { role: 'member' });
  const query = { userId: alice.me.id };
  check.equal(check.done(await organization.getActiveMemberRole({ query })), { role: 'owner' });
});

test('a role is changed by who may, and to what may be given', async () => {
  const alice = await founded('Alice');
  const admin = await join(alice, 'Bob', 'admin');
  const carol = await join(alice, 'Carol', 'member');
  const memberId = carol.member.id;
  const { organization } = alice.client;
  const promoted = check.done(await organization.updateMemberRole({ memberId, role: 'admin' }));
  check.has(promoted, { id: memberId, role: 'admin', userId: carol.me.id });
  const several = { memberId, role: ['member', 'admin'] };
  check.has(check.done(await organization.updateMemberRole(several)), { role: 'member,admin' });
  check.done(await organization.updateMemberRole({ memberId, role: 'member' }));
  check.equal(check.done(await carol.client.organization.getActiveMemberRole()).role, 'member');
  const forbidden = 'YOU_ARE_NOT_ALLOWED_TO_UPDATE_THIS_MEMBER';
  const given = { memberId, role: 'admin' };
  check.refused(await carol.client.organization.updateMemberRole(given), 403, forbidden);
  const above = await admin.client.organization.updateMemberRole({ memberId, role: 'owner' });
  check.refused(above, 403, forbidden);
  const zzz = await organization.updateMemberRole({ memberId, role: 'zzz' });
  check.refused(zzz, 400, 'ROLE_NOT_FOUND');
  const unknown = { memberId: 'f'.repeat(24), role: 'admin' };
  check.refused(await organization.updateMemberRole(unknown), 400, 'MEMBER_NOT_FOUND');
  check.refused(await organization.updateMemberRole({ memberId }), 400, 'VALIDATION_ERROR');
  const self = { memberId: alice.acme.members[0].id, role: 'member' };
  const demoted = await organization.updateMemberRole(self);
  check.refused(demoted, 400, 'YOU_CANNOT_LEAVE_THE_ORGANIZATION_WITHOUT_AN_OWNER');
});

test('a member is removed by id or address, and is out at once', async () => {
  const alice = await founded('Alice');
  const bob = await join(alice, 'Bob', 'admin');
  const carol = await join(alice, 'Carol', 'member');
  const { organization } = alice.client;
  const plain = await carol.client.organization.removeMember({ memberIdOrEmail: bob.email });
  check.refused(plain, 401, 'YOU_ARE_NOT_ALLOWED_TO_DELETE_THIS_MEMBER');
  const owner = await bob.client.organization.removeMember({ memberIdOrEmail: alice.email });
  check.refused(owner, 400, ONLY_OWNER);
  const unknown = await organization.removeMember({ memberIdOrEmail: unique('ghost') });
  check.refused(unknown, 400, 'MEMBER_NOT_FOUND');
  const byId = check.done(await organization.removeMember({ memberIdOrEmail: carol.member.id }));
  check.has(byId.member, { id: carol.member.id, userId: carol.me.id });
  const { session } = check.done(await carol.client.getSession());
  check.equal(session.activeOrganizationId ?? null, null);
  check.equal(check.done(await carol.client.organization.list()), []);
  const byEmail = check.done(await organization.removeMember({ memberIdOrEmail: bob.email }));
  check.has(byEmail.member.user, { id: bob.me.id, email: bob.email });
});

test('leaving ends the membership, but not that of the only owner', async () => {
  const alice = await founded('Alice');
  const bob = await join(alice, 'Bob', 'member');
  const { id: organizationId } = alice.acme;
  check.refused(await alice.client.organization.leave({ organizationId }), 400, ONLY_OWNER);
  const left = check.done(await bob.client.organization.leave({ organizationId }));
  check.has(left, { userId: bob.me.id, role: 'member', organizationId });
  check.has(left.user, { id: bob.me.id, email: bob.email });
  check.equal(check.done(await bob.client.organization.list()), []);
  const again = await bob.client.organization.leave({ organizationId });
  check.refused(again, 400, 'MEMBER_NOT_FOUND');
  const full = check.done(await alice.client.organization.getFullOrganization());
  check.equal(full.members.length, 1);
});
