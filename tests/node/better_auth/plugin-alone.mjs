/** The official hooks for React with the plugin, against better-auth itself, which has no live wire. */

import './page.mjs';

import test from 'node:test';

import { createEnvironment } from '../../../client_js/src/environment.js';
import { signIn, signUp, unique } from './browser.mjs';
import { check, until } from './check.mjs';
import { founded } from './people.mjs';
import { Page } from './plugin-page.mjs';

/** A call that waits for nothing but the server: well under this on a machine that does nothing else. */
const SOON = 2_000;

const pages = [];
test.afterEach(() => {
  for (const page of pages.splice(0)) page.close();
});

function opened(page) {
  pages.push(page);
  return page;
}

const asked = (page) => page.requests.map(({ path }) => path).filter((path) => path !== '/live/poll');

async function soon(call) {
  const began = performance.now();
  const answer = await call();
  const took = performance.now() - began;
  check.ok(took < SOON, `it took ${Math.round(took)} ms`);
  return check.done(answer);
}

test('the hooks show what better-auth answers, and each asks once', async () => {
  const alice = await founded('Alice');
  const page = opened(Page.of(alice));
  const names = ['useSession', 'useListOrganizations', 'useActiveOrganization', 'useActiveMember', 'useActiveMemberRole'];
  const [session, list, active, member, role] = await page.mount(...names);
  check.has(session.now.data.user, { id: alice.me.id, name: 'Alice' });
  check.date(session.now.data.session.expiresAt);
  check.equal(list.now.data.map(({ id }) => id), [alice.acme.id]);
  check.equal(active.now.data.members[0].user.email, alice.email);
  check.equal([member.now.data.role, role.now.data.role], ['owner', 'owner']);
  await page.quiet(1_200);
  const paths = asked(page);
  check.equal(paths.length, new Set(paths).size, `nothing is asked twice: ${paths}`);
});

test('a visitor is nobody, and no error', async () => {
  const page = opened(Page.open());
  const [session] = await page.mount('useSession');
  check.has(session.now, { data: null, error: null });
});

test('signing up, out and in are as quick as without it', async () => {
  const page = opened(Page.open());
  const [session] = await page.mount('useSession');
  const given = { name: 'Alice', email: unique('alice'), password: 'password1234' };
  await soon(() => page.client.signUp.email(given));
  await until(() => session.now.data?.user.name === 'Alice');
  await soon(() => page.client.updateUser({ name: 'Alicia' }));
  await until(() => session.now.data?.user.name === 'Alicia');
  await soon(() => page.client.signOut());
  await until(() => session.now.data === null && !session.now.isRefetching);
  await soon(() => page.client.signIn.email(given));
  await until(() => session.now.data?.user.name === 'Alicia');
  const changed = { currentPassword: given.password, newPassword: 'another password', revokeOtherSessions: true };
  await soon(() => page.client.changePassword(changed));
  await until(() => !session.now.isRefetching);
  check.equal(session.now.data.user.name, 'Alicia');
});

test('who signs in after somebody else sees their own', async () => {
  const bob = await founded('Bob');
  const page = opened(Page.of(await founded('Alice')));
  const [session, list, active] = await page.mount('useSession', 'useListOrganizations', 'useActiveOrganization');
  await soon(() => page.client.signOut());
  await until(() => session.now.data === null && active.now.data === null);
  await soon(() => page.client.signIn.email({ email: bob.email, password: bob.password }));
  await until(() => session.now.data?.user.id === bob.me.id);
  await list.now.refetch();
  await until(() => list.now.data?.[0]?.id === bob.acme.id);
  await page.quiet();
  check.equal([session.now.data.user.id, list.now.data.length], [bob.me.id, 1]);
});

test('a call that is refused is the refusal of better-auth', async () => {
  const { email } = await signUp('Alice');
  const page = opened(Page.open());
  const refused = await page.client.signIn.email({ email, password: 'not the password' });
  check.refused(refused, 401, 'INVALID_EMAIL_OR_PASSWORD');
});

test('organizations are created, switched and left as without it', async () => {
  const page = opened(Page.of(await signUp('Alice')));
  const [list, active] = await page.mount('useListOrganizations', 'useActiveOrganization');
  const { organization } = page.client;
  const slug = `acme-${page.me.id}`;
  const { id: organizationId } = await soon(() => organization.create({ name: 'Acme', slug }));
  await until(() => list.now.data?.length === 1 && active.now.data?.id === organizationId);
  await soon(() => organization.setActive({ organizationId: null }));
  await until(() => active.now.data === null);
  await soon(() => organization.setActive({ organizationId }));
  await until(() => active.now.data?.id === organizationId);
  await soon(() => organization.delete({ organizationId }));
  await until(() => list.now.data?.length === 0);
  check.equal(list.now.error, null);
});

test('a session that ended elsewhere is noticed at the next read, as without it', async () => {
  const alice = await signUp('Alice');
  const phone = await signIn(alice);
  const page = opened(Page.of(alice));
  const [session] = await page.mount('useSession');
  check.done(await phone.client.revokeOtherSessions());
  check.equal(session.now.data.user.id, alice.me.id);
  await session.now.refetch();
  await until(() => session.now.data === null);
  check.equal(session.now.error, null);
});

test('in two minutes without a live wire it knocks seldom, and asks for nothing else', async () => {
  const FASTER = 30;
  const environment = {
    ...createEnvironment(),
    now: () => performance.now() * FASTER,
    random: () => 0.5,
    setTimer: (run, delay) => setTimeout(run, delay / FASTER),
  };
  const page = opened(Page.of(await signUp('Alice'), { environment }));
  const [session] = await page.mount('useSession');
  const renders = session.shown.length;
  await new Promise((resolve) => setTimeout(resolve, 120_000 / FASTER));
  check.equal(asked(page), ['/get-session']);
  const knocks = page.sockets.length + page.count('/live/poll');
  check.ok(knocks > 3 && knocks < 40, `it knocked ${knocks} times`);
  check.equal(session.shown.length, renders, 'nothing is rendered again');
  check.has(session.now, { error: null, isPending: false });
  check.equal(session.now.data.user.name, 'Alice');
});
