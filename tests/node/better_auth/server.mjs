/**
 * The real better-auth server, of the version that PACKAGE names, on the database of the tests.
 *
 * Prints its address and serves until it is killed. Mails become lines of the file LETTERS.
 */

import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';

import { MongoClient } from 'mongodb';

const { PACKAGE, MONGODB_URI, DATABASE, SECRET, LETTERS } = process.env;

const { betterAuth } = await import(PACKAGE);
const { organization } = await import(`${PACKAGE}/plugins`);
const { mongodbAdapter } = await import(`${PACKAGE}/adapters/mongodb`);
const { toNodeHandler } = await import(`${PACKAGE}/node`);

const client = new MongoClient(MONGODB_URI);
await client.connect();

const server = createServer();
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const address = `http://127.0.0.1:${server.address().port}`;

const sending =
  (kind) =>
  async ({ user, url, token }) =>
    appendFileSync(LETTERS, `${JSON.stringify({ kind, to: user.email, url, token })}\n`);

const auth = betterAuth({
  baseURL: address,
  secret: SECRET,
  database: mongodbAdapter(client.db(DATABASE), { client }),
  emailAndPassword: { enabled: true, sendResetPassword: sending('reset_password') },
  emailVerification: { sendVerificationEmail: sending('verify_email') },
  user: { deleteUser: { enabled: true } },
  rateLimit: {
    enabled: true,
    storage: 'database',
    customRules: { '/**': { window: 10, max: 1_000_000 } },
  },
  plugins: [organization()],
  logger: { log: (level, message) => process.stderr.write(`${level}: ${message}\n`) },
});

server.on('request', toNodeHandler(auth));
console.log(address);
