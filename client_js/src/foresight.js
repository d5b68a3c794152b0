// @ts-check
/** What a write will change is shown before the server has said so: a layer over what the connection tells. */

/**
 * @param {import('./live.js').Live} live
 * @returns {(fields: object) => () => void} shows these fields in the user, until the undo is called
 */
export function createForesight(live) {
  const { session, flush } = live;
  /** In the order of the writes. @type {Set<{id: string | undefined, fields: object}>} */
  const patches = new Set();

  live.foresee = (query, { data }) => {
    for (const { id, fields } of patches) {
      if (!data) break;
      if (query === 'user' && data.id === id) data = { ...data, ...fields };
      if (query === 'session' && data.user.id === id) data = { ...data, user: { ...data.user, ...fields } };
    }
    return { data };
  };

  return (fields) => {
    const patch = { id: session.get().data?.user.id, fields };
    patches.add(patch);
    flush();
    return () => {
      patches.delete(patch);
      flush();
    };
  };
}
