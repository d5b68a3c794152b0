// @ts-check
/** Runs the recorded conversations (tests/conversations/README.md) against the protocol. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isRecord } from '../src/frame.js';
import { Wire } from './wire.js';

const DIRECTORY = new URL('../../tests/conversations/', import.meta.url);

for (const name of readdirSync(DIRECTORY).filter((each) => each.endsWith('.json'))) {
  const { title, steps } = JSON.parse(readFileSync(new URL(name, DIRECTORY), 'utf8'));
  test(`${name}: ${title}`, () => {
    const wire = new Wire();
    steps.forEach((/** @type {Record<string, any>} */ step, /** @type {number} */ index) => {
      take(wire, step, `step ${index + 1} of ${name}: ${JSON.stringify(step).slice(0, 200)}`);
    });
    assert.deepEqual(wire.sent, [], 'frames that nobody expected');
  });
}

/** @param {Wire} wire @param {Record<string, any>} step @param {string} where */
function take(wire, step, where) {
  if ('client' in step) return send(wire, step.client, where);
  if ('advance' in step) return wire.advance(step.advance * 1000);
  if ('close' in step) return close(wire, step.close, where);
  if ('shows' in step) return show(wire, step.shows, where);
  if (!('server' in step)) return; // client_raw, change, stream: the server's part
  if (step.server.op === 'hello') wire.connect();
  wire.receive(step.server);
}

/** @param {Wire} wire @param {any} frame @param {string} where */
function send(wire, frame, where) {
  if (wire.sent.length === 0) ask(wire, frame);
  assert.deepEqual(wire.sent.shift(), frame, where);
}

/** @param {Wire} wire @param {any} frame */
function ask(wire, frame) {
  const isBarrier = frame.since !== undefined;
  if (isBarrier) wire.reach(frame.since);
  else if (frame.op === 'subscribe') wire.subscribe(frame.query, frame.args);
  else if (frame.op === 'unsubscribe') wire.unsubscribe(frame.id);
  else wire.perform((protocol, now) => protocol.probe(now));
}

/** @param {Wire} wire @param {number} code @param {string} where */
function close(wire, code, where) {
  wire.perform((protocol) => protocol.closed({ code }));
  assert.equal(wire.need?.type, code === 4401 ? 'rest' : 'connect', where);
}

/** @param {Wire} wire @param {Record<string, any>} expected @param {string} where */
function show(wire, { status, ...byId }, where) {
  if (status !== undefined) assert.equal(wire.state(1).status, status, where);
  for (const [id, state] of Object.entries(byId)) matches(wire.state(Number(id)), state, where);
}

/** @param {unknown} actual @param {unknown} expected @param {string} where */
function matches(actual, expected, where) {
  if (isRecord(expected)) {
    assert.ok(isRecord(actual), where);
    for (const [name, value] of Object.entries(expected)) matches(actual[name], value, where);
  } else if (Array.isArray(expected)) {
    assert.ok(Array.isArray(actual), where);
    assert.equal(actual.length, expected.length, where);
    expected.forEach((item, index) => matches(actual[index], item, where));
  } else {
    assert.deepEqual(actual, expected, where);
  }
}
