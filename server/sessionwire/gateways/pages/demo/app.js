// @ts-check
/** The demonstration: one client, and the view that its session calls for. */
import { createSessionClient } from '/sessionwire/client/index.js';
import { createDashboard } from './dashboard.js';
import { createLanding } from './landing.js';
import { byId } from './page.js';

const client = createSessionClient();
const pending = { element: byId('pending'), show: () => {}, open: () => {}, close: () => {} };
const landing = createLanding(client);
const dashboard = createDashboard(client);
const views = [pending, landing, dashboard];
/** @type {typeof pending | typeof landing | typeof dashboard} */
let shown = pending;

client.session.subscribe((session) => {
  const next = session.isPending ? pending : session.data === null ? landing : dashboard;
  if (next !== shown) {
    shown.close();
    shown = next;
    for (const { element } of views) element.hidden = element !== next.element;
    next.open();
  }
  next.show(session);
});
