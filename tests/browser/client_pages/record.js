/**
 * A page that remembers every moment that its client ever showed, for the test to judge. Options of the client come in
 * the address, as JSON after the question mark.
 */
import { createSessionClient } from '/sessionwire/client/index.js';

const client = createSessionClient(JSON.parse(decodeURIComponent(location.search.slice(1)) || '{}'));
const stores = {
  session: client.session,
  user: client.query(client.api.auth.getCurrentUser),
  organization: client.query('organization'),
  organizations: client.query('organizations'),
  devices: client.query('devices'),
};
const moments = [];
/** Notifications that brought nothing new. */
const idle = [];

const shown = () => Object.fromEntries(Object.entries(stores).map(([name, store]) => [name, store.get()]));

for (const [name, store] of Object.entries(stores)) {
  let before = null;
  store.subscribe((state) => {
    const { version, ...said } = state;
    const text = JSON.stringify(said);
    if (text === before) idle.push({ name, state });
    before = text;
    moments.push(shown());
    if (name === 'session') document.getElementById('name').textContent = state.data?.user.name ?? '';
  });
}

/** What the page was told about its own life. */
const life = [];
addEventListener('pageshow', ({ persisted }) => life.push(persisted ? 'restored' : 'shown'));
for (const event of ['freeze', 'resume']) document.addEventListener(event, () => life.push(event));

Object.assign(window, { client, moments, idle, life, shown });
