/** Users with organizations, made through the official client. */

import { signUp } from './browser.mjs';

function data({ data: given, error }) {
  if (error) throw new Error(JSON.stringify(error));
  return given;
}

/** A new user who owns an organization, `acme`, which is active. */
export async function founded(name) {
  const owner = await signUp(name);
  const slug = `acme-${owner.me.id}`;
  owner.acme = data(await owner.client.organization.create({ name: 'Acme', slug }));
  return owner;
}

/** A new user who is invited into the owner's organization. */
export async function invited(owner, name, role) {
  const guest = await signUp(name);
  guest.invitation = data(
    await owner.client.organization.inviteMember({ email: guest.email, role }),
  );
  return guest;
}

/** A new user who accepted an invitation into the owner's organization. */
export async function join(owner, name, role) {
  const guest = await invited(owner, name, role);
  const { id: invitationId } = guest.invitation;
  guest.member = data(await guest.client.organization.acceptInvitation({ invitationId })).member;
  return guest;
}
