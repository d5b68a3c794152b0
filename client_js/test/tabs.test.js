// @ts-check
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createSessionClient } from '../src/index.js';
import '../src/after.js'; // so that it need not be waited for
import { turn } from './client.js';
import { World } from './world.js';

const alice = { session: { id: 's1' }, user: { name: 'Alice' } };
const nobody = { id: 1, data: null, tag: 'n' };

/** Channels that deliver at once, to all others of their name. */
class Channel {
  /** @type {Set<Channel>} */
  static all = new Set();
  /** @param {{data: unknown}} _ */
  onmessage = (_) => {};

  /** @param {string} name */
  constructor(name) {
    this.name = name;
    Channel.all.add(this);
  }

  /** @param {unknown} data */
  postMessage(data) {
    for (const other of Channel.all) if (other !== this && other.name === this.name) other.onmessage({ data });
  }

  close() {
    Channel.all.delete(this);
  }
}

function openTab() {
  const world = new World();
  const { WebSocket, environment } = world;
  return { world, client: createSessionClient({ baseURL: 'http://example.test', WebSocket, environment }) };
}

describe('tabs', () => {
  const global = /** @type {any} */ (globalThis);
  const { BroadcastChannel } = global;
  before(() => Object.assign(global, { document: { getElementById() {} }, BroadcastChannel: Channel }));
  after(() => {
    Object.assign(global, { BroadcastChannel });
    delete global.document;
  });

  test('that are signed out follow one that signed in', async () => {
    const [one, other] = [openTab(), openTab()];
    for (const { world } of [one, other]) {
      world.socket.open();
      world.socket.update(1, nobody);
    }
    await turn();
    one.world.socket.update(2, { id: 1, data: alice, tag: 'a' });
    assert.deepEqual([one.world.sockets.length, other.world.sockets.length], [1, 2]);
    other.world.socket.open(2);
    other.world.socket.update(2, { id: 1, data: alice, tag: 'a' });
    assert.deepEqual([one.world.sockets.length, other.world.sockets.length], [1, 2]);
    one.client.close();
    other.client.close();
  });

  test('that are still loading compare when they have their answer', async () => {
    const [one, other, third] = [openTab(), openTab(), openTab()];
    one.world.socket.open();
    one.world.socket.update(1, { id: 1, data: alice, tag: 'a' });
    await turn();
    assert.equal(other.world.sockets.length, 1);
    other.world.socket.open();
    other.world.socket.update(1, { id: 1, data: alice, tag: 'a' });
    await turn();
    assert.equal(other.world.sockets.length, 1, 'the same session');
    third.world.socket.open();
    third.world.socket.update(1, nobody);
    await turn();
    assert.equal(third.world.sockets.length, 2, 'it shook hands before the cookie was there');
    for (const { client } of [one, other, third]) client.close();
    await turn();
    assert.equal(Channel.all.size, 0);
  });
});
