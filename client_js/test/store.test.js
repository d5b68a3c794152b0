// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createStore } from '../src/store.js';

test('a listener is called at once and at each change, until it takes itself back', () => {
  const store = createStore(1);
  /** @type {number[]} */
  const heard = [];
  const undo = store.subscribe((value) => heard.push(value));
  store.replace(2)();
  undo();
  undo();
  store.replace(3)();
  assert.deepEqual(heard, [1, 2]);
  assert.equal(store.get(), 3);
});

test('the same value notifies nobody', () => {
  const value = {};
  const store = createStore(value);
  let calls = 0;
  store.subscribe(() => (calls += 1));
  store.replace(value)();
  assert.equal(calls, 1);
});

test('one listener may be subscribed twice', () => {
  const store = createStore(1);
  let calls = 0;
  const listener = () => (calls += 1);
  const undo = store.subscribe(listener);
  store.subscribe(listener);
  undo();
  store.replace(2)();
  assert.equal(calls, 3);
});

test('a listener that leaves while others are notified is not called any more', () => {
  const store = createStore(1);
  /** @type {number[]} */
  const heard = [];
  /** @type {() => void} */
  let undo = () => {};
  store.subscribe((value) => value === 2 && undo());
  undo = store.subscribe((value) => heard.push(value));
  store.replace(2)();
  assert.deepEqual(heard, [1]);
});

test('a newer value that a listener caused is the only one that the others hear of', () => {
  const store = createStore(1);
  /** @type {number[]} */
  const heard = [];
  store.subscribe((value) => {
    if (value === 2) store.replace(3)();
  });
  store.subscribe((value) => heard.push(value));
  store.replace(2)();
  assert.deepEqual(heard, [1, 3]);
});

test('stores that are replaced together are never seen apart', () => {
  const one = createStore(1);
  const other = createStore(1);
  /** @type {number[][]} */
  const seen = [];
  one.subscribe((value) => seen.push([value, other.get()]));
  for (const notify of [one.replace(2), other.replace(2)]) notify();
  assert.deepEqual(seen, [[1, 1], [2, 2]]);
});

test('the first listener and the last one are announced', () => {
  /** @type {string[]} */
  const heard = [];
  const store = createStore(1, () => {
    heard.push('first');
    return () => heard.push('last');
  });
  const undo = [store.subscribe(() => {}), store.subscribe(() => {})];
  undo.forEach((each) => each());
  assert.deepEqual(heard, ['first', 'last']);
});

test("a listener's exception is reported later, and keeps nobody else from hearing", (context) => {
  /** @type {(() => void)[]} */
  const later = [];
  context.mock.method(globalThis, 'queueMicrotask', (/** @type {() => void} */ run) => later.push(run));
  const store = createStore(1);
  store.subscribe((value) => {
    if (value === 2) throw new Error('mine');
  });
  let heard = 0;
  store.subscribe((value) => (heard = value));
  store.replace(2)();
  assert.equal(heard, 2);
  assert.throws(() => later[0]?.(), /mine/);
});
