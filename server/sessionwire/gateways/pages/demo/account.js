// @ts-check
/** The cards about the user: profile, devices and password. */
import { liveField, onSubmit, run } from './form.js';
import { byId, named, showRows, tell, within, write } from './page.js';
import { isPhone, wordAge, wordDevice } from './words.js';

/**
 * @typedef {import('/sessionwire/client/index.js').SessionClient} SessionClient
 * @typedef {import('/sessionwire/client/index.js').User} User
 * @typedef {import('/sessionwire/client/index.js').Device} Device
 */

/** @param {SessionClient} client */
export function createProfile(client) {
  const form = byId('profile');
  const [name, image] = [liveField(form.elements.name), liveField(form.elements.image)];
  const hint = named('profile-hint');
  onSubmit(
    form,
    (values) => client.updateUser({ name: (values.name ?? '').trim(), image: (values.image ?? '').trim() || null }),
    () => write(hint, 'Saved.'),
  );
  form.addEventListener('input', () => write(hint, ''));

  let userId = '';
  /** @param {User} user */
  return (user) => {
    if (user.id !== userId) [name, image].forEach((field) => field.reset());
    userId = user.id;
    write(byId('user-name'), user.name);
    write(byId('user-email'), user.email);
    showAvatar(byId('avatar'), user);
    const isOvertaken = [name.show(user.name), image.show(user.image ?? '')].some(Boolean);
    if (isOvertaken) write(hint, 'Changed elsewhere while you were editing.');
    byId('password').elements.username.value = user.email;
  };
}

/** @param {HTMLElement} avatar @param {User} user */
function showAvatar(avatar, { name, image }) {
  const initial = [...name.trim()][0]?.toUpperCase() ?? '?';
  if (avatar.dataset.image === (image ?? '') && avatar.dataset.initial === initial) return;
  Object.assign(avatar.dataset, { image: image ?? '', initial });
  avatar.textContent = initial;
  if (image === null || image === '') return;
  const picture = new Image();
  picture.alt = '';
  picture.referrerPolicy = 'no-referrer';
  picture.onload = () => {
    if (avatar.dataset.image === image) avatar.replaceChildren(picture);
  };
  picture.src = image;
}

/** @param {SessionClient} client */
export function createDevices(client) {
  const error = byId('devices-error');
  const others = byId('sign-out-others');
  others.addEventListener('click', () => run(others, error, () => client.revokeOtherSessions()));

  /** @param {readonly Device[] | null} devices */
  return (devices) => {
    const now = Date.now();
    byId('devices').classList.toggle('waiting', devices === null);
    others.hidden = devices === null || devices.length < 2;
    showRows(byId('devices'), 'device-row', devices ?? [], (row, device) => {
      const ending = within(row, 'button');
      write(within(row, '.name'), wordDevice(device.userAgent));
      const details = [device.ipAddress, `signed in ${wordAge(device.createdAt, now)}`];
      write(within(row, '.hint'), details.filter(Boolean).join(' · '));
      row.title = device.userAgent ?? '';
      row.dataset.kind = isPhone(device.userAgent) ? 'phone' : 'screen';
      row.toggleAttribute('data-current', device.current);
      within(row, '.current').hidden = !device.current;
      ending.hidden = device.current;
      ending.setAttribute('aria-label', `Sign out ${wordDevice(device.userAgent)}`);
      ending.onclick = () => run(ending, error, () => client.revokeSession({ token: device.id }));
    });
  };
}

/** @param {SessionClient} client */
export function connectPassword(client) {
  const form = byId('password');
  const hint = named('password-hint');
  form.addEventListener('input', () => write(hint, ''));
  onSubmit(
    form,
    ({ currentPassword = '', newPassword = '', revokeOtherSessions }) => {
      return client.changePassword({ currentPassword, newPassword, revokeOtherSessions: revokeOtherSessions === 'on' });
    },
    () => {
      const { username } = form.elements;
      const email = username.value;
      form.reset();
      username.value = email;
      write(hint, 'Your password is changed.');
      tell(named('password-error'), null);
    },
  );
}
