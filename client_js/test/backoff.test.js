// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBackoff } from '../src/backoff.js';

test('doubles up to ten seconds', () => {
  const backoff = createBackoff();
  const delays = Array.from({ length: 8 }, () => backoff(0, 1));
  assert.deepEqual(delays, [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
});

test('has full jitter', () => {
  assert.equal(createBackoff()(0, 0), 0);
  assert.equal(createBackoff()(0, 0.5), 125);
});

test('starts over after a connection that held, and goes on after one that did not', () => {
  const backoff = createBackoff();
  backoff(0, 1);
  assert.equal(backoff(4_999, 1), 500);
  assert.equal(backoff(5_000, 1), 250);
});
