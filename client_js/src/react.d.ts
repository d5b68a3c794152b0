/** React 18 and later, over the client's stores. */
import type { ReactElement, ReactNode } from 'react';
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

/** Gives all components below it the client. Make the client once, outside of components. */
export function SessionProvider(props: { client: SessionClient; children?: ReactNode }): ReactElement;

/** The client of the provider above. */
export function useSessionClient(): SessionClient;

/**
 * Who is signed in, and in which organization. With `select` only a part of it: the component renders again only when
 * that part is another one, compared by value. While the server renders, and until the page is hydrated, it is
 * pending, or what the client was given as `initial`.
 */
export function useSession(): State<SessionData>;
export function useSession<S>(select: (state: State<SessionData>) => S): S;

/**
 * What a query shows; subscribed on the wire once, however many components use it. Args are compared by value, and may
 * be made anew at each render.
 */
export function useQuery<K extends keyof Queries>(query: K, args?: Args): State<Queries[K]>;
export function useQuery<K extends keyof Queries, S>(
  query: K,
  args: Args | undefined,
  select: (state: State<Queries[K]>) => S,
): S;
export function useQuery<T>(query: QueryReference<T>, args?: Args): State<T>;
export function useQuery<T, S>(query: QueryReference<T>, args: Args | undefined, select: (state: State<T>) => S): S;
export function useQuery<T = unknown>(query: string, args?: Args): State<T>;

/** The organizations of the user, and the user's role in each. */
export function useOrganizations(): State<readonly Membership[]>;

/** The active organization with its members. */
export function useActiveOrganization(): State<FullOrganization>;

/** Where a switch of the organization stands. */
export function useSwitching(): Switching;
