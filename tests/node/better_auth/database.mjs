/** Writes that no request can make: time that passes, and addresses that are confirmed. */

import { after } from 'node:test';

import { MongoClient, ObjectId } from 'mongodb';

const client = new MongoClient(process.env.MONGODB_URI);
const database = client.db(process.env.DATABASE);

after(() => client.close());

/** All the user's sessions look as if they had been opened so many hours ago. */
export async function age(userId, hours) {
  await database
    .collection('session')
    .updateMany({ userId: new ObjectId(userId) }, [
      { $set: { createdAt: { $subtract: ['$createdAt', hours * 3_600_000] } } },
    ]);
}

export async function confirmAddress(userId) {
  await database
    .collection('user')
    .updateOne({ _id: new ObjectId(userId) }, { $set: { emailVerified: true } });
}

export async function expireInvitation(id) {
  const past = { expiresAt: new Date(Date.now() - 1_000) };
  const { matchedCount } = await database
    .collection('invitation')
    .updateOne({ _id: { $in: ObjectId.isValid(id) ? [id, new ObjectId(id)] : [id] } }, { $set: past });
  if (matchedCount !== 1) throw new Error(`no invitation ${id}`);
}
