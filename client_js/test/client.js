// @ts-check
/** A client in a world of ours, and the HTTP calls that wait for the test's answer. */
import assert from 'node:assert/strict';
import { createSessionClient } from '../src/index.js';
import { version } from './wire.js';
import { World } from './world.js';

export const alice = { session: { id: 's1' }, user: { name: 'Alice' } };
export const bob = { session: { id: 's2' }, user: { name: 'Bob' } };

/**
 * @typedef {object} Call
 * @property {string} url
 * @property {any} request
 * @property {(body: unknown, init?: ResponseInit) => Promise<void>} answer
 * @property {() => Promise<void>} fail
 */

/**
 * A client, and the HTTP calls that wait for the test's answer.
 *
 * @param {{isLive?: boolean, first?: object} & import('../src/index.js').ClientOptions} [options]
 */
export function start({ isLive = true, first = alice, ...options } = {}) {
  const world = new World();
  /** @type {Call[]} */
  const calls = [];
  const client = createSessionClient({
    baseURL: 'http://example.test/',
    WebSocket: world.WebSocket,
    environment: world.environment,
    ...options,
    fetch: (url, request) =>
      new Promise((resolve, reject) => {
        calls.push({
          url: String(url),
          request,
          answer: (body, init) => settle(resolve, new Response(body === undefined ? '' : JSON.stringify(body), init)),
          fail: () => settle(reject, new TypeError('fetch failed')),
        });
      }),
  });
  if (isLive) {
    world.socket.open();
    world.socket.update(1, { id: 1, data: first, tag: 'a1' });
  }
  /** The n-th call, once it is made: the code of the calls may have to be loaded first. @param {number} n */
  const nth = async (n) => {
    for (let turn = 0; turn < 1_000 && calls.length <= n; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    const call = calls[n];
    assert.ok(call, `call ${n} was not made`);
    return call;
  };
  return { world, client, calls, nth };
}

/** @template T @param {(value: T) => void} how @param {T} value */
export async function settle(how, value) {
  how(value);
  await new Promise((resolve) => setImmediate(resolve));
}

/** @param {number} n */
export function wrote(n) {
  return { headers: { 'Sessionwire-Version': version(n) } };
}

/** Whether a promise has settled by now. @param {Promise<unknown>} promise */
export async function isSettled(promise) {
  let settled = false;
  const note = () => {
    settled = true;
  };
  promise.then(note, note);
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

/** Lets everything happen that needs no time. */
export async function turn() {
  for (let count = 0; count < 5; count += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** A session as the server sends it. @param {string} organization @param {object} [user] */
export function sessionOf(organization, user) {
  return {
    session: { id: 's1', activeOrganizationId: organization },
    user: { id: 'u1', name: 'Alice', image: null, ...user },
    organization: { id: organization, name: organization.toUpperCase() },
    role: 'member',
    scope: `u1 ${organization} member`,
  };
}
