// @ts-check
/**
 * Where a switch of the organization stands. It is not the organization that is shown: that is the session's, and
 * changes when the new one's data are there.
 *
 * @typedef {import('./index.js').Switching} Switching
 * @typedef {import('./index.js').WireError} WireError
 */

/**
 * @param {import('./live.js').Live} live
 * @param {() => boolean} isActing  whether a call of this tab is under way, which may move it
 */
export function createSwitching(live, isActing) {
  const { session, protocol, observers, switching } = live;
  /** @param {Switching} state */
  const set = (state) => switching.replace(state)();
  /** Why a pin was given up, as far as it has been told. @type {WireError | null} */
  let told = null;
  /** Whose session was shown last, and in which organization. */
  let whose = '';
  /** @type {string | null} */
  let where = null;

  /** Ends a switch, unless another one has begun. @param {Switching} begun @param {WireError | null} error */
  const finish = (begun, error) => {
    const { to = null } = 'to' in begun ? begun : {};
    if (switching.get() === begun) set(error ? { status: 'failed', to, error } : { status: 'switched', to });
  };

  const observe = () => {
    const { pinning } = live;
    const { refusal, session: own } = protocol.view();
    const isGivenUp = refusal !== null && refusal !== told;
    if (!isGivenUp && (session.get().status !== 'live' || own?.answer !== own?.staged)) return; // not all is there
    told = refusal;
    live.pinning = null;
    const isOwn = switching.get().status === 'switching' || isActing();
    if (pinning) finish(pinning, isGivenUp ? refusal : null);
    else if (isGivenUp) set({ status: 'idle', reason: 'membership_lost' });
    const { data } = session.get();
    const [id, to, from] = [data?.session.id, data?.organization?.id ?? null, where];
    const isMoved = id === whose && to !== from && !isOwn;
    [whose, where] = [isGivenUp ? '' : id, to];
    if (isMoved) set({ status: 'moved', from, to });
  };
  observers.add(observe);
  observe();

  /**
   * @param {string | null} to
   * @returns {(error: WireError | null) => void} ends the switch, unless another one has begun
   */
  return (to) => {
    /** @type {Switching} */
    const begun = { status: 'switching', to };
    set(begun);
    return (error) => finish(begun, error);
  };
}
