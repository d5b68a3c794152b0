/** Who is signed in, and in which organization: live. See docs/protocol.md and docs/session.md. */

/** 16 lower-case hex digits that sort as text: a moment of the database. */
export type Version = string;

/**
 * - `connecting`: no answer has come yet, or the connection is being made anew after a sign-in
 * - `live`: what is shown is the present state
 * - `stale`: the connection is lost, or the server has lost the database; what is shown stands, but may be old
 * - `closed`: nothing more will come, because the session ended (see `reason`), the query was refused, or by `close`
 */
export type Status = 'connecting' | 'live' | 'stale' | 'closed';

/** Why the session ended. Other reasons may be added. */
export type Reason =
  | 'signed_out'
  | 'revoked'
  | 'expired'
  | 'password_changed'
  | 'banned'
  | 'deleted'
  | 'protocol_error'
  | (string & {});

/** `status` is that of the HTTP answer; 0 when there was none. `code` is stable, `message` is for people. */
export interface WireError {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** What a query shows. A state is replaced, never mutated, and parts of `data` that are equal keep their identity. */
export interface State<T> {
  readonly data: T | null;
  /** True until the first definitive answer, and never again. A lost connection is not an answer. */
  readonly isPending: boolean;
  readonly error: WireError | null;
  readonly status: Status;
  /** `data` may be old. */
  readonly stale: boolean;
  /** Of which moment `data` is; null before the first answer. */
  readonly version: Version | null;
  /** Why this session ended; null while one is shown, and when it is not known. */
  readonly reason: Reason | null;
}

export interface Store<T> {
  get(): T;
  /** Calls `listener` at once and at each change; returns its undo. Equal data never notifies. */
  subscribe(listener: (value: T) => void): () => void;
}

export type LiveStore<T> = Store<State<T>>;

export interface User {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly emailVerified: boolean;
  readonly image: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly activeOrganizationId: string | null;
  readonly onboarded: boolean;
}

export interface Session {
  readonly id: string;
  readonly userId: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly expiresAt: string;
  readonly refreshAt: string;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly activeOrganizationId: string | null;
}

export interface Organization {
  readonly id: string;
  readonly name: string;
  readonly slug: string;
  readonly logo: string | null;
  readonly createdAt: string;
}

export interface SessionData {
  readonly session: Session;
  readonly user: User;
  readonly organization: Organization | null;
  readonly role: string | null;
  /** Changes exactly when the user, the organization or the role does: key your own caches with it. */
  readonly scope: string;
}

export interface Membership extends Organization {
  readonly role: string;
  readonly active: boolean;
}

export interface Member {
  readonly id: string;
  readonly userId: string;
  readonly role: string;
  readonly createdAt: string;
  readonly user: Pick<User, 'id' | 'name' | 'email' | 'image'>;
}

export interface Invitation {
  readonly id: string;
  readonly email: string;
  readonly role: string;
  readonly status: string;
  readonly expiresAt: string;
  readonly inviterId: string;
}

export interface FullOrganization extends Organization {
  readonly role: string;
  readonly members: readonly Member[];
  readonly invitations: readonly Invitation[];
}

export interface Device {
  readonly id: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly expiresAt: string;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly current: boolean;
}

/**
 * The queries by name. Add your own:
 * `declare module 'sessionwire' { interface Queries { 'projects.list': Project[] } }`
 */
export interface Queries {
  session: SessionData;
  user: User;
  organizations: readonly Membership[];
  organization: FullOrganization;
  devices: readonly Device[];
}

export type Args = Readonly<Record<string, unknown>>;

/** A typed name of a query. */
export interface QueryReference<T> {
  readonly query: string;
  /** Carries the type; never there. */
  readonly data?: T;
}

/** What an HTTP call brought. Exactly one of `data` (which may be a JSON null) and `error` counts. */
export type Outcome<T> =
  | { readonly data: T; readonly error: null; readonly version: Version | null }
  | { readonly data: null; readonly error: WireError; readonly version: null };

/** Which organization; the active one when none is stated. */
export interface OrganizationQuery {
  organizationId?: string;
  organizationSlug?: string;
}

export interface OrganizationCalls {
  create(body: { name: string; slug: string; logo?: string; metadata?: object }): Promise<Outcome<Organization>>;
  list(): Promise<Outcome<Organization[]>>;
  setActive(
    body: { organizationId: string | null } | { organizationSlug: string },
  ): Promise<Outcome<Organization | null>>;
  getFullOrganization(query?: OrganizationQuery & { membersLimit?: number }): Promise<Outcome<FullOrganization | null>>;
  listMembers(
    query?: OrganizationQuery & { limit?: number; offset?: number },
  ): Promise<Outcome<{ members: Member[]; total: number }>>;
  updateMemberRole(body: { memberId: string; role: string; organizationId?: string }): Promise<Outcome<unknown>>;
  removeMember(body: { memberIdOrEmail: string; organizationId?: string }): Promise<Outcome<unknown>>;
  leave(body: { organizationId: string }): Promise<Outcome<unknown>>;
}

export interface Credentials {
  email: string;
  password: string;
}

/**
 * Writes resolve, and never reject, once the stores show what was written (waiting at most 5 seconds, and not at all
 * when the connection is not live).
 */
export interface SessionClient {
  /** The session, always subscribed. */
  readonly session: LiveStore<SessionData>;
  /** The store of a query; subscribed on the wire while somebody listens. Equal (query, args) give the same store. */
  query<K extends keyof Queries>(query: K, args?: Args): LiveStore<Queries[K]>;
  query<T>(query: QueryReference<T>, args?: Args): LiveStore<T>;
  query<T = unknown>(query: string, args?: Args): LiveStore<T>;
  /** Typed references for `query`. */
  readonly api: { readonly auth: { readonly getCurrentUser: QueryReference<User> } };

  readonly signIn: { email(body: Credentials & { rememberMe?: boolean }): Promise<Outcome<{ user: User }>> };
  readonly signUp: { email(body: Credentials & { name: string; image?: string }): Promise<Outcome<{ user: User }>> };
  signOut(): Promise<Outcome<{ success: boolean }>>;
  updateUser(body: { name?: string; image?: string | null }): Promise<Outcome<{ status: boolean }>>;
  changePassword(body: {
    currentPassword: string;
    newPassword: string;
    revokeOtherSessions?: boolean;
  }): Promise<Outcome<{ user: User }>>;
  /** `token`: the id of one of `devices`. */
  revokeSession(body: { token: string }): Promise<Outcome<{ status: boolean }>>;
  revokeOtherSessions(): Promise<Outcome<{ status: boolean }>>;
  readonly organization: OrganizationCalls;

  /** Resolves once everything shown is of `version` or later; rejects after 10 seconds, or when the session ends. */
  until(version: Version): Promise<void>;
  /** Ends the connection. What the stores show stays, as `closed`. */
  close(): void;
}

export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocket;

export interface ClientOptions {
  /** The server's origin, also with a path prefix. Default: the page's origin. */
  baseURL?: string;
  /** The path of the live wire. Default: `/live`. */
  path?: string;
  /** How long a query stays subscribed after its last listener, in milliseconds. Default: 1000. */
  linger?: number;
  fetch?: typeof fetch;
  WebSocket?: WebSocketConstructor;
  /** Time, timers and randomness, for tests. */
  environment?: Environment;
}

export interface Environment {
  now(): number;
  random(): number;
  setTimer(run: () => void, delay: number): unknown;
  clearTimer(timer: unknown): void;
  onWake(wake: () => void): () => void;
}

/** Makes a client, and connects it. Where there is no WebSocket (server-side rendering) it stays pending. */
export function createSessionClient(options?: ClientOptions): SessionClient;
