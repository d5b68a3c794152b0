/** Vue 3.3 and later, over the client's stores. */
import type { MaybeRefOrGetter, Plugin, ShallowRef } from 'vue';
import type {
  Args,
  FullOrganization,
  Membership,
  Queries,
  QueryReference,
  SessionClient,
  SessionData,
  State,
  Switching,
} from './index.js';

/** A ref that follows a query, until the component (or the effect scope) that asked for it is gone. */
export type StateRef<T> = Readonly<ShallowRef<State<T>>>;

/** `app.use(createSession(client))` gives all components of the app the client. */
export function createSession(client: SessionClient): Plugin;

/** The client that the app uses. */
export function useSessionClient(): SessionClient;

/** Who is signed in, and in which organization. */
export function useSession(): StateRef<SessionData>;

/** What a query shows; follows the args when they are a ref or a getter. */
export function useQuery<K extends keyof Queries>(
  query: K,
  args?: MaybeRefOrGetter<Args | undefined>,
): StateRef<Queries[K]>;
export function useQuery<T>(query: QueryReference<T>, args?: MaybeRefOrGetter<Args | undefined>): StateRef<T>;
export function useQuery<T = unknown>(query: string, args?: MaybeRefOrGetter<Args | undefined>): StateRef<T>;

/** The organizations of the user, and the user's role in each. */
export function useOrganizations(): StateRef<readonly Membership[]>;

/** The active organization with its members. */
export function useActiveOrganization(): StateRef<FullOrganization>;

/** Where a switch of the organization stands. */
export function useSwitching(): Readonly<ShallowRef<Switching>>;
