/** The same hub on socket.io: rooms by user and by organization, WebSocket only, no deflate. */

import { createServer } from 'node:http';

import { MongoClient } from 'mongodb';
import { Server } from 'socket.io';

import { follow, identify, patchOf, shown } from './people.mjs';

const { MONGODB_URI, DATABASE } = process.env;

const client = new MongoClient(MONGODB_URI);
await client.connect();
const database = client.db(DATABASE);

const server = createServer();
const io = new Server(server, { transports: ['websocket'], perMessageDeflate: false, serveClient: false });

io.use(async (socket, next) => {
  const state = await identify(database, socket.handshake.headers.cookie);
  if (state === null) return next(new Error('signed out'));
  socket.data.state = state;
  next();
});

io.on('connection', (socket) => {
  const { session, user, organization } = socket.data.state;
  socket.join([`session:${session._id}`, `user:${user._id}`]);
  if (organization) socket.join(`organization:${organization._id}`);
  socket.emit('session', shown(socket.data.state));
  socket.data.state = null;
});

function route(change) {
  const { coll } = change.ns;
  const room = `${coll}:${change.documentKey._id}`;
  if (change.operationType === 'delete') return io.in(room).disconnectSockets(true);
  if (change.operationType !== 'update' || (coll !== 'user' && coll !== 'organization')) return;
  const patch = patchOf(`/${coll}`, change);
  if (patch) io.to(room).emit('patch', patch);
}

await follow(database, route);
await new Promise((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 2048 }, resolve));
console.log(`ready at http://127.0.0.1:${server.address().port}`);
