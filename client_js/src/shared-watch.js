// @ts-check
/**
 * Whether the leader is still there. It is asked, rather than waited for: the timers of a hidden page may be a minute
 * late, its answers are not.
 */

/** After this silence it is asked; up to twice as long, lest all ask. Milliseconds. */
const QUIET = 3_000;
/** A leader that does not answer within this is frozen. */
const ANSWER_WITHIN = 3_000;

/**
 * @param {object} ports
 * @param {() => number} ports.now
 * @param {() => number} ports.random
 * @param {(run: () => void, delay: number) => unknown} ports.setTimer
 * @param {(timer: any) => void} ports.clearTimer
 * @param {() => void} ports.ask
 * @param {() => void} ports.despair  it does not answer
 */
export function createWatch({ now, random, setTimer, clearTimer, ask, despair }) {
  let heardAt = now();
  let isAsking = false;
  /** @type {unknown} */
  let timer = null;

  const wait = () => {
    clearTimer(timer);
    timer = setTimer(() => {
      if (isQuiet()) inquire();
      else wait();
    }, heardAt + QUIET * (1 + random()) - now());
  };

  const isQuiet = () => now() - heardAt >= QUIET;

  const inquire = () => {
    ask();
    clearTimer(timer);
    isAsking = true;
    timer = setTimer(() => {
      if (isAsking) despair();
      wait();
    }, ANSWER_WITHIN);
  };

  return {
    isQuiet,
    inquire,

    /** The leader has said something. */
    hear() {
      heardAt = now();
      isAsking = false;
    },

    stop: () => clearTimer(timer),
  };
}
