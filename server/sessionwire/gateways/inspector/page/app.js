// @ts-check
/** The inspector: what the stream tells goes into the memory, and is drawn at most once in a frame. */
import { hashOf, shownAt } from './address.js';
import { drawConnection } from './connection-pane.js';
import { createDoor, token } from './door.js';
import { byId, redraw } from './draw.js';
import { createFeed } from './feed.js';
import { createList } from './list.js';
import { createMemory } from './memory.js';
import { missing } from './parts.js';
import { drawProcess } from './process-pane.js';
import { drawConnectionRow, drawEvent, ordered } from './rows.js';
import * as sieve from './sieve.js';
import { createTabs } from './tabs.js';
import { createToolbar } from './toolbar.js';
import { drawTrace } from './trace-pane.js';

/**
 * @typedef {import('./facts.js').Known} Known
 * @typedef {import('./facts.js').Seen} Seen
 * @typedef {import('./facts.js').Shown} Shown
 */

const ROW = 58;
const memory = createMemory();
const isWide = matchMedia('(min-width: 960px)');

let shown = shownAt(location.hash);
let tab = shown?.kind === 'connection' ? 'connections' : 'events';
let allChanges = false;
let isDue = false;

const door = createDoor(() => {
  door.hide();
  feed.start();
});

const feed = createFeed({
  token: token.get,
  hear(messages) {
    messages.forEach(memory.hear);
    draw();
  },
  turn(status, why, httpStatus) {
    if (status === 'refused') door.show(httpStatus ?? 401, why);
    toolbar.showStatus(status, why);
  },
});

const toolbar = createToolbar({
  memory,
  changed: () => draw(),
  search(text) {
    if (/^[0-9a-f]{16}$/.test(text)) open({ kind: 'trace', version: text, connection: null });
    else if (memory.connection(text) !== undefined) open({ kind: 'connection', id: text });
  },
});

/** @type {ReturnType<typeof createList<Known>>} */
const events = createList({
  box: byId('events'),
  height: ROW,
  key: ({ trace }) => trace.version,
  stamp: ({ trace }) => trace.revision,
  draw: (known) => /** @type {Node[]} */ (drawEvent(known)),
  move: (version, isChosen) => follow({ kind: 'trace', version, connection: null }, isChosen),
});

/** @type {ReturnType<typeof createList<Seen>>} */
const connections = createList({
  box: byId('connections'),
  height: ROW,
  key: ({ connection }) => connection.id,
  stamp: ({ at }) => at,
  draw: (seen) => /** @type {Node[]} */ (drawConnectionRow(seen)),
  move: (id, isChosen) => follow({ kind: 'connection', id }, isChosen),
});

const tabs = createTabs([byId('tab-events'), byId('tab-connections')], (name) => {
  tab = name;
  render();
});

/** The cursor is on it: shown beside the list if something of its kind is, or if it was chosen. @param {Shown} next @param {boolean} isChosen */
function follow(next, isChosen) {
  if (isChosen) open(next);
  else if (isWide.matches && shown?.kind === next.kind) {
    shown = next;
    history.replaceState(null, '', hashOf(next));
    draw();
  }
}

/** @param {Shown | null} next */
function open(next) {
  const hash = hashOf(next);
  if (hash === location.hash) return;
  history.pushState(null, '', hash === '' ? location.pathname : hash);
  arrive();
}

/** The address says what is shown. */
function arrive() {
  shown = shownAt(location.hash);
  render();
  byId('pane').scrollTop = 0;
  if (shown !== null && !isWide.matches) byId('pane-title').focus();
}

function close() {
  if (shown === null) return;
  open(null);
  (tab === 'events' ? events : connections).focus();
}

function draw() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(render);
}

function render() {
  isDue = false;
  const { filters } = toolbar;
  const [allTraces, present] = [memory.traces, memory.connections];
  const found = allTraces.filter(sieve.traces(filters));
  const fitting = ordered(present.filter(sieve.connections(filters)));
  byId('count-events').textContent = String(found.length);
  byId('count-connections').textContent = String(fitting.length);
  tabs.show(tab);
  events.show(found, shown?.kind === 'trace' ? shown.version : null);
  connections.show(fitting, shown?.kind === 'connection' ? shown.id : null);
  byId('no-events').hidden = found.length > 0;
  byId('no-events-found').hidden = allTraces.length === 0;
  byId('no-events-known').hidden = allTraces.length > 0;
  byId('events').hidden = found.length === 0;
  byId('no-connections').hidden = fitting.length > 0;
  byId('no-connections').textContent = present.length === 0 ? 'Nobody is connected to this process.' : 'No connection fits the filter.';
  byId('connections').hidden = fitting.length === 0;
  toolbar.show();
  renderPane();
}

function renderPane() {
  const now = memory.isPaused ? pausedAt : Date.now();
  document.body.classList.toggle('reading', shown !== null);
  byId('pane').dataset.kind = shown?.kind ?? 'process';
  redraw(byId('pane-content'), drawShown(now, memory.connection));
  const box = document.querySelector('[data-action="all"]');
  if (box instanceof HTMLInputElement) box.checked = allChanges;
}

let pausedAt = 0;

/** @param {number} now @param {import('./verdict.js').Find} find */
function drawShown(now, find) {
  switch (shown?.kind) {
    case 'trace': {
      const known = memory.trace(shown.version);
      return known === undefined ? missing(shown.version) : drawTrace(known.trace, shown.connection, find, now);
    }
    case 'connection':
      return drawConnection(shown.id, memory.traces, { find, now, all: allChanges });
    default:
      return drawProcess(memory.process, memory.screen);
  }
}

/** @type {Record<string, (value: string) => void>} */
const actions = {
  close,
  'copy-link': () => copy(location.href, 'The link is copied.'),
  'copy-json': () => copy(JSON.stringify(facts(), null, 2), 'The JSON is copied.'),
  'only-user': (user) => toolbar.setUser(user),
};

/** What the pane shows, as it was told. */
function facts() {
  if (shown?.kind === 'trace') return memory.trace(shown.version)?.trace ?? null;
  if (shown?.kind !== 'connection') return memory.process;
  const { id } = shown;
  const traces = memory.traces.filter((known) => known.connections.has(id)).map(({ trace }) => trace);
  return { connection: memory.connection(id)?.connection ?? null, traces };
}

/** @param {string} text @param {string} said */
async function copy(text, said) {
  const isCopied = await navigator.clipboard.writeText(text).then(() => true, () => false);
  toolbar.say(isCopied ? said : 'The browser does not let this page copy.');
}

byId('pane').addEventListener('click', (/** @type {MouseEvent} */ event) => {
  const target = /** @type {HTMLElement} */ (event.target).closest('[data-action]');
  if (target instanceof HTMLButtonElement) actions[target.dataset.action ?? '']?.(target.dataset.value ?? '');
});
byId('pane').addEventListener('change', (/** @type {Event} */ { target }) => {
  if (!(target instanceof HTMLInputElement)) return;
  allChanges = target.checked;
  draw();
});
byId('open-process').addEventListener('click', () => open({ kind: 'process' }));
byId('watch').addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
  if (event.key === 'Escape' && !event.defaultPrevented) close();
});
byId('pause').addEventListener('click', () => (pausedAt = Date.now()));
addEventListener('popstate', arrive);
addEventListener('hashchange', arrive);
setInterval(() => !memory.isPaused && shown !== null && draw(), 1000);

feed.start();
render();
