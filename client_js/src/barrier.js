// @ts-check
/**
 * How a client is told that everything shown is of a version that it has seen outside the wire: it asks for the session
 * once more, as of that version, until that is answered. Pure.
 *
 * @typedef {import('./protocol.js').Protocol} Protocol
 * @typedef {import('./subscription.js').Subscription} Subscription
 */
import { isVersion } from './frame.js';
import { CURRENT, UNASKED } from './standing.js';

/** @param {Protocol} protocol */
export function createBarriers(protocol) {
  const barriers = /** @type {Map<Subscription, string>} */ (new Map());

  return {
    /** The version of which everything on show is, or '' while that cannot be said (P2). */
    shown() {
      const { session, position } = protocol.view();
      return session?.standing === CURRENT && session.answer === session.staged ? position : '';
    },

    /** Asks, unless it is shown or asked already. @param {string} version */
    reach(version) {
      const { session } = protocol.view();
      const covering = [this.shown(), ...barriers.values()];
      if (!session || !isVersion(version) || covering.some((other) => other >= version)) return;
      const { query, args, answer } = session;
      // It is pending, so that nothing waits to be shown together with it.
      barriers.set(protocol.subscribe(query, args, { ...answer, version, isPending: true }), version);
    },

    /** Ends those that have done their work; to be called after each step of the protocol. @returns whether there were any */
    step() {
      // Those of a lost connection, too: the next one is asked for the newest version anyway.
      const done = [...barriers.keys()].filter(({ standing, staged }) => standing === UNASKED || !staged.isPending);
      for (const barrier of done) {
        barriers.delete(barrier);
        protocol.unsubscribe(barrier);
      }
      return done.length > 0;
    },
  };
}
