// @ts-check
/** A store: one value, replaced and never mutated, and those who want to hear of it. */

/**
 * @template T
 * @typedef {object} WritableStore
 * @property {T} initial  the first value: what a page rendered by the server shows until it is hydrated
 * @property {() => T} get
 * @property {(listener: (value: T) => void) => () => void} subscribe  calls at once and at each change; gives its undo
 * @property {(value: T) => () => void} replace                        gives what notifies the listeners
 */

/**
 * @template T
 * @param {T} value
 * @param {() => () => void} [attend]  called as the first listener comes; gives what is called as the last one goes
 * @returns {WritableStore<T>}
 */
export function createStore(value, attend) {
  /** What calls each listener. @type {Set<() => void>} */
  const calls = new Set();
  /** @type {(() => void) | undefined} */
  let leave;

  return {
    initial: value,

    get: () => value,

    subscribe(listener) {
      // A listener's exception is the listener's: it is reported, and the others are called all the same.
      const call = () => {
        try {
          listener(value);
        } catch (error) {
          queueMicrotask(() => {
            throw error;
          });
        }
      };
      if (!calls.size) leave = attend?.();
      calls.add(call);
      call();
      return () => {
        if (calls.delete(call) && !calls.size) leave?.();
      };
    },

    replace(next) {
      const isNews = value !== next;
      value = next;
      return () => {
        // A listener may itself have led to a newer value, which then has been notified.
        for (const call of isNews ? [...calls] : []) if (value === next && calls.has(call)) call();
      };
    },
  };
}
