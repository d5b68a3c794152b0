/** The official client and a server that asks for confirmed addresses and allows less. */

import test from 'node:test';

import { Browser, unique } from './browser.mjs';
import { check } from './check.mjs';
import { letter } from './letters.mjs';

const PASSWORD = 'password1234';

/** Somebody who signed up and confirmed the address. */
async function confirmed(name) {
  const browser = new Browser();
  const email = unique(name.toLowerCase());
  await browser.client.signUp.email({ name, email, password: PASSWORD });
  const { url } = await letter('verify_email', email);
  const token = new URL(url).searchParams.get('token');
  check.done(await browser.client.verifyEmail({ query: { token } }));
  check.done(await browser.client.signIn.email({ email, password: PASSWORD }));
  return Object.assign(browser, { email });
}

test('signing up does not sign in before the address is confirmed', async () => {
  const browser = new Browser();
  const { client } = browser;
  const email = unique('alice');
  const data = check.done(await client.signUp.email({ name: 'Alice', email, password: PASSWORD }));
  check.equal(data.token, null);
  check.has(data.user, { name: 'Alice', email, emailVerified: false });
  check.equal(browser.line('session_token'), undefined);
  check.equal((await client.getSession()).data, null);
  const credentials = { email, password: PASSWORD };
  check.refused(await client.signIn.email(credentials), 403, 'EMAIL_NOT_VERIFIED');
  const wrong = await client.signIn.email({ email, password: 'wrongwrong' });
  check.refused(wrong, 401, 'INVALID_EMAIL_OR_PASSWORD');
});

test('a confirmed address signs in', async () => {
  const { client, email } = await confirmed('Alice');
  const { user } = check.done(await client.getSession());
  check.has(user, { email, emailVerified: true });
});

test('signing up with a taken address looks like any other sign-up', async () => {
  const alice = await confirmed('Alice');
  const given = { name: 'Alice', password: PASSWORD };
  const { client } = new Browser();
  const taken = check.done(await client.signUp.email({ ...given, email: alice.email }));
  const free = check.done(await client.signUp.email({ ...given, email: unique('free') }));
  check.equal(taken.token, null);
  check.equal(Object.keys(taken.user).sort(), Object.keys(free.user).sort());
  check.ok(taken.user.id.length === free.user.id.length);
  check.equal(taken.user.email, alice.email);
  const credentials = { email: alice.email, password: PASSWORD };
  check.done(await client.signIn.email(credentials));
});

test('a letter can be asked for again, by anybody, for any address', async () => {
  const { client } = new Browser();
  const email = unique('alice');
  check.done(await client.signUp.email({ name: 'Alice', email, password: PASSWORD }));
  await letter('verify_email', email);
  check.equal(check.done(await client.sendVerificationEmail({ email })), { status: true });
  await letter('verify_email', email);
  const ghost = unique('ghost');
  check.equal(check.done(await client.sendVerificationEmail({ email: ghost })), { status: true });
});

test('what is switched off is refused', async () => {
  const { client } = await confirmed('Alice');
  check.refused(await client.deleteUser({ password: PASSWORD }), 404, undefined);
  const newEmail = unique('alicia');
  check.refused(await client.changeEmail({ newEmail }), 400, 'CHANGE_EMAIL_DISABLED');
});
