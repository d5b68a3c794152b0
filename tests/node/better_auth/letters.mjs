/** The mails that the server sent, which the test in Python writes to a file, one JSON a line. */

import { readFileSync } from 'node:fs';

import { until } from './check.mjs';

const taken = new Set();

function all() {
  return readFileSync(process.env.LETTERS, 'utf8').split('\n').slice(0, -1).map(JSON.parse);
}

/** The next letter of this kind to this address that was not taken before. */
export async function letter(kind, to) {
  return until(() => {
    for (const [index, each] of all().entries()) {
      if (each.kind !== kind || each.to !== to || taken.has(index)) continue;
      taken.add(index);
      return each;
    }
    return null;
  }, `a letter ${kind} to ${to}`);
}

/** How many letters this address was sent. */
export function lettersTo(to) {
  return all().filter((each) => each.to === to).length;
}
