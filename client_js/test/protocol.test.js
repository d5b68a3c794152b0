// @ts-check
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { liveWire, version, Wire } from './wire.js';

const alice = { user: { name: 'Alice' } };
const bob = { user: { name: 'Bob' } };
const session = { op: 'subscribe', id: 1, query: 'session', args: {} };

describe('subscribing', () => {
  test('is asked for when the connection opens', () => {
    const wire = new Wire();
    wire.subscribe('session');
    wire.subscribe('organization', { organization: 'x' });
    assert.deepEqual(wire.take(), []);
    wire.connect();
    const pinned = { op: 'subscribe', id: 2, query: 'organization', args: { organization: 'x' } };
    assert.deepEqual(wire.take(), [session, pinned]);
  });

  test('never uses an id twice on a connection', () => {
    const wire = liveWire();
    wire.unsubscribe(wire.subscribe('user'));
    assert.equal(wire.subscribe('user'), 3);
  });

  test('ends with an unsubscribe, and a result that crossed with it is ignored', () => {
    const wire = liveWire();
    const id = wire.subscribe('user');
    wire.take();
    wire.unsubscribe(id);
    assert.deepEqual(wire.take(), [{ op: 'unsubscribe', id }]);
    wire.update(2, { id, data: {}, tag: 'b' });
    assert.equal(wire.state(1).status, 'live');
  });

  test('sends nothing while there is no connection', () => {
    const wire = new Wire();
    wire.unsubscribe(wire.subscribe('user'));
    wire.perform((protocol, now) => protocol.probe(now));
    wire.connect();
    assert.deepEqual(wire.take(), []);
  });
});

describe('isPending', () => {
  test('is true until the first answer', () => {
    const wire = new Wire();
    wire.subscribe('session');
    assert.equal(wire.state(1).isPending, true);
    wire.connect();
    wire.hello(1);
    wire.receive({ op: 'pending', id: 1 });
    assert.deepEqual([wire.state(1).isPending, wire.state(1).status], [true, 'connecting']);
    wire.update(1, { id: 1, data: null, tag: 'a' });
    assert.deepEqual([wire.state(1).isPending, wire.state(1).status], [false, 'live']);
  });

  test('is not ended by a lost connection', () => {
    const wire = new Wire();
    wire.subscribe('session');
    wire.connect();
    wire.perform((protocol) => protocol.closed());
    assert.deepEqual([wire.state(1).isPending, wire.state(1).status], [true, 'connecting']);
  });

  test('is never true again after a cut, a sign-in or a sign-out', () => {
    const wire = liveWire();
    const steps = [
      () => wire.perform((protocol) => protocol.closed()),
      () => wire.connect(),
      () => wire.perform((protocol) => protocol.rebind()),
      () => wire.perform((protocol) => protocol.rebind(true)),
      () => wire.connect(),
    ];
    for (const step of steps) {
      step();
      assert.equal(wire.state(1).isPending, false);
    }
  });

  test('goes on while the server has not reached the version: that decides nothing', () => {
    const wire = new Wire();
    wire.subscribe('session');
    wire.connect();
    wire.update(1, { id: 1, error: { code: 'version_unavailable', message: 'Not yet.' } });
    const { isPending, error, status } = wire.state(1);
    assert.deepEqual([isPending, error?.code, status], [true, 'version_unavailable', 'connecting']);
    wire.update(2, { id: 1, data: alice, tag: 'a' });
    assert.deepEqual([wire.state(1).isPending, wire.state(1).error], [false, null]);
  });

  test('ends with an error when the query is refused', () => {
    const wire = new Wire();
    wire.subscribe('nonsense');
    wire.connect();
    wire.receive({ op: 'error', id: 1, code: 'unknown_query', message: 'No such query.' });
    const { isPending, error, status, stale } = wire.state(1);
    assert.deepEqual([isPending, error?.code, status, stale], [false, 'unknown_query', 'closed', false]);
    wire.unsubscribe(1);
    assert.deepEqual(wire.take().length, 1, 'there is nothing to unsubscribe');
  });
});

describe('data', () => {
  const kept = /** @type {[string, (wire: Wire) => void][]} */ ([
    ['a cut', (wire) => wire.perform((protocol) => protocol.closed({ code: 1006 }))],
    ['a server that restarts', (wire) => wire.bye('shutdown', true, { after: 100 })],
    ['a server that is too slow for us', (wire) => wire.bye('slow', true)],
    ['an unverifiable session', (wire) => wire.bye('unverifiable', true)],
    ['a malformed frame', (wire) => wire.perform((protocol, now) => protocol.received('{', now))],
    ['a silent server', (wire) => wire.advance(35_000)],
  ]);
  for (const [what, happen] of kept) {
    test(`is kept, as stale, after ${what}`, () => {
      const wire = liveWire();
      const { data } = wire.state(1);
      happen(wire);
      assert.equal(wire.need.type, 'connect');
      assert.equal(wire.state(1).data, data);
      assert.deepEqual([wire.state(1).status, wire.state(1).stale, wire.state(1).error], ['stale', true, null]);
    });
  }

  test('is kept, as stale, while the server has lost the database', () => {
    const wire = liveWire();
    wire.receive({ op: 'status', live: false });
    assert.deepEqual([wire.state(1).data, wire.state(1).status, wire.state(1).stale], [alice, 'stale', true]);
    wire.receive({ op: 'status', live: true });
    assert.deepEqual([wire.state(1).status, wire.state(1).stale], ['live', false]);
  });

  test('is kept with an error when the query fails', () => {
    const wire = liveWire();
    wire.update(2, { id: 1, error: { code: 'query_failed', message: 'Failed.' } });
    const { data, error, status } = wire.state(1);
    assert.deepEqual([data, error?.code, status], [alice, 'query_failed', 'stale']);
    wire.update(3, { id: 1, data: alice, tag: 'a1' });
    assert.deepEqual([wire.state(1).error, wire.state(1).status], [null, 'live']);
  });

  test('is cleared when the viewer is no member', () => {
    const wire = liveWire();
    wire.update(2, { id: 1, error: { code: 'not_a_member', message: '' } });
    const { data, error, status } = wire.state(1);
    assert.deepEqual([data, error?.code, status], [null, 'not_a_member', 'live']);
  });

  test('keeps the identity of what has not changed', () => {
    const wire = liveWire({ user: { name: 'Alice' }, organization: { name: 'Acme' } });
    const before = wire.state(1).data;
    wire.update(2, { id: 1, data: { user: { name: 'Alice' }, organization: { name: 'Umbrella' } }, tag: 'a2' });
    const after = wire.state(1).data;
    assert.notEqual(after, before);
    assert.equal(after.user, before.user);
  });

  test('that is equal notifies nobody', () => {
    const wire = liveWire();
    const { notifications } = wire;
    wire.update(2, { id: 1, data: { user: { name: 'Alice' } }, tag: 'a1' });
    wire.update(3, { id: 1, unchanged: true, tag: 'a1' });
    assert.equal(wire.notifications, notifications);
  });
});

describe('versions', () => {
  test('never go down: an older update is ignored', () => {
    const wire = liveWire();
    wire.update(5, { id: 1, data: bob, tag: 'b' });
    wire.update(4, { id: 1, data: alice, tag: 'a' });
    assert.deepEqual([wire.state(1).data, wire.state(1).version], [bob, version(5)]);
  });

  test('are presented on the next connection, with the tag of what is held', () => {
    const wire = liveWire();
    wire.perform((protocol) => protocol.closed());
    wire.connect();
    assert.deepEqual(wire.take(), [{ ...session, since: version(1), tag: 'a1' }]);
    const { data } = wire.state(1);
    wire.update(3, { id: 1, unchanged: true, tag: 'a1' });
    const state = wire.state(1);
    assert.equal(state.data, data);
    assert.deepEqual([state.version, state.status, state.stale], [version(3), 'live', false]);
  });

  test('are not presented to a connection that has proved to be there', () => {
    const wire = liveWire();
    wire.subscribe('user');
    assert.deepEqual(wire.take(), [{ op: 'subscribe', id: 2, query: 'user', args: {} }]);
    wire.reach(version(9));
    wire.take();
    wire.subscribe('devices');
    assert.equal(wire.take()[0].since, version(9));
  });

  test('"unchanged" of something else drops the connection and the tags', () => {
    const wire = liveWire();
    wire.update(2, { id: 1, unchanged: true, tag: 'other' });
    assert.deepEqual([wire.need.type, wire.state(1).data], ['connect', alice]);
    wire.connect();
    assert.deepEqual(wire.take(), [{ ...session, since: version(1) }]);
  });
});

describe('a new connection', () => {
  test('shows nothing before all that was on show is confirmed', () => {
    const wire = liveWire();
    wire.subscribe('organizations');
    wire.update(1, { id: 2, data: ['Acme'], tag: 'o1' });
    wire.perform((protocol) => protocol.closed());
    wire.connect();
    wire.update(2, { id: 1, data: bob, tag: 'b1' });
    assert.deepEqual([wire.state(1).data, wire.state(2).data], [alice, ['Acme']]);
    wire.update(2, { id: 2, data: ['Umbrella'], tag: 'o2' });
    assert.deepEqual([wire.state(1).data, wire.state(2).data], [bob, ['Umbrella']]);
  });

  test('that is lost half-way leaves what was on show, with its tag', () => {
    const wire = liveWire();
    wire.subscribe('organizations');
    wire.update(1, { id: 2, data: ['Acme'], tag: 'o1' });
    wire.perform((protocol) => protocol.closed());
    wire.connect();
    wire.update(2, { id: 1, data: bob, tag: 'b1' });
    wire.perform((protocol) => protocol.closed());
    wire.take();
    wire.connect();
    assert.deepEqual(wire.take().map((frame) => frame.tag), ['a1', 'o1']);
    assert.deepEqual(wire.state(1).data, alice);
  });

  test('does not wait for what was never answered, nor for what is no longer asked', () => {
    const wire = liveWire();
    wire.subscribe('organizations');
    wire.update(1, { id: 2, data: ['Acme'], tag: 'o1' });
    wire.subscribe('slow');
    wire.perform((protocol) => protocol.closed());
    wire.connect();
    wire.update(2, { id: 1, data: bob, tag: 'b1' });
    wire.unsubscribe(2);
    assert.deepEqual([wire.state(1).data, wire.state(3).isPending], [bob, true]);
  });
});

describe('bye', () => {
  for (const reason of ['signed_out', 'revoked', 'expired', 'password_changed', 'banned', 'deleted']) {
    test(`${reason} is definitive`, () => {
      const wire = liveWire();
      wire.subscribe('user');
      wire.update(1, { id: 2, data: alice.user, tag: 'u1' });
      wire.bye(reason, false);
      assert.deepEqual(wire.need, { type: 'rest', after: Infinity, isRetry: false });
      for (const id of [1, 2]) {
        const { data, isPending, error, status, stale, reason: shown } = wire.state(id);
        assert.deepEqual([data, isPending, error, status, stale, shown], [null, false, null, 'closed', false, reason]);
      }
      assert.deepEqual(wire.state(wire.subscribe('devices')).data, null);
      assert.deepEqual(wire.state(3).isPending, false);
    });
  }

  test('asks to wait before the next connection', () => {
    const wire = liveWire();
    wire.bye('shutdown', true, { after: 1500 });
    assert.deepEqual(wire.need, { type: 'connect', after: 1500, isRetry: true });
  });

  test('protocol_error ends the connection with an error, and keeps the data', () => {
    const wire = liveWire();
    wire.bye('protocol_error', false);
    const { data, error, status, stale } = wire.state(1);
    assert.equal(wire.need.type, 'rest');
    assert.deepEqual([data, error?.code, status, stale], [alice, 'protocol_error', 'closed', true]);
    assert.equal(wire.state(wire.subscribe('user')).error?.code, 'protocol_error');
  });

  test('of a reason that this client does not know is decided by the close code', () => {
    for (const [code, data] of /** @type {const} */ ([[4401, null], [4400, alice]])) {
      const wire = liveWire();
      wire.bye('replaced', false);
      wire.perform((protocol) => protocol.closed({ code }));
      assert.deepEqual([wire.need.type, wire.state(1).data, wire.state(1).reason], ['rest', data, 'replaced']);
    }
  });

  test('that was lost is replaced by the close code', () => {
    const wire = liveWire();
    wire.perform((protocol) => protocol.closed({ code: 4401, reason: 'expired' }));
    assert.deepEqual([wire.need.type, wire.state(1).data, wire.state(1).reason], ['rest', null, 'expired']);
  });
});

describe('the credential', () => {
  test('is bound anew without tags, and nothing flashes', () => {
    const wire = liveWire();
    wire.perform((protocol) => protocol.hold());
    wire.perform((protocol) => protocol.release('replaced'));
    assert.deepEqual(wire.need, { type: 'connect', after: 0, isRetry: false });
    assert.deepEqual([wire.state(1).data, wire.state(1).status, wire.state(1).stale], [alice, 'connecting', false]);
    wire.connect();
    assert.deepEqual(wire.take(), [{ ...session, since: version(1) }]);
    wire.update(2, { id: 1, data: bob, tag: 'b' });
    assert.deepEqual([wire.state(1).data, wire.state(1).status], [bob, 'live']);
  });

  test('that signed out shows nothing at once, with the reason, until somebody signs in', () => {
    const wire = liveWire();
    wire.perform((protocol) => protocol.hold());
    wire.perform((protocol) => protocol.release('signed_out'));
    assert.deepEqual([wire.state(1).data, wire.state(1).reason, wire.state(1).error], [null, 'signed_out', null]);
    wire.connect();
    wire.update(2, { id: 1, data: null, tag: 'n' });
    assert.deepEqual([wire.state(1).status, wire.state(1).reason], ['live', 'signed_out']);
    wire.perform((protocol) => protocol.rebind());
    wire.connect();
    wire.update(3, { id: 1, data: bob, tag: 'b' });
    assert.equal(wire.state(1).reason, null);
  });

  test('that is being replaced outlives the bye of the old one', () => {
    const wire = liveWire();
    wire.perform((protocol) => protocol.hold());
    wire.bye('password_changed', false);
    assert.deepEqual([wire.state(1).data, wire.state(1).status, wire.state(1).reason], [alice, 'connecting', null]);
    assert.equal(wire.need.type, 'rest');
    wire.perform((protocol) => protocol.release('replaced'));
    assert.equal(wire.need.type, 'connect');
    assert.deepEqual(wire.state(1).data, alice);
  });

  test('that could not be replaced lets the held bye count', () => {
    const wire = liveWire();
    wire.perform((protocol) => protocol.hold());
    wire.bye('revoked', false);
    wire.perform((protocol) => protocol.release('kept'));
    assert.deepEqual([wire.state(1).data, wire.state(1).reason, wire.state(1).status], [null, 'revoked', 'closed']);
  });

  test('may be replaced after the session ended', () => {
    const wire = liveWire();
    wire.bye('revoked', false);
    wire.perform((protocol) => protocol.rebind());
    assert.equal(wire.need.type, 'connect');
    assert.deepEqual([wire.state(1).reason, wire.state(1).status], ['revoked', 'connecting']);
    wire.connect();
    wire.update(2, { id: 1, data: bob, tag: 'b' });
    assert.deepEqual([wire.state(1).data, wire.state(1).reason], [bob, null]);
  });

  test('that cannot be bound for lack of a connection leaves what is on show as stale', () => {
    const wire = liveWire();
    wire.perform((protocol) => protocol.rebind());
    wire.perform((protocol, now) => protocol.opening(now));
    wire.perform((protocol) => protocol.closed());
    assert.deepEqual([wire.state(1).data, wire.state(1).status], [alice, 'stale']);
  });
});

describe('reach', () => {
  test('asks with a subscription of its own, and ends it', () => {
    const wire = liveWire();
    wire.reach(version(7));
    assert.deepEqual(wire.take(), [{ ...session, id: 2, since: version(7), tag: 'a1' }]);
    assert.equal(wire.barriers.shown(), version(1));
    wire.update(6, { id: 2, error: { code: 'version_unavailable', message: '' } });
    assert.deepEqual(wire.take(), []);
    wire.update(8, { id: 2, unchanged: true, tag: 'a1' });
    assert.deepEqual(wire.take(), [{ op: 'unsubscribe', id: 2 }]);
    assert.equal(wire.barriers.shown(), version(8));
  });

  test('asks nothing when it is shown, or has been asked', () => {
    const wire = liveWire();
    wire.reach(version(1));
    assert.deepEqual(wire.take(), []);
    wire.reach(version(7));
    wire.reach(version(6));
    assert.equal(wire.take().length, 1);
    wire.reach('not a version');
    assert.deepEqual(wire.take(), []);
  });

  test('is answered by a new connection, too', () => {
    const wire = liveWire();
    wire.reach(version(7));
    wire.perform((protocol) => protocol.closed());
    assert.equal(wire.barriers.shown(), '');
    wire.take();
    wire.connect();
    assert.deepEqual(wire.take(), [{ ...session, since: version(7), tag: 'a1' }]);
    wire.update(7, { id: 1, unchanged: true, tag: 'a1' });
    assert.equal(wire.barriers.shown(), version(7));
  });
});

describe('frames from the server', () => {
  const malformed = {
    'no JSON': '{"op":',
    'no object': '[]',
    'no op': '{}',
    'an update without a version': '{"op":"update","results":[]}',
    'an update without results': `{"op":"update","version":"${version(2)}"}`,
    'a result that is no object': `{"op":"update","version":"${version(2)}","results":[1]}`,
    'a result without data': `{"op":"update","version":"${version(2)}","results":[{"id":1}]}`,
    'a status without live': '{"op":"status"}',
    'a bye without a reason': '{"op":"bye"}',
    'a dropped frame': '{"op":"error","code":"rate_limited","message":""}',
  };
  for (const [what, text] of Object.entries(malformed)) {
    test(`with ${what} lead to a new connection, after the usual delay`, () => {
      const wire = liveWire();
      wire.perform((protocol, now) => protocol.received(text, now));
      assert.deepEqual(wire.need, { type: 'connect', after: 0, isRetry: true });
    });
  }

  test('that are binary lead to a new connection', () => {
    const wire = liveWire();
    wire.perform((protocol, now) => protocol.received(new ArrayBuffer(2), now));
    assert.equal(wire.need.type, 'connect');
  });

  test('of an unknown op, with unknown fields or for an unknown id are ignored', () => {
    const wire = liveWire();
    const { notifications } = wire;
    wire.receive({ op: 'weather', sunny: true });
    wire.receive({ op: 'pong', at: 1 });
    wire.receive({ op: 'error', code: 'invalid_json', message: '' });
    wire.update(2, { id: 77, data: 1, tag: 'x' });
    assert.deepEqual([wire.need, wire.notifications], [null, notifications]);
  });

  test('of a connection that is gone are ignored', () => {
    const wire = liveWire();
    wire.perform((protocol) => protocol.closed());
    wire.update(2, { id: 1, data: bob, tag: 'b' });
    assert.deepEqual(wire.state(1).data, alice);
  });
});

describe('the heartbeat', () => {
  test('asks a silent server, and is content with any answer', () => {
    const wire = liveWire();
    wire.advance(24_999);
    assert.deepEqual(wire.take(), []);
    wire.advance(1);
    assert.deepEqual(wire.take(), [{ op: 'ping' }]);
    wire.advance(9_999);
    wire.receive({ op: 'pong' });
    wire.advance(24_999);
    assert.deepEqual([wire.take(), wire.need], [[], null]);
  });

  test('gives up 10 seconds after an unanswered ping', () => {
    const wire = liveWire();
    wire.advance(34_999);
    assert.equal(wire.isContent, true);
    wire.advance(1);
    assert.deepEqual([wire.need.type, wire.state(1).status, wire.state(1).data], ['connect', 'stale', alice]);
  });

  test('gives a handshake and a hello 10 seconds each', () => {
    const wire = new Wire();
    wire.perform((protocol, now) => protocol.opening(now));
    wire.advance(9_000);
    wire.perform((protocol, now) => protocol.opened(now));
    wire.advance(9_999);
    assert.equal(wire.isContent, true);
    wire.advance(1);
    assert.equal(wire.need.type, 'connect');
  });
});

test('close leaves what is on show, as closed, and wants no connection', () => {
  const wire = liveWire();
  wire.perform((protocol) => protocol.close());
  wire.perform((protocol) => protocol.rebind());
  assert.deepEqual(wire.need, { type: 'rest', after: Infinity, isRetry: false });
  assert.deepEqual([wire.state(1).data, wire.state(1).status, wire.state(1).stale], [alice, 'closed', true]);
  assert.equal(wire.protocol.deadline(), Infinity);
});
