/** The official client and a server that slows callers down. */

import test from 'node:test';

import { Browser, unique } from './browser.mjs';
import { check } from './check.mjs';

test('the fourth try within ten seconds is refused, for the path and the address', async () => {
  const { client } = new Browser();
  const given = { email: unique('ghost'), password: 'wrongwrong' };
  for (let count = 0; count < 3; count += 1) {
    check.refused(await client.signIn.email(given), 401, 'INVALID_EMAIL_OR_PASSWORD');
  }
  let wait = null;
  const onError = ({ response }) => {
    wait = response.headers.get('x-retry-after');
  };
  const refused = await client.signIn.email({ ...given, fetchOptions: { onError } });
  check.has(refused, { data: null });
  check.equal(refused.error.status, 429);
  check.ok(Number(wait) >= 1 && Number(wait) <= 10, `X-Retry-After: ${wait}`);
  check.equal((await client.getSession()).error, null, 'another path has its own count');
});
