// @ts-check
/** The budget of the client as a bundle would carry it: without comments, compressed. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

const BUDGET = 8 * 1024;
const SOURCE = new URL('../src/', import.meta.url);
const COMMENT = /\/\*[^]*?\*\/|(?<=^|\s)\/\/.*$/gm;

test(`the client is at most ${BUDGET} bytes`, () => {
  const modules = readdirSync(SOURCE).filter((name) => name.endsWith('.js'));
  const code = modules.map((name) => readFileSync(new URL(name, SOURCE), 'utf8').replace(COMMENT, ''));
  const size = gzipSync(code.join('').replace(/\s+/g, ' ')).length;
  assert.ok(size <= BUDGET, `${size} bytes`);
});

test('only socket.js makes a WebSocket', () => {
  for (const name of readdirSync(SOURCE).filter((each) => each.endsWith('.js') && each !== 'socket.js')) {
    assert.doesNotMatch(readFileSync(new URL(name, SOURCE), 'utf8'), /new \S*WebSocket/, name);
  }
});
