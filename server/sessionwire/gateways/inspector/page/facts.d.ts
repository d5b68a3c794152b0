/** What the server tells (server/sessionwire/observing/facts.py), as this page reads it. */

export type Stop = 'unheld' | 'unread' | 'idle' | 'equal' | 'loading' | 'waiting' | 'told' | 'resync';
export type State = 'offered' | 'coalesced' | 'written' | 'acknowledged' | 'kept' | 'ended';
export type Outcome = 'changed' | 'equal' | 'loading' | 'idle';
export type Tone = 'good' | 'plain' | 'wait' | 'bad';

export interface Change {
  collection: string;
  operation: string;
  id: string | null;
  fields: string[];
  hidden: number;
  user: string | null;
  organization: string | null;
}

export interface View {
  query: string;
  user: string | null;
  outcome: Outcome | null;
  at: number | null;
}

export interface Delivery {
  connection: string;
  id: number;
  query: string;
  user: string | null;
  state: State;
  offeredAt: number;
  writtenAt: number | null;
  acknowledgedAt: number | null;
  version: string | null;
  reason: string | null;
  at: number;
}

export interface Trace {
  version: string;
  revision: number;
  wall: string | null;
  received: string;
  lag: number | null;
  appliedAt: number;
  lastAt: number;
  stop: Stop;
  changes: Change[];
  views: View[];
  deliveries: Delivery[];
  viewCounts: Record<string, number>;
  deliveryCounts: Record<string, number>;
}

export interface Subscription {
  id: number;
  query: string;
  args: Record<string, unknown>;
  state: 'pending' | 'current' | 'waiting' | 'loading';
  changedAt: string | null;
}

export interface Connection {
  id: string;
  kind: 'socket' | 'poll';
  user: string | null;
  session: string | null;
  opened: string;
  address: string;
  version: string;
  acknowledged: string | null;
  waiting: number;
  paused: boolean;
  behind: number;
  subscriptions: Subscription[];
}

export interface Process {
  id: string;
  version: string;
  software: string;
  live: boolean;
  silent: number;
  started: string;
  connections: number;
  watches: number;
  documents: number;
  counts: Record<string, number>;
  latency: Record<string, [number[], number[]]>;
}

export interface Message {
  process?: Process;
  connections?: Connection[];
  trace?: Trace;
}

/** A trace, and who is concerned by it, so that nobody has to look through it again. */
export interface Known {
  trace: Trace;
  connections: Set<string>;
  users: Set<string | null>;
}

/** A connection, and when it was last counted; `gone` ones are not there any more. */
export interface Seen {
  connection: Connection;
  at: number;
  gone: boolean;
}

export interface Step {
  name: string;
  state: 'done' | 'stopped' | 'waiting' | 'bad' | 'none';
  at: number | null;
  said: string;
}

export interface Verdict {
  tone: Tone;
  word: string;
  said: string;
  /** What it is about, of several results. */
  queries?: string[];
}

export interface Filters {
  search: string;
  user: string;
  collection: string;
  organization: string;
  operation: string;
}

export type Status = 'connecting' | 'live' | 'stale' | 'refused';

export type Shown =
  | { kind: 'process' }
  | { kind: 'trace'; version: string; connection: string | null }
  | { kind: 'connection'; id: string };
