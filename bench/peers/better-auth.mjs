/** better-auth itself on Node, over MongoDB; COOKIE_CACHE=1 turns its cookie cache on. */

import { createServer } from 'node:http';

import { mongodbAdapter } from '@better-auth/mongo-adapter';
import { betterAuth } from 'better-auth';
import { toNodeHandler } from 'better-auth/node';
import { organization } from 'better-auth/plugins';
import { MongoClient } from 'mongodb';

const { MONGODB_URI, DATABASE, SECRET, COOKIE_CACHE } = process.env;

const client = new MongoClient(MONGODB_URI);
await client.connect();
const database = client.db(DATABASE);

const server = createServer();
await new Promise((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 2048 }, resolve));
const address = `http://127.0.0.1:${server.address().port}`;

const auth = betterAuth({
  baseURL: address,
  secret: SECRET,
  database: mongodbAdapter(database, { client }),
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  session: { cookieCache: { enabled: COOKIE_CACHE === '1', maxAge: 3600 } },
  plugins: [organization()],
  telemetry: { enabled: false },
});

server.on('request', toNodeHandler(auth));
console.log(`ready at ${address}`);
