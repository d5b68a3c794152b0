/** Assertions that are counted: the tests in Python ask how many held. */

import assert from 'node:assert/strict';

let held = 0;

process.on('exit', () => console.log(`checks that held: ${held}`));

function counted(assertion) {
  return (...given) => {
    assertion(...given);
    held += 1;
  };
}

export const check = {
  equal: counted((actual, expected, what) => assert.deepEqual(actual, expected, what)),

  /** It has these fields, with these values, and maybe more. */
  has: counted((actual, expected) => {
    const shown = Object.fromEntries(Object.keys(expected).map((name) => [name, actual?.[name]]));
    assert.deepEqual(shown, expected);
  }),

  ok: counted((value, what) => assert.ok(value, what)),

  matches: counted((text, pattern) => assert.match(text, pattern)),

  date: counted((value) => {
    assert.ok(value instanceof Date, `a Date was expected, not ${JSON.stringify(value)}`);
    assert.ok(Math.abs(value - Date.now()) < 8 * 86_400_000, `${value} is not of these days`);
  }),

  /** The client's answer is data without an error; gives the data. */
  done(answer) {
    assert.equal(answer.error, null, JSON.stringify(answer.error));
    held += 1;
    return answer.data;
  },

  /** The client's answer is this error without data. */
  refused: counted((answer, status, code) => {
    assert.equal(answer.data, null, JSON.stringify(answer.data));
    assert.deepEqual([answer.error.status, answer.error.code], [status, code]);
    assert.equal(typeof answer.error.statusText, 'string');
    if (code !== undefined) assert.ok(answer.error.message, 'an error has a message');
  }),
};

/** Waits until it is so. */
export async function until(condition, what = String(condition), within = 15_000) {
  const end = Date.now() + within;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`it never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
