// @ts-check
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import '../src/after.js'; // so that it need not be waited for
import { isSettled, sessionOf, start, turn, wrote } from './client.js';
import { version } from './wire.js';

/** A client that shows Alice in `session` (1) and `user` (2), and the names that it has shown. */
function startNamed() {
  const started = start({ first: sessionOf('acme') });
  const { world, client } = started;
  const user = client.query('user');
  user.subscribe(() => {});
  world.socket.update(1, { id: 2, data: sessionOf('acme').user, tag: 'u1' });
  /** @type {string[]} */
  const names = [];
  client.session.subscribe(({ data }) => names.push(`${data?.user.name} ${user.get().data?.name}`));
  /** @param {number} n @param {string} name */
  const show = (n, name) => {
    const data = sessionOf('acme', { name });
    world.socket.update(n, { id: 1, data, tag: name }, { id: 2, data: data.user, tag: name });
  };
  return { ...started, user, names, show };
}

describe('updateUser', () => {
  test('is shown at once in all stores together, and replaced by the truth without a flicker', async () => {
    const { client, nth, names, show } = startNamed();
    const { organization } = /** @type {any} */ (client.session.get().data);
    const outcome = client.updateUser({ name: 'Alicia' });
    const call = await nth(0);
    assert.deepEqual(names, ['Alice Alice', 'Alicia Alicia']);
    assert.equal(client.session.get().data?.organization, organization, 'other parts keep their identity');
    await call.answer({ status: true }, wrote(5));
    show(5, 'Alicia');
    await outcome;
    await turn();
    assert.deepEqual(names, ['Alice Alice', 'Alicia Alicia']);
  });

  test('that fails is taken back', async () => {
    const { client, nth, names } = startNamed();
    const outcome = client.updateUser({ name: 'Alicia' });
    await (await nth(0)).fail();
    await outcome;
    assert.deepEqual(names, ['Alice Alice', 'Alicia Alicia', 'Alice Alice']);
  });

  test('stays on show while its version is not, however long that takes', async () => {
    const { world, client, nth, names, show } = startNamed();
    const outcome = client.updateUser({ name: 'Alicia' });
    await (await nth(0)).answer({ status: true }, wrote(5));
    show(4, 'Alice');
    world.advance(5_000);
    await outcome;
    assert.equal(client.session.get().data?.user.name, 'Alicia');
    show(5, 'Alicia the Second');
    await turn();
    assert.equal(names.at(-1), 'Alicia the Second Alicia the Second');
  });

  test('composes with others in flight, and each is taken back for itself', async () => {
    const { client, nth, user, names } = startNamed();
    client.updateUser({ name: 'Alicia' });
    client.updateUser({ name: 'Ally', image: 'x.png' });
    const [first, second] = [await nth(0), await nth(1)];
    assert.equal(names.at(-1), 'Ally Ally');
    await first.fail();
    await turn();
    assert.deepEqual([user.get().data?.name, user.get().data?.image], ['Ally', 'x.png']);
    await second.fail();
    await turn();
    assert.deepEqual([user.get().data?.name, user.get().data?.image], ['Alice', null]);
  });

  test('is not what `until` waits for', async () => {
    const { client, nth, show } = startNamed();
    client.updateUser({ name: 'Alicia' });
    await nth(0);
    const waiting = client.until(version(5));
    assert.equal(await isSettled(waiting), false);
    show(5, 'Alicia');
    await waiting;
  });

  test('is not shown in somebody else who signs in meanwhile', async () => {
    const { world, client, nth } = startNamed();
    client.updateUser({ name: 'Alicia' });
    await nth(0);
    world.socket.update(2, { id: 1, data: sessionOf('acme', { id: 'u2', name: 'Bob' }), tag: 'b' });
    assert.equal(client.session.get().data?.user.name, 'Bob');
  });

  test('changes nothing that is not stated', async () => {
    const { client, nth } = startNamed();
    client.updateUser(/** @type {any} */ ({ name: undefined, image: 'x.png' }));
    await nth(0);
    assert.equal(client.session.get().data?.user.name, 'Alice');
  });
});
