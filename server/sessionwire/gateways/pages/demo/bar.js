// @ts-check
/** The bar at the top: the organization switcher, the connection light and the version. */
import { onSubmit, run } from './form.js';
import { byId, showRows, tell, within, write } from './page.js';
import { shortVersion, slugOf, wordMove, wordStatus } from './words.js';

const MOVED_FOR = 8_000;

/**
 * @typedef {import('/sessionwire/client/index.js').SessionClient} SessionClient
 * @typedef {import('/sessionwire/client/index.js').SessionData} SessionData
 * @typedef {import('/sessionwire/client/index.js').Membership} Membership
 * @typedef {import('/sessionwire/client/index.js').State<SessionData>} SessionState
 * @typedef {import('/sessionwire/client/index.js').State<readonly Membership[]>} OrganizationsState
 */

/** @param {SessionClient} client */
export function createBar(client) {
  const panel = createPanel();
  const error = byId('switch-error');
  connectCreation(client, panel);
  connectMoves(client);
  const signOut = byId('sign-out');
  signOut.addEventListener('click', () => run(signOut, byId('stale'), () => client.signOut()));

  const choose = async (/** @type {HTMLButtonElement} */ button, /** @type {string} */ organizationId) => {
    if (await run(button, error, () => client.organization.setActive({ organizationId }))) panel.close();
  };

  return {
    /** @param {SessionState} session */
    showSession({ data, status, version }) {
      within(document, '.bar .organization-name').textContent = data?.organization?.name ?? 'No organization';
      showLight(byId('light'), status);
      showVersion(byId('version'), version);
      if (!byId('stale').hidden || status === 'stale') tell(byId('stale'), wordStale(status));
    },

    /** @param {OrganizationsState} organizations */
    showOrganizations({ data }) {
      showRows(byId('organizations'), 'organization-item', data ?? [], (row, { id, name, role, active }) => {
        const button = within(row, 'button');
        write(within(row, '.name'), name);
        write(within(row, '.role'), role);
        if (active) button.setAttribute('aria-current', 'true');
        else button.removeAttribute('aria-current');
        button.onclick = () => choose(button, id);
      });
    },
  };
}

/** Says for a moment that this tab was switched elsewhere. @param {SessionClient} client */
function connectMoves(client) {
  const notice = byId('moved');
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let hiding;
  client.organization.switching.subscribe(({ status }) => {
    clearTimeout(hiding);
    tell(notice, status === 'moved' ? wordMove(client.session.get().data?.organization?.name) : null);
    if (status === 'moved') hiding = setTimeout(() => tell(notice, null), MOVED_FOR);
  });
}

/** @param {string} status */
function wordStale(status) {
  if (status !== 'stale') return null;
  return 'Not live at the moment. What you see may be out of date; it catches up by itself.';
}

/**
 * @param {HTMLElement} light
 * @param {import('/sessionwire/client/index.js').Status} status
 */
export function showLight(light, status) {
  light.dataset.status = status;
  write(light, wordStatus(status));
}

/** @param {HTMLElement} target @param {string | null} version */
export function showVersion(target, version) {
  write(target, shortVersion(version));
  target.title = version === null ? '' : `Version ${version}`;
}

/** A disclosure: Escape, a click elsewhere and leaving it with the keyboard close it. */
function createPanel() {
  const [switcher, button, panel] = [byId('switcher'), byId('switcher-button'), byId('switcher-panel')];
  const set = (/** @type {boolean} */ isOpen) => {
    button.setAttribute('aria-expanded', String(isOpen));
    panel.hidden = !isOpen;
  };
  const close = () => {
    if (!panel.hidden && panel.contains(document.activeElement)) button.focus();
    set(false);
  };
  button.addEventListener('click', () => set(panel.hidden));
  switcher.addEventListener('keydown', (/** @type {KeyboardEvent} */ { key }) => key === 'Escape' && close());
  switcher.addEventListener('focusout', (/** @type {FocusEvent} */ { relatedTarget }) => {
    if (relatedTarget !== null && !switcher.contains(/** @type {Node} */ (relatedTarget))) set(false);
  });
  document.addEventListener('pointerdown', ({ target }) => {
    if (!switcher.contains(/** @type {Node} */ (target))) close();
  });
  return { close };
}

/** @param {SessionClient} client @param {{close: () => void}} panel */
function connectCreation(client, panel) {
  const form = byId('create-organization');
  const { name, slug } = form.elements;
  let derived = '';
  name.addEventListener('input', () => {
    if (slug.value === derived) slug.value = slugOf(name.value);
    derived = slugOf(name.value);
  });
  onSubmit(
    form,
    (values) => client.organization.create({ name: values.name ?? '', slug: values.slug ?? '' }),
    () => {
      form.reset();
      derived = '';
      form.closest('details').open = false;
      panel.close();
    },
  );
}
