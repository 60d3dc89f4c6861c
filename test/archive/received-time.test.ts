import fc from 'fast-check';
import { expect, test } from 'vitest';
import { messageId } from '../../src/bridge/contract/message-id.ts';
import { objectKeyPrefix } from '../../src/bridge/contract/object-key.ts';
import { hoursWithin, isWithin, parseMailKey } from '../../src/archive/received-time.ts';

const at = new Date('2026-11-23T13:14:15.678Z');
const id = messageId(at);

test('a key tells the millisecond', () => {
  const key = `in/dt=2026-11-23/hr=13/${id}`;
  expect(parseMailKey(key)).toEqual({ key, messageId: id, receivedAt: at });
});

test.each([
  ['the sidecar of an envelope', `mail/dt=2026-11-23/hr=13/${id}.envelope.json`],
  ['an outbox marker', `outbox/${id}.json`],
  ['an index', 'index/dt=2026-11-23/hr=13/mail.ndjson.gz'],
  ['the set-up object of SES', 'mail/AMAZON_SES_SETUP_NOTIFICATION'],
  ['a day that is none', `mail/dt=2026-13-45/hr=13/${id}`],
  ['an hour that is none', `mail/dt=2026-11-23/hr=77/${id}`],
])('%s is no mail', (_, key) => {
  expect(parseMailKey(key)).toBeUndefined();
});

test('the partition decides where the id is a moment before or after it', () => {
  const before = messageId(new Date('2026-11-23T12:59:59.999Z'));
  const after = messageId(new Date('2026-11-23T14:00:00.001Z'));
  expect(parseMailKey(`dt=2026-11-23/hr=13/${before}`)?.receivedAt.toISOString()).toBe(
    '2026-11-23T13:00:00.000Z',
  );
  expect(parseMailKey(`dt=2026-11-23/hr=13/${after}`)?.receivedAt.toISOString()).toBe(
    '2026-11-23T13:59:59.999Z',
  );
});

const from = (text: string) => new Date(`2026-11-${text}`);

test.each([
  ['no bound', {}, 'all'],
  ['the whole day', { from: from('23T00:00Z'), to: from('24T00:00Z') }, 'all'],
  ['one hour', { from: from('23T13:00Z'), to: from('23T14:00Z') }, ['13']],
  ['a part of an hour', { from: from('23T13:20Z'), to: from('23T13:21Z') }, ['13']],
  ['from the afternoon on', { from: from('23T22:30Z') }, ['22', '23']],
  ['up to the morning', { to: from('23T02:00:00.001Z') }, ['00', '01', '02']],
  ['another day', { from: from('24T00:00Z') }, []],
])('the hours of a day: %s', (_, range, hours) => {
  expect(hoursWithin('2026-11-23', range)).toEqual(hours);
});

test('every mail within a range is in one of its hours, and in exactly one of two ranges that meet', () => {
  const day = 24 * 3_600_000;
  const moment = fc.date({
    min: new Date('2026-11-23T00:00:00Z'),
    max: new Date('2026-11-25T23:59:59Z'),
    noInvalidDate: true,
  });
  fc.assert(
    fc.property(moment, moment, fc.integer({ min: -50, max: 50 }), (received, cut, skew) => {
      const key =
        objectKeyPrefix('mail/', received) + messageId(new Date(received.getTime() + skew));
      const mail = parseMailKey(key);
      if (mail === undefined) throw new Error('expected a mail');
      const [early, late] = [{ to: cut }, { from: cut }];
      expect(isWithin(mail.receivedAt, early)).toBe(!isWithin(mail.receivedAt, late));
      for (const range of [early, late, { from: cut, to: new Date(cut.getTime() + day) }]) {
        if (!isWithin(mail.receivedAt, range)) continue;
        const [, dt = '', hr = ''] = /dt=(.*)\/hr=(\d\d)/.exec(key) ?? [];
        const hours = hoursWithin(dt, range);
        expect(hours === 'all' || hours.includes(hr)).toBe(true);
      }
    }),
  );
});
