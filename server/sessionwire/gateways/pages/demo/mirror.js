// @ts-check
/** The second panel: another client with a connection of its own, and the frames that it receives. */
import { createSessionClient } from '/sessionwire/client/index.js';
import { showLight, showVersion } from './bar.js';
import { byId, cloneRow, named, within, write } from './page.js';
import { shortVersion, wordReason } from './words.js';

const KEPT_FRAMES = 20;
const TIME = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
});

/** @param {Record<string, string>} queries  the names of the subscriptions by id, as they are asked */
function createTap(queries) {
  return class extends WebSocket {
    /** @param {string} url @param {string[]} protocols */
    constructor(url, protocols) {
      super(url, protocols);
      this.addEventListener('message', ({ data }) => showFrame(JSON.parse(data), queries));
    }

    /** @param {string} text */
    send(text) {
      const { op, id, query } = JSON.parse(text);
      if (op === 'subscribe') queries[id] = query;
      super.send(text);
    }
  };
}

/** @param {Record<string, any>} frame @param {Record<string, string>} queries */
function showFrame(frame, queries) {
  const row = cloneRow('frame-row');
  within(row, 'time').textContent = TIME.format(new Date());
  within(row, '.frame-op').textContent = frame.op;
  within(row, '.frame-what').textContent = wordFrame(frame, queries);
  within(row, '.version').textContent = shortVersion(frame.version ?? null);
  within(row, 'pre code').textContent = JSON.stringify(frame, null, 2);
  const frames = byId('frames');
  frames.prepend(row);
  while (frames.children.length > KEPT_FRAMES) frames.lastElementChild.remove();
}

/** @param {Record<string, any>} frame @param {Record<string, string>} queries */
function wordFrame({ op, reason, live, id, results }, queries) {
  if (op === 'update') return results.map((/** @type {any} */ result) => queries[result.id] ?? result.id).join(', ');
  if (op === 'pending') return queries[id] ?? '';
  if (op === 'status') return live ? 'live' : 'stale';
  return reason ?? '';
}

/** Connects the second client; it lives as long as the page. */
export function createMirror() {
  const client = createSessionClient({ WebSocket: createTap({}) });
  client.session.subscribe(({ data, isPending, status, version, reason }) => {
    showLight(byId('mirror-light'), status);
    showVersion(named('mirror-version'), version);
    const ended = reason === null ? 'signed out' : wordReason(reason);
    const nobody = isPending ? null : ended;
    write(named('mirror-session'), data === null ? nobody : `${data.user.name} <${data.user.email}>`);
    write(named('mirror-org-name'), data?.organization?.name ?? (isPending ? null : 'none'));
    write(named('mirror-role'), data?.role ?? (isPending ? null : 'none'));
  });
  client.query('organizations').subscribe(({ data, isPending }) => {
    const names = data?.map(({ name, role }) => `${name} (${role})`).join(', ');
    write(named('mirror-organizations'), names ?? (isPending ? null : 'none'));
  });
  connectCopying();
  return { showUser: showTrial };
}

/** A line that changes something, whatever the name is now. @param {{name: string, email: string}} user */
function showTrial({ name, email }) {
  const quoted = JSON.stringify(email);
  const other = name === 'Ada Lovelace' ? '"Ada King"' : '"Ada Lovelace"';
  write(named('try-mongosh'), `db.user.updateOne({email: ${quoted}}, {$set: {name: ${other}}})`);
  write(named('try-python'), `db.user.update_one({"email": ${quoted}}, {"$set": {"name": ${other}}})`);
}

function connectCopying() {
  for (const button of document.querySelectorAll('.copy')) {
    button.addEventListener('click', async () => {
      const text = within(/** @type {ParentNode} */ (button.parentNode), 'code').textContent;
      const copied = await navigator.clipboard.writeText(text).then(() => true, () => false);
      button.textContent = copied ? 'Copied' : 'Press Ctrl+C';
      setTimeout(() => (button.textContent = 'Copy'), 1500);
    });
  }
}
