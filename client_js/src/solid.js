// @ts-check
/** Solid over the client's stores: signals that follow them for as long as their owner lives. */
import {
  createComponent,
  createContext,
  createRenderEffect,
  createSignal,
  onCleanup,
  onMount,
  sharedConfig,
  untrack,
  useContext,
} from 'solid-js';
import { isServer } from 'solid-js/web';

/** @typedef {import('./index.js').SessionClient} SessionClient */

const Context = createContext(/** @type {SessionClient | null} */ (null));

/** @type {typeof import('./solid.js').SessionProvider} */
export function SessionProvider(props) {
  return createComponent(Context.Provider, {
    get value() {
      return props.client;
    },
    get children() {
      return props.children;
    },
  });
}

/** @returns {SessionClient} */
export function useSessionClient() {
  const client = useContext(Context);
  if (client === null) throw new Error('There is no <SessionProvider client={…}> above this component.');
  return client;
}

export function useSession() {
  const { session } = useSessionClient();
  return follow(() => session);
}

/** @param {any} reference @param {any} [args]  also an accessor */
export function useQuery(reference, args) {
  const client = useSessionClient();
  return follow(() => client.query(reference, typeof args === 'function' ? args() : args));
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
 * A server never listens: nothing would end it. A page that is being hydrated first shows what the server did.
 *
 * @param {() => import('./index.js').Store<any>} getStore
 * @returns {any}
 */
function follow(getStore) {
  const [state, setState] = createSignal(untrack(getStore).initial);
  const listen = () => {
    createRenderEffect(() => {
      const { subscribe } = getStore();
      onCleanup(untrack(() => subscribe((value) => setState(() => value))));
    });
  };
  if (sharedConfig.context) onMount(listen);
  else if (!isServer) listen();
  return state;
}
