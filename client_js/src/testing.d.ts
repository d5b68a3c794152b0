/** A server for tests and stories, in the page itself. See docs/recording.md#in-a-browser. */
import type { Device, FullOrganization, Membership, SessionData, User, Version, WebSocketConstructor } from './index.js';

/**
 * What queries show, by name; one with args is named like `projects.list {"archived":false}`. A query that is not named
 * stays pending.
 */
export interface Shows {
  session?: PartialData<SessionData> | null;
  user?: PartialData<User> | null;
  organizations?: readonly PartialData<Membership>[] | null;
  organization?: PartialData<FullOrganization> | null;
  devices?: readonly PartialData<Device>[] | null;
  [query: string]: unknown;
}

/** As much of it as the test looks at. */
export type PartialData<T> = { readonly [K in keyof T]?: T[K] extends object | null ? PartialData<T[K]> | T[K] : T[K] };

/** `sessionwire replay FILE --as VIEWER --script` prints a list of these. */
export type Step =
  | { readonly show: Shows }
  | { readonly wait: number }
  | { readonly stale: boolean }
  | { readonly bye: string };

export interface MockWire {
  /** For `createSessionClient({ WebSocket, fetch })`. */
  readonly WebSocket: WebSocketConstructor;
  /** For `createSessionClient({ WebSocket, fetch })`: `get-session`, and what `answer` was told; else 501. */
  readonly fetch: typeof fetch;
  /** Of what is shown. */
  readonly version: Version;
  /** How many connections are open. */
  readonly connections: number;
  /** These queries show this from now on: one frame, of one moment. */
  show(news: Shows): Version;
  /** This query is refused from now on. */
  refuse(query: string, error: { code: string; message?: string }): Version;
  /** What a call of /api/auth is answered: `answer('organization/set-active', (body) => …)`. */
  answer(name: string, answer: (body: any) => unknown): void;
  /** The server has lost the database: `status` becomes `stale`, and `data` stay. */
  stale(): void;
  live(): void;
  /** The session is over, and the built-in queries show nobody; for `slow`, `unverifiable` and `shutdown` clients come back. */
  bye(reason: string): void;
  /** The network is gone, until `reconnect`. */
  disconnect(): void;
  reconnect(): void;
  /** Each step in turn. `speed` 1 waits as long as was recorded; by default nothing waits. */
  play(
    script: Iterable<Step>,
    options?: { speed?: number; wait?: (milliseconds: number) => Promise<void> },
  ): Promise<void>;
}

/** A server that shows this; without a `session` it is pending, with `null` signed out. */
export function createMockWire(shows?: Shows): MockWire;
