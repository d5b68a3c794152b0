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
 * @param {{onFirst?: () => void, onLast?: () => void}} [audience]  called as the first one comes, and the last one goes
 * @returns {WritableStore<T>}
 */
export function createStore(value, { onFirst, onLast } = {}) {
  /** @type {Set<{listener: (value: T) => void}>} */
  const listeners = new Set();

  return {
    initial: value,

    get: () => value,

    subscribe(listener) {
      const entry = { listener };
      if (listeners.size === 0) onFirst?.();
      listeners.add(entry);
      call(listener, value);
      return () => {
        if (listeners.delete(entry) && listeners.size === 0) onLast?.();
      };
    },

    replace(next) {
      if (value === next) return () => {};
      value = next;
      return () => {
        // A listener may itself have led to a newer value, which then has been notified.
        for (const entry of [...listeners]) {
          if (value === next && listeners.has(entry)) call(entry.listener, next);
        }
      };
    },
  };
}

/**
 * A listener's exception is the listener's: it is reported, and the others are called all the same.
 *
 * @template T
 * @param {(value: T) => void} listener
 * @param {T} value
 */
function call(listener, value) {
  try {
    listener(value);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
