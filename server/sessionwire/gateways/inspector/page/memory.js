// @ts-check
/** What this page was told so far, as much as it keeps; it asks nobody and draws nothing. */
import { createHistogram } from './histogram.js';

/**
 * @typedef {import('./facts.js').Message} Message
 * @typedef {import('./facts.js').Trace} Trace
 * @typedef {import('./facts.js').Known} Known
 * @typedef {import('./facts.js').Seen} Seen
 */

const KEPT = 5_000;
/** Views and deliveries of all kept traces: some have hundreds. */
const KEPT_PARTS = 200_000;
const KEPT_GONE = 200;
const KEPT_WAITING = 5_000;

export function createMemory() {
  /** Newest first. @type {Known[]} */
  let traces = [];
  /** @type {Map<string, Known>} */
  const byVersion = new Map();
  /** @type {Map<string, Seen>} */
  const connections = new Map();
  /** What comes while the page stands still: traces by version, and the newest count. @type {Map<string, Message>} */
  const waiting = new Map();
  /** @type {import('./facts.js').Process | null} */
  let process = null;
  let screen = createHistogram();
  /** All that were seen. @type {Set<string>} */
  const collections = new Set();
  let [parts, cleared, isPaused, dropped] = [0, '', false, 0];

  /** @param {Message} message */
  const take = (message) => {
    if (message.process !== undefined) takeProcess(message.process);
    if (message.connections !== undefined) count(message.connections);
    if (message.trace !== undefined) keep(message.trace);
  };

  /** Another process knows nothing of what this one did. @param {import('./facts.js').Process} next */
  const takeProcess = (next) => {
    const isOther = isAnother(process, next);
    process = next;
    if (isOther) {
      forget();
      connections.clear();
      [screen, cleared] = [createHistogram(), ''];
    }
  };

  /** @param {Trace} trace */
  const keep = (trace) => {
    const before = byVersion.get(trace.version);
    if (trace.version <= cleared || (before !== undefined && before.trace.revision >= trace.revision)) return;
    noteAcknowledgements(trace, before?.trace);
    parts += size(trace) - (before === undefined ? 0 : size(before.trace));
    const known = { trace, ...concerned(trace) };
    byVersion.set(trace.version, known);
    for (const { collection } of trace.changes) collections.add(collection);
    traces.splice(placeOf(trace.version), before === undefined ? 0 : 1, known);
    while (traces.length > KEPT || (parts > KEPT_PARTS && traces.length > 1)) {
      const oldest = /** @type {Known} */ (traces.pop());
      byVersion.delete(oldest.trace.version);
      parts -= size(oldest.trace);
      dropped += 1;
    }
  };

  /** Where it stands, or belongs. @param {string} version */
  const placeOf = (version) => {
    let [low, high] = [0, traces.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (/** @type {Known} */ (traces[middle]).trace.version > version) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  /** @param {Trace} trace @param {Trace | undefined} before */
  const noteAcknowledgements = ({ lag, deliveries }, before) => {
    if (lag === null) return;
    deliveries.forEach(({ acknowledgedAt }, index) => {
      const isNew = (before?.deliveries[index]?.acknowledgedAt ?? null) === null;
      if (acknowledgedAt !== null && isNew) screen.add(lag + acknowledgedAt);
    });
  };

  /** @param {import('./facts.js').Connection[]} present */
  const count = (present) => {
    const at = Date.now();
    const ids = new Set(present.map(({ id }) => id));
    for (const [id, seen] of connections) if (!ids.has(id) && !seen.gone) connections.set(id, { ...seen, gone: true });
    for (const connection of present) {
      connections.delete(connection.id);
      connections.set(connection.id, { connection, at, gone: false });
    }
    const gone = [...connections].filter(([, seen]) => seen.gone);
    for (const [id] of gone.slice(0, Math.max(0, gone.length - KEPT_GONE))) connections.delete(id);
  };

  const forget = () => {
    [traces, parts, dropped] = [[], 0, 0];
    byVersion.clear();
    waiting.clear();
  };

  return {
    collections,
    get traces() { return traces; },
    get process() { return process; },
    get screen() { return screen; },
    get isPaused() { return isPaused; },
    get dropped() { return dropped; },
    /** How many changes wait until the page goes on. */
    get waiting() { return waiting.size - (waiting.has('') ? 1 : 0); },
    /** @returns {Seen[]} */
    get connections() { return [...connections.values()].filter(({ gone }) => !gone); },
    /** @param {string} version */
    trace: (version) => byVersion.get(version),
    /** @param {string} id */
    connection: (id) => connections.get(id),

    /** @param {Message} message */
    hear(message) {
      if (!isPaused) return take(message);
      if (isAnother(waiting.get('')?.process ?? process, message.process)) waiting.clear();
      const key = message.trace?.version ?? '';
      waiting.delete(key);
      waiting.set(key, message);
      const [oldest] = waiting.keys();
      if (waiting.size > KEPT_WAITING && oldest !== undefined) waiting.delete(oldest);
    },

    /** @param {boolean} pausing */
    pause(pausing) {
      isPaused = pausing;
      if (pausing) return;
      const [counted, missed] = [waiting.get(''), new Map(waiting)];
      waiting.clear();
      if (counted !== undefined) take(counted);
      missed.delete('');
      missed.forEach((message) => take(message));
    },

    /** Forget all traces, also if they are told again after a break. */
    clear() {
      cleared = [...waiting.keys()].reduce((newest, each) => (each > newest ? each : newest), traces[0]?.trace.version ?? cleared);
      screen = createHistogram();
      forget();
    },
  };
}

/**
 * @param {import('./facts.js').Process | null} before
 * @param {import('./facts.js').Process | undefined} next
 */
function isAnother(before, next) {
  return before !== null && next !== undefined && (before.id !== next.id || before.started !== next.started);
}

/** @param {Trace} trace */
function size({ views, deliveries }) {
  return views.length + deliveries.length;
}

/** @param {Trace} trace */
function concerned({ changes, views, deliveries }) {
  return {
    connections: new Set(deliveries.map(({ connection }) => connection)),
    users: new Set([...changes, ...views, ...deliveries].map(({ user }) => user)),
  };
}
