// @ts-check
/** The size of modules as a bundle would carry them: without comments, compressed. */
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const SOURCE = new URL('../src/', import.meta.url);
const COMMENT = /\/\*[^]*?\*\/|(?<=^|\s)\/\/.*$/gm;

/** @param {string[]} modules */
export function compressed(...modules) {
  const code = modules.map((name) => readFileSync(new URL(name, SOURCE), 'utf8').replace(COMMENT, ''));
  return gzipSync(code.join('').replace(/\s+/g, ' ')).length;
}
