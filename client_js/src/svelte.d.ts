/** Svelte 4 and later, over the client's stores. */
import type {
  Args,
  FullOrganization,
  LiveStore,
  Membership,
  Queries,
  QueryReference,
  SessionClient,
  SessionData,
  Store,
  Switching,
} from './index.js';

/** Gives all components below this one the client. Call it while the component initializes; returns the client. */
export function setSessionClient(client: SessionClient): SessionClient;

/** The client of a component above. */
export function useSessionClient(): SessionClient;

/** Who is signed in, and in which organization: `const session = useSession()`, then `$session.data`. */
export function useSession(): LiveStore<SessionData>;

/** What a query shows. */
export function useQuery<K extends keyof Queries>(query: K, args?: Args): LiveStore<Queries[K]>;
export function useQuery<T>(query: QueryReference<T>, args?: Args): LiveStore<T>;
export function useQuery<T = unknown>(query: string, args?: Args): LiveStore<T>;

/** The organizations of the user, and the user's role in each. */
export function useOrganizations(): LiveStore<readonly Membership[]>;

/** The active organization with its members. */
export function useActiveOrganization(): LiveStore<FullOrganization>;

/** Where a switch of the organization stands. */
export function useSwitching(): Store<Switching>;
