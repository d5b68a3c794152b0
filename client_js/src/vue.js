// @ts-check
/** Vue over the client's stores: refs that follow them for as long as their scope lives. */
import { getCurrentInstance, inject, onMounted, shallowRef, toValue, watch } from 'vue';

/** @typedef {import('./index.js').SessionClient} SessionClient */

/** @type {import('vue').InjectionKey<SessionClient>} */
const KEY = Symbol('sessionwire');

/** @type {typeof import('./vue.js').createSession} */
export function createSession(client) {
  return { install: (app) => void app.provide(KEY, client) };
}

/** @returns {SessionClient} */
export function useSessionClient() {
  const client = inject(KEY, null);
  if (client === null) throw new Error('The app does not use(createSession(client)).');
  return client;
}

export function useSession() {
  const { session } = useSessionClient();
  return follow(() => session);
}

/** @param {any} reference @param {any} [args]  also a ref or a getter */
export function useQuery(reference, args) {
  const client = useSessionClient();
  return follow(() => client.query(reference, toValue(args)));
}

export function useOrganizations() {
  return useQuery('organizations');
}

export function useActiveOrganization() {
  return useQuery('organization');
}

export function useSwitching() {
  const { switching } = useSessionClient().organization;
  return follow(() => switching);
}

/**
 * A server never listens: nothing would end its scope. A page that is being hydrated first shows what the server did.
 *
 * @param {() => import('./index.js').Store<any>} getStore
 * @returns {any}
 */
function follow(getStore) {
  const state = shallowRef(getStore().initial);
  const listen = () => {
    watch(
      getStore,
      (store, _, onCleanup) => {
        onCleanup(store.subscribe((value) => (state.value = value)));
      },
      { immediate: true },
    );
  };
  const isHydrating = Boolean(getCurrentInstance()?.vnode.el);
  if (isHydrating) onMounted(listen);
  else if (typeof document !== 'undefined') listen();
  return state;
}
