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
  /** The first value, pending or given as `initial`: what a page rendered by the server shows until it is hydrated. */
  readonly initial: T;
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
  /** From when on an HTTP read extends the session, which the client sees to; null when nothing would be gained. */
  readonly refreshAt: string | null;
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

type Call<Body, Data> = (body: Body) => Promise<Outcome<Data>>;
type OptionalCall<Body, Data> = (body?: Body) => Promise<Outcome<Data>>;
type Done = { status: boolean };

/**
 * Where a switch of the organization stands, by `setActive` or by `pin`. `to` is the id (or the slug, where that was
 * stated), or null for none. What is shown is never of two organizations: `session` shows the old one until all data
 * of the new one are there, and then `switched` follows. `membership_lost`: a pin was given up, because the user is no
 * longer a member of that organization; the active one is shown instead. `moved`: another tab, device or program has
 * switched what this tab, which is not pinned, shows: say so before somebody acts in the wrong place.
 */
export type Switching =
  | { readonly status: 'idle'; readonly reason?: 'membership_lost' }
  | { readonly status: 'switching'; readonly to: string | null }
  | { readonly status: 'switched'; readonly to: string | null }
  | { readonly status: 'moved'; readonly from: string | null; readonly to: string | null }
  | { readonly status: 'failed'; readonly to: string | null; readonly error: WireError };

export interface OrganizationCalls {
  readonly switching: Store<Switching>;
  create: Call<
    { name: string; slug: string; logo?: string; metadata?: object; keepCurrentActiveOrganization?: boolean },
    Organization
  >;
  update: Call<
    { data: { name?: string; slug?: string; logo?: string | null; metadata?: object }; organizationId?: string },
    Organization
  >;
  delete: Call<{ organizationId: string }, Organization>;
  checkSlug: Call<{ slug: string }, Done>;
  /** Shown at once in `switching`; in a pinned tab, the pin stays. */
  /** For the user, and in a pinned tab for the tab's pin as well. */
  setActive: Call<{ organizationId: string | null } | { organizationSlug: string }, Organization | null>;
  list(): Promise<Outcome<Organization[]>>;
  getFullOrganization: OptionalCall<OrganizationQuery & { membersLimit?: number }, FullOrganization | null>;
  getOrganization: OptionalCall<OrganizationQuery, Organization | null>;
  listMembers: OptionalCall<
    OrganizationQuery & {
      limit?: number;
      offset?: number;
      sortBy?: string;
      sortDirection?: 'asc' | 'desc';
      filterField?: string;
      filterValue?: string;
      filterOperator?: string;
    },
    { members: Member[]; total: number }
  >;
  getActiveMember(): Promise<Outcome<Member>>;
  getActiveMemberRole: OptionalCall<OrganizationQuery & { userId?: string }, { role: string }>;
  updateMemberRole: Call<{ memberId: string; role: string | string[]; organizationId?: string }, unknown>;
  removeMember: Call<{ memberIdOrEmail: string; organizationId?: string }, unknown>;
  leave: Call<{ organizationId: string }, unknown>;
  hasPermission: Call<
    { permissions: Record<string, string[]>; organizationId?: string },
    { success: boolean; error: null }
  >;
  inviteMember: Call<
    { email: string; role: string | string[]; organizationId?: string; resend?: boolean },
    Invitation
  >;
  acceptInvitation: Call<{ invitationId: string }, { invitation: Invitation; member: unknown }>;
  rejectInvitation: Call<{ invitationId: string }, { invitation: Invitation; member: null }>;
  cancelInvitation: Call<{ invitationId: string }, Invitation>;
  getInvitation: Call<{ id: string }, Invitation & { organizationName: string; organizationSlug: string }>;
  listInvitations: OptionalCall<{ organizationId?: string }, Invitation[]>;
  listUserInvitations(): Promise<Outcome<(Invitation & { organizationName: string })[]>>;
}

export interface Account {
  readonly id: string;
  readonly accountId: string;
  readonly providerId: string;
  readonly userId: string;
  readonly createdAt: string | null;
  readonly updatedAt: string | null;
  readonly scopes: readonly string[];
}

/** A session as the list over HTTP has it: `token` names it to `revokeSession`. */
export interface ListedSession extends Session {
  readonly token: string;
}

export interface Credentials {
  email: string;
  password: string;
}

export interface SocialBody {
  provider: string;
  callbackURL?: string;
  errorCallbackURL?: string;
  newUserCallbackURL?: string;
  disableRedirect?: boolean;
  scopes?: string[];
  loginHint?: string;
  requestSignUp?: boolean;
  idToken?: object;
}

/** Where to send the browser: `location.href = data.url`. */
export interface Redirect {
  readonly url: string;
  readonly redirect: boolean;
}

/**
 * The calls of /api/auth. They resolve, and never reject. Writes resolve once the stores show what was written (waiting
 * at most 5 seconds, and not at all when the connection is not live). The first one loads the code that makes them,
 * unless that has already followed the first session shown.
 */
export interface AuthCalls {
  readonly signIn: {
    email: Call<Credentials & { rememberMe?: boolean; callbackURL?: string }, { user: User; url?: string }>;
    social: Call<SocialBody, Redirect | { user: User; redirect: false }>;
  };
  readonly signUp: {
    email: Call<
      Credentials & { name: string; image?: string; rememberMe?: boolean; callbackURL?: string },
      { user: User }
    >;
  };
  signOut(): Promise<Outcome<{ success: boolean }>>;
  /** Shown at once; taken back if it fails. */
  updateUser: Call<{ name?: string; image?: string | null }, Done>;
  updateSession: Call<Record<string, unknown>, { session: Session }>;
  changeEmail: Call<{ newEmail: string; callbackURL?: string }, Done>;
  changePassword: Call<
    { currentPassword: string; newPassword: string; revokeOtherSessions?: boolean },
    { user: User }
  >;
  verifyPassword: Call<{ password: string }, Done>;
  requestPasswordReset: Call<{ email: string; redirectTo?: string }, Done & { message: string }>;
  resetPassword: Call<{ newPassword: string; token: string }, Done>;
  sendVerificationEmail: Call<{ email: string; callbackURL?: string }, Done>;
  verifyEmail: Call<{ token: string; callbackURL?: string }, Done>;
  deleteUser: OptionalCall<
    { password?: string; token?: string; callbackURL?: string },
    { success: boolean; message: string }
  >;
  getSession: OptionalCall<{ disableRefresh?: boolean; disableCookieCache?: boolean }, SessionData | null>;
  listSessions(): Promise<Outcome<ListedSession[]>>;
  /** `token`: the id of one of `devices`. */
  revokeSession: Call<{ token: string }, Done>;
  revokeOtherSessions(): Promise<Outcome<Done>>;
  revokeSessions(): Promise<Outcome<Done>>;
  listAccounts(): Promise<Outcome<Account[]>>;
  linkSocial: Call<SocialBody, Redirect>;
  unlinkAccount: Call<{ providerId?: string; accountId?: string }, Done>;
  readonly organization: OrganizationCalls;
}

export interface SessionClient extends AuthCalls {
  /** The session, always subscribed. */
  readonly session: LiveStore<SessionData>;
  /** The store of a query; subscribed on the wire while somebody listens. Equal (query, args) give the same store. */
  query<K extends keyof Queries>(query: K, args?: Args): LiveStore<Queries[K]>;
  query<T>(query: QueryReference<T>, args?: Args): LiveStore<T>;
  query<T = unknown>(query: string, args?: Args): LiveStore<T>;
  /** Typed references for `query`. */
  readonly api: { readonly auth: { readonly getCurrentUser: QueryReference<User> } };

  /**
   * Shows this organization in this tab, whatever the active one is; null: the active one again. `session`,
   * `organizations` and `organization` follow together. See `organization.switching`.
   */
  pin(organizationId: string | null): void;
  /**
   * What a request to your own server says of this tab's pin: `fetch('/rows', { headers: client.headers() })`. The helpers
   * there then show that organization, or refuse. Empty while the tab is not pinned. The client's calls say it themselves.
   */
  headers(): Record<string, string>;
  /** Resolves once everything shown is of `version` or later; rejects after 10 seconds, or when the session ends. */
  until(version: Version): Promise<void>;
  /** Ends the connection. What the stores show stays, as `closed`. */
  close(): void;
}

export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocket;

/** The session that a page was delivered with, of which version; `data` is null when nobody was signed in. */
export interface Initial {
  readonly data: SessionData | null;
  readonly version: Version;
}

export interface ClientOptions {
  /** The server's origin, also with a path prefix. Default: the page's origin. */
  baseURL?: string;
  /** The path of the live wire. Default: `/live`. */
  path?: string;
  /** How long a query stays subscribed after its last listener, in milliseconds. Default: 1000. */
  linger?: number;
  /**
   * What `session` shows first, instead of being pending. Default: the content of the page's
   * `<script type="application/json" id="sessionwire">`, if it has one; null: nothing.
   */
  initial?: Initial | null;
  /** One connection for all tabs of the browser that say so, instead of one for each. Default: false. */
  shared?: boolean;
  fetch?: typeof fetch;
  /** Default: the browser's. Without a document nothing is connected, unless one is stated. */
  WebSocket?: WebSocketConstructor;
  /** Time, timers and randomness, for tests. */
  environment?: Environment;
}

export interface Environment {
  /** Milliseconds that never go back. */
  now(): number;
  /** Milliseconds since 1970, as the device has them. */
  date(): number;
  random(): number;
  setTimer(run: () => void, delay: number): unknown;
  clearTimer(timer: unknown): void;
  /** Whether somebody can see the page. */
  isVisible(): boolean;
  /** `sleep` when the page is being suspended, `wake` when it, or the network, may be back; returns its undo. */
  onWake(wake: () => void, sleep: () => void): () => void;
}

/**
 * Makes a client, and connects it. Where there is no WebSocket (server-side rendering) it stays pending, or shows
 * `initial`.
 */
export function createSessionClient(options?: ClientOptions): SessionClient;
