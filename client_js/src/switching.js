// @ts-check
/**
 * Where a switch of the organization stands. It is not the organization that is shown: that is the session's, and
 * changes when the new one's data are there.
 *
 * @typedef {import('./index.js').Switching} Switching
 * @typedef {import('./index.js').WireError} WireError
 */
import { createStore } from './store.js';

/** @param {import('./live.js').Live} live */
export function createSwitching({ session, protocol, flush, observers }) {
  const store = createStore(/** @type {Switching} */ ({ status: 'idle' }));
  /** @param {Switching} state */
  const set = (state) => store.replace(state)();
  /** Ends the switch to a pin. @type {((error: WireError | null) => void) | null} */
  let finishPin = null;

  /**
   * @param {string | null} to
   * @returns {(error: WireError | null) => void} ends the switch, unless another one has begun
   */
  const begin = (to) => {
    /** @type {Switching} */
    const mine = { status: 'switching', to };
    set(mine);
    return (error) => {
      if (store.get() === mine) set(error ? { status: 'failed', to, error } : { status: 'switched', to });
    };
  };

  observers.add((unpinned) => {
    if (!unpinned && session.get().status !== 'live') return;
    if (finishPin) finishPin(unpinned);
    else if (unpinned) set({ status: 'idle', reason: 'membership_lost' });
    finishPin = null;
  });

  return {
    store,
    begin,

    /** @param {string | null} to */
    pin(to) {
      protocol.pin(to);
      finishPin = begin(to);
      flush();
    },
  };
}
