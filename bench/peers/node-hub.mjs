/**
 * A hand-written hub: `ws`, the official driver, one shared change stream, patches by user.
 *
 * Its wire: one `{"type":"session","data":…}` at connect, then `{"type":"patch","patch":[…]}`.
 */

import { createServer } from 'node:http';

import { MongoClient } from 'mongodb';
import { WebSocketServer } from 'ws';

import { follow, identify, load, patchOf, shown } from './people.mjs';

const { MONGODB_URI, DATABASE } = process.env;
const UNSENT = 1024 * 1024;
const HEARTBEAT = 30_000;

const client = new MongoClient(MONGODB_URI);
await client.connect();
const database = client.db(DATABASE);

const byUser = new Map();
const byOrganization = new Map();
const bySession = new Map();

function add(index, key, socket) {
  const sockets = index.get(key);
  if (sockets) sockets.add(socket);
  else index.set(key, new Set([socket]));
}

function remove(index, key, socket) {
  const sockets = index.get(key);
  if (sockets?.delete(socket) && sockets.size === 0) index.delete(key);
}

function send(sockets, message) {
  if (!sockets) return;
  const bytes = Buffer.from(JSON.stringify(message));
  for (const socket of sockets) {
    if (socket.bufferedAmount > UNSENT) socket.terminate();
    else if (socket.missed) socket.missed.push(bytes); // its first answer is not there yet
    else socket.send(bytes, { binary: false });
  }
}

function end(sockets, reason) {
  for (const socket of sockets ?? []) socket.close(4401, reason);
}

async function refresh(userId) {
  const key = String(userId);
  const state = await load(database, userId);
  for (const socket of byUser.get(key) ?? []) {
    remove(byOrganization, socket.organization, socket);
    socket.organization = state.organization && String(state.organization._id);
    if (socket.organization) add(byOrganization, socket.organization, socket);
    const data = shown({ session: socket.session, ...state });
    socket.send(JSON.stringify({ type: 'session', data }));
  }
}

function route(change) {
  const id = String(change.documentKey._id);
  switch (change.ns.coll) {
    case 'user': {
      const sockets = byUser.get(id);
      if (!sockets) return;
      if (change.operationType === 'delete') return end(sockets, 'deleted');
      if (change.operationType !== 'update') return void refresh(change.documentKey._id);
      const { updatedFields } = change.updateDescription;
      if (updatedFields.banned === true) return end(sockets, 'banned');
      if ('activeOrganizationId' in updatedFields) return void refresh(change.documentKey._id);
      const patch = patchOf('/user', change);
      if (patch) send(sockets, { type: 'patch', patch });
      return;
    }
    case 'organization': {
      const sockets = byOrganization.get(id);
      if (!sockets || change.operationType !== 'update') return;
      const patch = patchOf('/organization', change);
      if (patch) send(sockets, { type: 'patch', patch });
      return;
    }
    case 'session':
      if (change.operationType === 'delete') end(bySession.get(id), 'revoked');
      return;
    case 'member':
      if (change.fullDocument) void refresh(change.fullDocument.userId);
  }
}

async function serve(socket, request) {
  const missed = (socket.missed = []);
  const state = await identify(database, request.headers.cookie);
  if (state === null) return socket.close(4401, 'signed_out');
  if (socket.readyState !== socket.OPEN) return;
  const userId = String(state.user._id);
  const sessionId = String(state.session._id);
  socket.session = state.session;
  socket.organization = state.organization && String(state.organization._id);
  socket.alive = true;
  add(byUser, userId, socket);
  add(bySession, sessionId, socket);
  if (socket.organization) add(byOrganization, socket.organization, socket);
  socket.on('pong', () => (socket.alive = true));
  socket.on('error', () => socket.terminate());
  socket.on('close', () => {
    remove(byUser, userId, socket);
    remove(bySession, sessionId, socket);
    if (socket.organization) remove(byOrganization, socket.organization, socket);
  });
  socket.send(JSON.stringify({ type: 'session', data: shown(state) }));
  for (const bytes of missed) socket.send(bytes, { binary: false });
  socket.missed = null;
}

const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: 16384 });
const server = createServer((request, response) => response.writeHead(404).end());

server.on('upgrade', (request, connection, head) => {
  if (request.headers.origin !== origin) return connection.destroy();
  sockets.handleUpgrade(request, connection, head, (socket) => void serve(socket, request));
});

setInterval(() => {
  for (const socket of sockets.clients) {
    if (socket.alive === false) socket.terminate();
    socket.alive = false;
    socket.ping();
  }
}, HEARTBEAT);

await follow(database, route);
await new Promise((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 2048 }, resolve));
const origin = `http://127.0.0.1:${server.address().port}`;
console.log(`ready at ${origin}`);
