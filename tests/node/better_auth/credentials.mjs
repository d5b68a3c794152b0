/** The official client: passwords, addresses, and the end of an account. */

import test from 'node:test';

import { Browser, signIn, signUp, unique } from './browser.mjs';
import { check } from './check.mjs';
import { age, confirmAddress } from './database.mjs';
import { letter, lettersTo } from './letters.mjs';

const NEW = 'another password';

test('change-password ends the other sessions and keeps this one', async () => {
  const laptop = await signUp('Alice');
  const phone = await signIn(laptop);
  const given = { currentPassword: laptop.password, newPassword: NEW };
  const data = check.done(await laptop.client.changePassword(given));
  check.equal(data.token, null);
  check.equal(data.user.id, laptop.me.id);
  check.equal((await phone.client.getSession()).data, null);
  check.equal(check.done(await laptop.client.getSession()).user.id, laptop.me.id);
  const old = await new Browser().client.signIn.email(laptop);
  check.refused(old, 401, 'INVALID_EMAIL_OR_PASSWORD');
  check.equal((await signIn({ ...laptop, password: NEW })).me.id, laptop.me.id);
});

test('change-password can replace this session too', async () => {
  const alice = await signUp('Alice');
  const before = check.done(await alice.client.getSession()).session;
  const kept = new Browser();
  kept.jar = new Map(alice.jar);
  const given = { currentPassword: alice.password, newPassword: NEW, revokeOtherSessions: true };
  const data = check.done(await alice.client.changePassword(given));
  const now = check.done(await alice.client.getSession()).session;
  check.equal(now.token, data.token);
  check.ok(now.token !== before.token);
  check.equal((await kept.client.getSession()).data, null);
});

test('change-password refuses what the contract refuses', async () => {
  const { client, password } = await signUp('Alice');
  const right = { currentPassword: password, newPassword: NEW };
  const refused = [
    [{ currentPassword: 'wrongwrong' }, 'INVALID_PASSWORD'],
    [{ newPassword: 'short' }, 'PASSWORD_TOO_SHORT'],
    [{ newPassword: 'x'.repeat(129) }, 'PASSWORD_TOO_LONG'],
    [{ newPassword: undefined }, 'VALIDATION_ERROR'],
    [{ revokeOtherSessions: 'yes' }, 'VALIDATION_ERROR'],
  ];
  for (const [wrong, code] of refused) {
    check.refused(await client.changePassword({ ...right, ...wrong }), 400, code);
  }
});

test('verify-password says whether it is theirs', async () => {
  const { client, password } = await signUp('Alice');
  check.equal(check.done(await client.verifyPassword({ password })), { status: true });
  check.refused(await client.verifyPassword({ password: 'wrong' }), 400, 'INVALID_PASSWORD');
});

test('a forgotten password is replaced by the link in a mail, once', async () => {
  const alice = await signUp('Alice');
  const { email } = alice;
  const { client } = new Browser();
  const asked = check.done(await client.requestPasswordReset({ email, redirectTo: '/reset' }));
  check.has(asked, { status: true });
  const sent = await letter('reset_password', email);
  check.ok(sent.url.startsWith(`${alice.address}/api/auth/reset-password/`), sent.url);
  check.ok(sent.text.includes(sent.url));
  const followed = await new Browser().fetch(sent.url);
  check.equal(followed.status, 302);
  const target = new URL(followed.headers.get('location'), alice.address);
  check.equal(target.pathname, '/reset');
  const token = target.searchParams.get('token');
  const weak = { token, newPassword: 'short' };
  check.refused(await client.resetPassword(weak), 400, 'PASSWORD_TOO_SHORT');
  const given = { token, newPassword: NEW };
  check.equal(check.done(await client.resetPassword(given)), { status: true });
  check.refused(await client.resetPassword(given), 400, 'INVALID_TOKEN');
  const old = await client.signIn.email(alice);
  check.refused(old, 401, 'INVALID_EMAIL_OR_PASSWORD');
  check.equal((await signIn({ ...alice, password: NEW })).me.id, alice.me.id);
});

test('asking for a reset does not tell whether an address is known', async () => {
  const alice = await signUp('Alice');
  const { client } = new Browser();
  const ghost = unique('ghost');
  const known = await client.requestPasswordReset({ email: alice.email, redirectTo: '/reset' });
  const unknown = await client.requestPasswordReset({ email: ghost, redirectTo: '/reset' });
  check.done(unknown);
  check.equal(unknown, known);
  await letter('reset_password', alice.email);
  check.equal(lettersTo(ghost), 0);
  const given = { email: alice.email, redirectTo: 'https://evil.example.net/' };
  check.refused(await client.requestPasswordReset(given), 403, 'INVALID_REDIRECT_URL');
  const bad = await new Browser().fetch('/api/auth/reset-password/bad?callbackURL=%2Freset');
  check.equal(bad.status, 302);
  check.matches(bad.headers.get('location'), /\/reset\?error=INVALID_TOKEN$/);
  const wrong = { token: 'nope', newPassword: NEW };
  check.refused(await client.resetPassword(wrong), 400, 'INVALID_TOKEN');
});

test('an address is confirmed by the link in a mail', async () => {
  const alice = await signUp('Alice');
  const { client, email } = alice;
  const given = { email, callbackURL: '/welcome' };
  check.equal(check.done(await client.sendVerificationEmail(given)), { status: true });
  const sent = await letter('verify_email', email);
  const token = new URL(sent.url).searchParams.get('token');
  check.ok(token, sent.url);
  const bad = { query: { token: 'nope' } };
  check.refused(await client.verifyEmail(bad), 401, 'INVALID_TOKEN');
  check.has(check.done(await client.verifyEmail({ query: { token } })), { status: true });
  check.has(alice.last, { method: 'GET', path: '/verify-email' });
  check.equal(check.done(await client.getSession()).user.emailVerified, true);
  const again = await client.sendVerificationEmail({ email });
  check.refused(again, 400, 'EMAIL_ALREADY_VERIFIED');
});

test('a followed link goes on to its target, or says what is wrong there', async () => {
  const alice = await signUp('Alice');
  const { client, email } = alice;
  check.done(await client.sendVerificationEmail({ email, callbackURL: '/welcome' }));
  const { url } = await letter('verify_email', email);
  const bad = await alice.fetch('/api/auth/verify-email?token=bad&callbackURL=%2Fwelcome');
  check.equal(bad.status, 302);
  check.matches(bad.headers.get('location'), /\/welcome\?error=INVALID_TOKEN$/);
  const followed = await alice.fetch(url);
  check.equal(followed.status, 302);
  check.matches(followed.headers.get('location'), /\/welcome$/);
  check.equal(check.done(await client.getSession()).user.emailVerified, true);
});

test('an address that was never confirmed is changed at once', async () => {
  const alice = await signUp('Alice');
  const { client } = alice;
  const newEmail = unique('Alicia');
  check.equal(check.done(await client.changeEmail({ newEmail })), { status: true });
  check.equal(check.done(await client.getSession()).user.email, newEmail.toLowerCase());
  const { password } = alice;
  check.equal((await signIn({ email: newEmail, password })).me.id, alice.me.id);
});

test('a confirmed address is changed by a link that was sent to the new one', async () => {
  const alice = await signUp('Alice');
  await confirmAddress(alice.me.id);
  const newEmail = unique('alicia');
  const { client } = alice;
  const given = { newEmail, callbackURL: '/settings' };
  check.equal(check.done(await client.changeEmail(given)), { status: true });
  check.equal(check.done(await client.getSession()).user.email, alice.email, 'not before');
  const { url } = await letter('change_email', newEmail);
  const followed = await alice.fetch(url);
  check.equal([followed.status, followed.headers.get('location')], [302, '/settings']);
  const { user } = check.done(await client.getSession());
  check.has(user, { email: newEmail, emailVerified: true });
});

test('change-email refuses what the contract refuses, and tells nobody who is known', async () => {
  const [alice, bob] = [await signUp('Alice'), await signUp('Bob')];
  const { client } = alice;
  const taken = check.done(await client.changeEmail({ newEmail: bob.email }));
  check.equal(taken, { status: true });
  check.equal(check.done(await client.getSession()).user.email, alice.email);
  check.has((await client.changeEmail({ newEmail: alice.email })).error, {
    status: 400,
    message: 'Email is the same',
  });
  check.refused(await client.changeEmail({ newEmail: 'nope' }), 400, 'VALIDATION_ERROR');
});

test('delete-user ends the account and every session', async () => {
  const laptop = await signUp('Alice');
  const phone = await signIn(laptop);
  const { client, password, email } = laptop;
  check.refused(await client.deleteUser({ password: 'wrongwrong' }), 400, 'INVALID_PASSWORD');
  const deleted = check.done(await client.deleteUser({ password }));
  check.equal(deleted, { success: true, message: 'User deleted' });
  check.equal((await laptop.client.getSession()).data, null);
  check.equal((await phone.client.getSession()).data, null);
  const again = await client.signIn.email({ email, password });
  check.refused(again, 401, 'INVALID_EMAIL_OR_PASSWORD');
  check.ok((await signUp('Alice', { email })).me.id !== laptop.me.id, 'the address is free');
});

test('delete-user without the password needs a recent sign-in', async () => {
  const alice = await signUp('Alice');
  await age(alice.me.id, 25);
  check.refused(await alice.client.deleteUser(), 400, 'SESSION_EXPIRED');
  check.refused(await alice.client.deleteUser({ token: 'nope' }), 404, 'INVALID_TOKEN');
  const { email, password } = alice;
  const again = await signIn({ email, password });
  check.has(check.done(await again.client.deleteUser()), { success: true });
  check.equal((await alice.client.getSession()).data, null);
});
