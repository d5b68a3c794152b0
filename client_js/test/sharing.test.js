// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { share } from '../src/sharing.js';

test('an equal value keeps its identity', () => {
  const before = { a: [1, { b: null }], c: 'x' };
  assert.equal(share(before, structuredClone(before)), before);
});

test('equal parts of a different value keep theirs', () => {
  const before = { same: { x: 1 }, list: [{ id: 1 }, { id: 2 }] };
  const after = share(before, { same: { x: 1 }, list: [{ id: 1 }, { id: 3 }] });
  assert.deepEqual(after, { same: { x: 1 }, list: [{ id: 1 }, { id: 3 }] });
  assert.equal(after.same, before.same);
  assert.equal(after.list[0], before.list[0]);
});

for (const [before, after] of /** @type {[unknown, unknown][]} */ ([
  [[1, 2], [1]],
  [[1], [1, 2]],
  [{ a: 1 }, { a: 1, b: 2 }],
  [{ a: 1, b: 2 }, { a: 1 }],
  [{ a: undefined }, { b: undefined }],
  [{}, []],
  [[], {}],
  [null, {}],
  [{ a: 1 }, null],
  [1, '1'],
])) {
  test(`${JSON.stringify(before)} is not ${JSON.stringify(after)}`, () => {
    assert.deepEqual(share(before, after), after);
  });
}

test('a field named __proto__ stays data', () => {
  const after = share({}, JSON.parse('{"__proto__": {"admin": true}}'));
  assert.equal(/** @type {any} */ (after).admin, undefined);
  assert.deepEqual(Object.keys(after), ['__proto__']);
});
