// @ts-check
/** Which traces and connections are wanted; pure. */

/**
 * @typedef {import('./facts.js').Known} Known
 * @typedef {import('./facts.js').Seen} Seen
 * @typedef {import('./facts.js').Filters} Filters
 */

/** @type {Filters} */
export const EVERYTHING = { search: '', user: '', collection: '', organization: '', operation: '' };

/** Whether one change is as wanted, or somebody concerned is who is wanted. @param {Filters} filters @returns {(known: Known) => boolean} */
export function traces({ search, user, collection, organization, operation }) {
  const text = search.trim().toLowerCase();
  return ({ trace, connections, users }) => {
    if (text !== '' && !isFound(text, trace, connections, users)) return false;
    if (collection === '' && operation === '' && organization === '' && user === '') return true;
    if (trace.stop === 'resync') return true;
    const isTheirs = user === '' || [...users].some((each) => has(each, user));
    return isTheirs && trace.changes.some((change) => {
      return (collection === '' || change.collection === collection)
        && (operation === '' || change.operation === operation)
        && (organization === '' || has(change.organization, organization));
    });
  };
}

/** By user, and by what is searched. @param {Filters} filters @returns {(seen: Seen) => boolean} */
export function connections({ search, user }) {
  const text = search.trim().toLowerCase();
  return ({ connection }) => {
    if (user !== '' && !has(connection.user, user)) return false;
    if (text === '') return true;
    const { id, session, address, version, subscriptions } = connection;
    return [id, connection.user, session, address, version].some((each) => has(each, text))
      || subscriptions.some(({ query, args }) => has(query, text) || has(JSON.stringify(args), text));
  };
}

/** @param {string} text @param {import('./facts.js').Trace} trace @param {Set<string>} connections @param {Set<string | null>} users */
function isFound(text, trace, connections, users) {
  return trace.version.includes(text)
    || trace.changes.some(({ id, organization, collection }) => has(id, text) || has(organization, text) || has(collection, text))
    || [...connections, ...users].some((each) => has(each, text));
}

/** @param {string | null} value @param {string} part */
function has(value, part) {
  return value !== null && value.toLowerCase().includes(part.trim().toLowerCase());
}
