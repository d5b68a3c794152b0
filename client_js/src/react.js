'use client';
// @ts-check
/** React over the client's stores. It keeps no state of its own, and a mount never fetches. */
import { createContext, createElement, useContext, useRef, useSyncExternalStore } from 'react';

/** @typedef {import('./index.js').SessionClient} SessionClient */

const Context = createContext(/** @type {SessionClient | null} */ (null));

/** @type {typeof import('./react.js').SessionProvider} */
export function SessionProvider({ client, children }) {
  return createElement(Context.Provider, { value: client }, children);
}

/** @returns {SessionClient} */
export function useSessionClient() {
  const client = useContext(Context);
  if (client === null) throw new Error('There is no <SessionProvider client={…}> above this component.');
  return client;
}

/** @param {(state: any) => any} [select] */
export function useSession(select) {
  return useStore(useSessionClient().session, select);
}

/** @param {any} reference @param {any} [args] @param {(state: any) => any} [select] */
export function useQuery(reference, args, select) {
  return useStore(useSessionClient().query(reference, args), select);
}

export function useOrganizations() {
  return useQuery('organizations');
}

export function useActiveOrganization() {
  return useQuery('organization');
}

/** @returns {import('./index.js').Switching} */
export function useSwitching() {
  return useStore(useSessionClient().organization.switching);
}

/**
 * What was selected is remembered, and an equal selection is the same one: React renders for nothing else. It is
 * written while rendering, which is safe: whoever reads it only ever gets what equals his own selection.
 *
 * @param {import('./index.js').Store<any>} store
 * @param {(state: any) => any} [select]
 */
function useStore({ subscribe, get, initial }, select = (state) => state) {
  /** @type {import('react').RefObject<[state?: any, select?: any, value?: any]>} */
  const memo = useRef([]);
  const read = (/** @type {any} */ state) => {
    const [from, by, value] = memo.current;
    if (from === state && by === select) return value;
    const next = select(state);
    const kept = isEqual(value, next) ? value : next;
    memo.current = [state, select, kept];
    return kept;
  };
  return useSyncExternalStore(subscribe, () => read(get()), () => read(initial));
}

/** @param {any} one @param {any} other @returns {boolean} */
function isEqual(one, other) {
  if (Object.is(one, other)) return true;
  const kind = one?.constructor;
  if ((kind !== Object && kind !== Array) || other?.constructor !== kind) return false;
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && isEqual(one[name], other[name]))
  );
}
