// @ts-check
/** The card of the active organization: what it is, my role in it, and its members. */
import { run } from './form.js';
import { byId, showRows, within, write } from './page.js';

/**
 * @typedef {import('/sessionwire/client/index.js').SessionClient} SessionClient
 * @typedef {import('/sessionwire/client/index.js').FullOrganization} FullOrganization
 * @typedef {import('/sessionwire/client/index.js').Member} Member
 * @typedef {import('/sessionwire/client/index.js').State<FullOrganization>} OrganizationState
 */

/** @param {SessionClient} client */
export function createOrganization(client) {
  const error = byId('organization-error');
  const leave = byId('leave');
  /** @type {FullOrganization | null} */
  let shown = null;
  leave.addEventListener('click', () => {
    if (shown === null) return;
    const organizationId = shown.id;
    run(leave, error, () => client.organization.leave({ organizationId }));
  });

  const fill = (/** @type {HTMLElement} */ row, /** @type {Member} */ { id, userId, role, user }) => {
    const isMine = userId === client.session.get().data?.user.id;
    const mayManage = shown?.role.split(',').includes('owner') === true;
    const name = user?.name ?? 'Unknown';
    write(within(row, '.name'), isMine ? `${name} (you)` : name);
    write(within(row, '.email'), user?.email ?? '');
    within(row, '.email').title = user?.email ?? '';
    write(within(row, '.role'), role);
    const [select, remove] = [within(row, 'select'), within(row, 'button')];
    within(row, '.role').hidden = mayManage;
    select.hidden = !mayManage;
    select.value = role;
    select.setAttribute('aria-label', `Role of ${name}`);
    select.onchange = async () => {
      const wanted = select.value;
      await run(select, error, () => client.organization.updateMemberRole({ memberId: id, role: wanted }));
      select.value = shown?.members.find((member) => member.id === id)?.role ?? role;
    };
    remove.hidden = !mayManage || isMine;
    remove.setAttribute('aria-label', `Remove ${name}`);
    remove.onclick = () => run(remove, error, () => client.organization.removeMember({ memberIdOrEmail: id }));
  };

  /** @param {OrganizationState} organization */
  return ({ data, isPending }) => {
    shown = data;
    const card = byId('organization');
    card.classList.toggle('empty', data === null && !isPending);
    write(byId('organization-title'), data?.name ?? (isPending ? null : 'No organization'));
    write(byId('organization-slug'), data?.slug ?? (isPending ? null : 'Create one, or choose one above.'));
    write(byId('role'), data?.role ?? (isPending ? null : ''));
    showRows(byId('members'), 'member-row', data?.members ?? [], fill);
    const count = data?.members.length ?? 0;
    write(byId('member-count'), data === null ? '' : `${count} ${count === 1 ? 'member' : 'members'}`);
    leave.hidden = data === null;
  };
}
