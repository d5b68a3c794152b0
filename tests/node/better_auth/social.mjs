/** The official client: signing in with an OpenID provider. */

import test from 'node:test';

import { Browser, signUp, unique } from './browser.mjs';
import { check } from './check.mjs';

const { ISSUER } = process.env;
const TARGETS = { callbackURL: '/dashboard', errorCallbackURL: '/oops', newUserCallbackURL: '/new' };

/** The provider learns of a person; gives what `signIn.social` needs to be them. */
async function known(name, { verified = true, email = unique(name.toLowerCase()) } = {}) {
  const sub = `sub-${email}`;
  const body = JSON.stringify({ [sub]: { name, email, email_verified: verified } });
  await fetch(`${ISSUER}/people`, { method: 'POST', body });
  return { sub, email, asked: { provider: 'google', loginHint: sub, ...TARGETS } };
}

/** Through the provider's pages, with cookies of its own, to our callback's address. */
async function through(url) {
  const browser = new Browser({ address: ISSUER, origin: null });
  while (url.startsWith(ISSUER)) {
    const answer = await browser.fetch(url);
    url = new URL(answer.headers.get('location'), url).href;
  }
  return url;
}

/** The browser comes back from the provider; where our callback sends it. */
async function round(browser, call) {
  const { url } = check.done(await call());
  return (await browser.fetch(await through(url))).headers.get('location');
}

test('the client is sent to the provider, and is bound by a cookie', async () => {
  const { asked } = await known('Alice');
  const browser = new Browser();
  const data = check.done(await browser.client.signIn.social({ ...asked, disableRedirect: true }));
  check.equal(data.redirect, false);
  const url = new URL(data.url);
  check.equal(url.origin, ISSUER);
  const sent = Object.fromEntries(url.searchParams);
  check.has(sent, {
    response_type: 'code',
    code_challenge_method: 'S256',
    redirect_uri: `${browser.address}/api/auth/callback/google`,
    login_hint: asked.loginHint,
  });
  check.matches(sent.state, /^[\w-]{22,}$/);
  check.matches(sent.code_challenge, /^[\w-]{43}$/);
  check.equal(sent.scope.split(' ').sort(), ['email', 'openid', 'profile']);
  const line = browser.line('state');
  check.ok(line.includes('HttpOnly') && line.includes('SameSite=Lax'), line);
  const again = check.done(await browser.client.signIn.social(asked));
  check.equal(again.redirect, true);
});

test('a new user is signed up, and comes back as the same', async () => {
  const { asked, email } = await known('Alice');
  const browser = new Browser();
  const { client } = browser;
  check.equal(await round(browser, () => client.signIn.social(asked)), '/new');
  const { user, session } = check.done(await client.getSession());
  check.has(user, { name: 'Alice', email, emailVerified: true });
  check.date(session.expiresAt);
  const [account, ...more] = check.done(await client.listAccounts());
  check.equal(more, []);
  check.has(account, { providerId: 'google', accountId: asked.loginHint, userId: user.id });
  check.equal(account.accessToken, undefined);
  const phone = new Browser();
  check.equal(await round(phone, () => phone.client.signIn.social(asked)), '/dashboard');
  check.equal(check.done(await phone.client.getSession()).user.id, user.id);
  const given = { currentPassword: 'password1234', newPassword: 'another password' };
  check.refused(await client.changePassword(given), 400, 'CREDENTIAL_ACCOUNT_NOT_FOUND');
  const credentials = { email, password: 'password1234' };
  check.refused(await client.signIn.email(credentials), 401, 'INVALID_EMAIL_OR_PASSWORD');
});

test('an account whose address was never confirmed is not taken over', async () => {
  const alice = await signUp('Alice');
  const { asked } = await known('Alice', { email: alice.email });
  const browser = new Browser();
  const target = await round(browser, () => browser.client.signIn.social(asked));
  check.equal(new URL(target, browser.address).searchParams.get('error'), 'account_not_linked');
  check.matches(target, /^\/oops\?/);
  check.equal((await browser.client.getSession()).data, null);
});

test('what goes wrong at the provider is told to the page', async () => {
  const { asked } = await known('Alice');
  const browser = new Browser();
  const { url } = check.done(await browser.client.signIn.social(asked));
  const state = new URL(url).searchParams.get('state');
  const back = `/api/auth/callback/google?error=access_denied&state=${state}`;
  const answer = await browser.fetch(back);
  check.equal(answer.status, 302);
  check.matches(answer.headers.get('location'), /^\/oops\?error=access_denied/);
  const again = (await browser.fetch(back)).headers.get('location');
  check.matches(again, /error=state_mismatch/);
  const none = (await browser.fetch('/api/auth/callback/google')).headers.get('location');
  check.matches(none, /error=state_not_found/);
});

test("another browser's way back is refused", async () => {
  const { asked } = await known('Mallory');
  const [mallory, victim] = [new Browser(), new Browser()];
  const { url } = check.done(await mallory.client.signIn.social(asked));
  const answer = await victim.fetch(await through(url));
  check.matches(answer.headers.get('location'), /error=state_mismatch/);
  check.equal((await victim.client.getSession()).data, null);
});

test('somebody who is signed in links a provider, and unlinks it', async () => {
  const alice = await signUp('Alice');
  const { asked } = await known('Alice', { email: alice.email });
  const { client } = alice;
  check.equal(await round(alice, () => client.linkSocial(asked)), '/dashboard');
  const accounts = check.done(await client.listAccounts());
  check.equal(accounts.map((each) => each.providerId).sort(), ['credential', 'google']);
  const phone = new Browser();
  check.equal(await round(phone, () => phone.client.signIn.social(asked)), '/dashboard');
  check.equal(check.done(await phone.client.getSession()).user.id, alice.me.id);
  const { id: accountId } = accounts.find((each) => each.providerId === 'google');
  check.equal(check.done(await client.unlinkAccount({ accountId })), { status: true });
  check.equal(check.done(await client.listAccounts()).length, 1);
});

test('what the contract refuses is refused', async () => {
  const { client } = new Browser();
  const provider = 'google';
  const unknown = await client.signIn.social({ provider: 'nobody' });
  check.refused(unknown, 404, 'PROVIDER_NOT_FOUND');
  const forged = { provider, idToken: { token: 'not.a.token' } };
  check.refused(await client.signIn.social(forged), 401, 'INVALID_TOKEN');
  check.refused(await client.linkSocial({ provider }), 401, 'UNAUTHORIZED');
});
