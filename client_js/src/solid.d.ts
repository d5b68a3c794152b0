/** Solid 1.x, over the client's stores. */
import type { Accessor, JSX } from 'solid-js';
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

/** Gives all components below it the client. */
export function SessionProvider(props: { client: SessionClient; children?: JSX.Element }): JSX.Element;

/** The client of the provider above. */
export function useSessionClient(): SessionClient;

/** Who is signed in, and in which organization. */
export function useSession(): Accessor<State<SessionData>>;

/** What a query shows; follows the args when they are an accessor. */
export function useQuery<K extends keyof Queries>(
  query: K,
  args?: Args | Accessor<Args | undefined>,
): Accessor<State<Queries[K]>>;
export function useQuery<T>(
  query: QueryReference<T>,
  args?: Args | Accessor<Args | undefined>,
): Accessor<State<T>>;
export function useQuery<T = unknown>(query: string, args?: Args | Accessor<Args | undefined>): Accessor<State<T>>;

/** The organizations of the user, and the user's role in each. */
export function useOrganizations(): Accessor<State<readonly Membership[]>>;

/** The active organization with its members. */
export function useActiveOrganization(): Accessor<State<FullOrganization>>;

/** Where a switch of the organization stands. */
export function useSwitching(): Accessor<Switching>;
