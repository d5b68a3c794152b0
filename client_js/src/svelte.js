// @ts-check
/** Svelte over the client's stores, which are Svelte stores as they are: `$session` in a component. */
import { getContext, setContext } from 'svelte';

/** @typedef {import('./index.js').SessionClient} SessionClient */

const KEY = Symbol('sessionwire');

/** @param {SessionClient} client */
export function setSessionClient(client) {
  return setContext(KEY, client);
}

/** @returns {SessionClient} */
export function useSessionClient() {
  const client = getContext(KEY);
  if (client === undefined) throw new Error('No component above has called setSessionClient(client).');
  return /** @type {SessionClient} */ (client);
}

export function useSession() {
  return useSessionClient().session;
}

/** @param {any} reference @param {any} [args] @returns {any} */
export function useQuery(reference, args) {
  return useSessionClient().query(reference, args);
}

export function useOrganizations() {
  return useQuery('organizations');
}

export function useActiveOrganization() {
  return useQuery('organization');
}

export function useSwitching() {
  return useSessionClient().organization.switching;
}
