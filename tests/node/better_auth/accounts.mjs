/** The official client: signing up, in and out, the session, and the profile. */

import test from 'node:test';

import { Browser, signIn, signUp, unique } from './browser.mjs';
import { check } from './check.mjs';
import { age } from './database.mjs';

const PASSWORD = 'password1234';

test('signing up answers the new user and signs in', async () => {
  const browser = new Browser();
  const email = unique('Alice').replace('alice', 'Alice');
  const given = { name: 'Alice', email, password: PASSWORD, image: 'https://i.example.com/a.png' };
  const data = check.done(await browser.client.signUp.email(given));
  check.has(browser.last, { method: 'POST', path: '/sign-up/email', status: 200 });
  check.has(data.user, { name: 'Alice', email: email.toLowerCase(), emailVerified: false });
  check.equal(data.user.image, given.image);
  check.equal(typeof data.token, 'string');
  check.date(data.user.createdAt);
  check.date(data.user.updatedAt);
  const line = browser.line('session_token');
  for (const part of ['HttpOnly', 'SameSite=Lax', 'Path=/', 'Max-Age=604800']) {
    check.ok(line.split('; ').includes(part), `${part} in ${line}`);
  }
  check.ok(!line.includes('Domain'), line);
});

test('signing up refuses what the contract refuses', async () => {
  const known = await signUp('Known');
  const { client } = new Browser();
  const refused = [
    [{ email: known.email }, 422, 'USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL'],
    [{ email: known.email.toUpperCase() }, 422, 'USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL'],
    [{ password: 'short' }, 400, 'PASSWORD_TOO_SHORT'],
    [{ password: 'x'.repeat(129) }, 400, 'PASSWORD_TOO_LONG'],
    [{ email: 'nope' }, 400, 'VALIDATION_ERROR'],
    [{ name: undefined }, 400, 'VALIDATION_ERROR'],
    [{ name: 5 }, 400, 'VALIDATION_ERROR'],
  ];
  for (const [wrong, status, code] of refused) {
    const given = { name: 'A', email: unique('new'), password: PASSWORD, ...wrong };
    check.refused(await client.signUp.email(given), status, code);
  }
});

test('unknown fields at sign-up are dropped, and grant nothing', async () => {
  const { client } = new Browser();
  const more = { role: 'admin', emailVerified: true, banned: false };
  const given = { name: '', email: unique('m'), password: PASSWORD, ...more };
  const { user } = check.done(await client.signUp.email(given));
  check.has(user, { name: '', emailVerified: false, role: undefined });
});

test('signing in answers the user and a token of its own', async () => {
  const alice = await signUp('Alice');
  const browser = new Browser();
  const data = check.done(await browser.client.signIn.email(alice));
  check.has(data, { redirect: false, url: undefined });
  check.equal(data.user.id, alice.me.id);
  check.date(data.user.createdAt);
  check.ok(browser.line('session_token').includes('Max-Age=604800'));
  const session = check.done(await browser.client.getSession());
  check.equal(session.session.token, data.token);
});

test('signing in refuses what the contract refuses', async () => {
  const alice = await signUp('Alice');
  const { client } = new Browser();
  const refused = [
    [{ password: 'wrongwrong' }, 401, 'INVALID_EMAIL_OR_PASSWORD'],
    [{ password: '' }, 401, 'INVALID_EMAIL_OR_PASSWORD'],
    [{ email: unique('ghost') }, 401, 'INVALID_EMAIL_OR_PASSWORD'],
    [{ email: 'nope' }, 400, 'INVALID_EMAIL'],
    [{ password: 'x'.repeat(129) }, 400, 'PASSWORD_TOO_LONG'],
    [{ email: undefined }, 400, 'VALIDATION_ERROR'],
    [{ email: { $ne: '' } }, 400, 'VALIDATION_ERROR'],
    [{ rememberMe: 'no' }, 400, 'VALIDATION_ERROR'],
    [{ callbackURL: 'https://evil.example.net/' }, 403, 'INVALID_CALLBACK_URL'],
    [{ callbackURL: '//evil.example.net' }, 403, 'INVALID_CALLBACK_URL'],
    [{ callbackURL: 'javascript:alert(1)' }, 403, 'INVALID_CALLBACK_URL'],
  ];
  for (const [wrong, status, code] of refused) {
    const { email, password } = alice;
    check.refused(await client.signIn.email({ email, password, ...wrong }), status, code);
  }
  const unknown = await client.signIn.email({ email: unique('ghost'), password: PASSWORD });
  const wrong = await client.signIn.email({ email: alice.email, password: 'wrongwrong' });
  check.equal(unknown.error, wrong.error, 'an address is not told from a password');
});

test('a target comes back for the page to go to', async () => {
  const alice = await signUp('Alice');
  const { email, password } = alice;
  const given = { email, password, callbackURL: '/dashboard?tab=1' };
  const data = check.done(await new Browser().client.signIn.email(given));
  check.has(data, { redirect: true, url: '/dashboard?tab=1' });
});

test('a session that is not to be remembered ends with the browser', async () => {
  const alice = await signUp('Alice');
  const browser = await signIn(alice, { rememberMe: false });
  check.ok(!browser.line('session_token').includes('Max-Age'));
  check.ok(browser.line('dont_remember'));
  const { session } = check.done(await browser.client.getSession());
  const hours = (session.expiresAt - session.createdAt) / 3_600_000;
  check.ok(hours <= 24, `${hours} hours`);
});

test('get-session shows the session and the user, with dates', async () => {
  const alice = await signUp('Alice');
  const { session, user } = check.done(await alice.client.getSession());
  check.has(alice.last, { method: 'GET', path: '/get-session', status: 200 });
  check.has(user, { id: alice.me.id, name: 'Alice', email: alice.email });
  check.equal(session.userId, user.id);
  for (const date of [session.expiresAt, session.createdAt, session.updatedAt]) check.date(date);
  check.ok(Math.abs(session.expiresAt - session.createdAt - 7 * 86_400_000) < 2_000);
  const raw = await alice.json('/get-session');
  check.matches(raw.session.expiresAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  check.equal(session.expiresAt.toISOString(), raw.session.expiresAt, 'revived without a shift');
  for (const query of [{ disableCookieCache: true }, { disableRefresh: true }]) {
    check.equal(check.done(await alice.client.getSession({ query })).user.id, user.id);
  }
});

test('without a session get-session is null, and everything else 401', async () => {
  const { client } = new Browser();
  const answer = await client.getSession();
  check.equal([answer.data, answer.error], [null, null]);
  const calls = [
    () => client.listSessions(),
    () => client.listAccounts(),
    () => client.updateUser({ name: 'x' }),
    () => client.revokeSessions(),
    () => client.revokeOtherSessions(),
    () => client.revokeSession({ token: 'x' }),
    () => client.deleteUser(),
    () => client.changeEmail({ newEmail: unique('x') }),
    () => client.changePassword({ newPassword: 'password5678', currentPassword: PASSWORD }),
  ];
  for (const call of calls) check.refused(await call(), 401, 'UNAUTHORIZED');
});

test('signing out ends the session and takes the cookie away', async () => {
  const alice = await signUp('Alice');
  const other = new Browser();
  other.jar = new Map(alice.jar);
  check.equal(check.done(await alice.client.signOut()), { success: true });
  check.has(alice.last, { method: 'POST', path: '/sign-out' });
  check.ok(![...alice.jar.keys()].some((name) => name.endsWith('session_token')));
  check.equal((await alice.client.getSession()).data, null);
  check.equal((await other.client.getSession()).data, null, 'a kept cookie is of no use');
  check.equal(check.done(await alice.client.signOut()), { success: true });
});

test('update-user changes the profile, and nothing else', async () => {
  const alice = await signUp('Alice');
  const { client } = alice;
  check.equal(check.done(await client.updateUser({ name: 'Alicia' })), { status: true });
  check.ok(alice.line('session_token').includes('Max-Age=604800'));
  check.done(await client.updateUser({ image: 'https://i.example.com/b.png' }));
  const seen = check.done(await client.getSession()).user;
  check.has(seen, { name: 'Alicia', image: 'https://i.example.com/b.png' });
  check.ok(seen.updatedAt > alice.me.updatedAt);
  check.done(await client.updateUser({ image: null }));
  check.equal(check.done(await client.getSession()).user.image, null);
  const email = unique('e');
  check.refused(await client.updateUser({ email }), 400, 'EMAIL_CAN_NOT_BE_UPDATED');
  check.has(await client.updateUser({ foo: 1 }), { data: null });
  check.equal(alice.last.status, 400);
  check.equal(check.done(await client.getSession()).user.email, alice.email);
});

test('list-sessions shows every device, and revoke-session ends one', async () => {
  const laptop = await signUp('Alice');
  const phone = await signIn(laptop);
  const listed = check.done(await laptop.client.listSessions());
  check.equal(listed.length, 2);
  for (const each of listed) check.has(each, { userId: laptop.me.id });
  check.date(listed[0].expiresAt);
  check.equal(typeof listed[0].userAgent, 'string');
  const own = check.done(await laptop.client.getSession()).session;
  const other = listed.find((each) => each.id !== own.id);
  check.equal(other.token, check.done(await phone.client.getSession()).session.token);
  const { token } = other;
  check.equal(check.done(await laptop.client.revokeSession({ token })), { status: true });
  check.equal((await phone.client.getSession()).data, null);
  check.done(await laptop.client.revokeSession({ token: 'unknown' }));
  check.refused(await laptop.client.revokeSession({ x: 1 }), 400, 'VALIDATION_ERROR');
  check.done(await laptop.client.revokeSession({ token: own.token }));
  check.equal((await laptop.client.getSession()).data, null);
});

test("nobody ends another user's session", async () => {
  const [alice, bob] = [await signUp('Alice'), await signUp('Bob')];
  const { token } = check.done(await bob.client.getSession()).session;
  check.equal(check.done(await alice.client.revokeSession({ token })), { status: true });
  check.equal(check.done(await bob.client.getSession()).user.id, bob.me.id);
});

test('the other sessions, and all of them, are ended', async () => {
  const laptop = await signUp('Alice');
  const phone = await signIn(laptop);
  check.equal(check.done(await laptop.client.revokeOtherSessions()), { status: true });
  check.equal(laptop.last.method, 'POST');
  check.equal((await phone.client.getSession()).data, null);
  check.equal(check.done(await laptop.client.listSessions()).length, 1);
  const tablet = await signIn(laptop);
  check.equal(check.done(await laptop.client.revokeSessions()), { status: true });
  check.equal((await tablet.client.getSession()).data, null);
  check.equal((await laptop.client.getSession()).data, null);
});

test('list-sessions needs a session that is not a day old', async () => {
  const alice = await signUp('Alice');
  await age(alice.me.id, 25);
  check.refused(await alice.client.listSessions(), 403, 'SESSION_NOT_FRESH');
  check.equal(check.done(await alice.client.getSession()).user.id, alice.me.id);
});

test('list-accounts names how somebody signs in, without a secret', async () => {
  const alice = await signUp('Alice');
  const [account, ...more] = check.done(await alice.client.listAccounts());
  check.equal(more, []);
  const { id } = alice.me;
  check.has(account, { providerId: 'credential', accountId: id, userId: id, scopes: [] });
  check.date(account.createdAt);
  check.equal(account.password, undefined);
});

test('an error can be thrown instead', async () => {
  const { client } = new Browser();
  let thrown = null;
  try {
    await client.signIn.email({
      email: unique('ghost'),
      password: PASSWORD,
      fetchOptions: { throw: true },
    });
  } catch (error) {
    thrown = error;
  }
  check.has(thrown, { status: 401 });
  check.equal(thrown.error.code, 'INVALID_EMAIL_OR_PASSWORD');
});

test('a call without arguments is a GET where the client says nothing else', async () => {
  const alice = await signUp('Alice');
  check.refused(await alice.client.updateUser({}), 404, undefined);
  check.has(alice.last, { method: 'GET', path: '/update-user', status: 404 });
  check.refused(await alice.client.noSuchThing.atAll({ x: 1 }), 404, undefined);
  check.has(alice.last, { method: 'POST', path: '/no-such-thing/at-all' });
});

test("only our own pages' origins may write", async () => {
  const alice = await signUp('Alice');
  const { email, password } = alice;
  const foreign = new Browser({ origin: 'https://evil.example.net' });
  check.refused(await foreign.client.signIn.email({ email, password }), 403, 'INVALID_ORIGIN');
  const nobody = new Browser({ origin: null });
  const answer = await nobody.client.signIn.email({ email, password });
  check.refused(answer, 403, 'MISSING_OR_NULL_ORIGIN');
  alice.headers = { origin: 'null' };
  check.refused(await alice.client.updateUser({ name: 'E' }), 403, 'MISSING_OR_NULL_ORIGIN');
  alice.headers = {};
  check.refused(await alice.client.updateUser({ name: 'E' }), 403, 'MISSING_OR_NULL_ORIGIN');
  check.equal(check.done(await alice.client.getSession()).user.name, 'Alice', 'reads need none');
});

test('signing in with a provider that is not there is refused', async () => {
  const { client } = new Browser();
  const provider = 'google';
  check.refused(await client.signIn.social({ provider }), 404, 'PROVIDER_NOT_FOUND');
  check.refused(await client.signIn.social({ x: 1 }), 400, 'VALIDATION_ERROR');
  const elsewhere = 'https://evil.example.net/';
  const targets = [
    [{ callbackURL: elsewhere }, 'INVALID_CALLBACK_URL'],
    [{ errorCallbackURL: elsewhere }, 'INVALID_ERROR_CALLBACK_URL'],
    [{ newUserCallbackURL: elsewhere }, 'INVALID_NEW_USER_CALLBACK_URL'],
  ];
  for (const [target, code] of targets) {
    check.refused(await client.signIn.social({ provider, ...target }), 403, code);
  }
});
