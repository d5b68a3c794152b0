// @ts-check
/** When a silent connection is asked, and when it is dead (docs/protocol.md#heartbeat). Times are in milliseconds. */

const ANSWER_WITHIN = 10_000;
const DEFAULT_INTERVAL = 25_000;

export class Heartbeat {
  #interval = DEFAULT_INTERVAL;
  #heardAt;
  /** @type {number | null} */
  #answerBy;

  /**
   * The heartbeat of a connection that is being opened: its first frame is due.
   *
   * @param {number} now
   */
  constructor(now) {
    this.#heardAt = now;
    this.#answerBy = now + ANSWER_WITHIN;
  }

  /** The interval that `hello` stated, in seconds. @param {unknown} seconds */
  agree(seconds) {
    if (typeof seconds === 'number' && seconds > 0) this.#interval = seconds * 1000;
  }

  /** Something arrived. @param {number} now */
  heard(now) {
    this.#heardAt = now;
    this.#answerBy = null;
  }

  /** Something was sent that must be answered. @param {number} now */
  asked(now) {
    this.#answerBy ??= now + ANSWER_WITHIN;
  }

  /** When `check` may next say anything but "well". */
  get deadline() {
    return this.#answerBy ?? this.#heardAt + this.#interval;
  }

  /**
   * @param {number} now
   * @returns {'well' | 'silent' | 'dead'} `silent`: send a ping, and say so with `asked`
   */
  check(now) {
    if (now < this.deadline) return 'well';
    return this.#answerBy === null ? 'silent' : 'dead';
  }
}
