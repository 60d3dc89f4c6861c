// Who sent a mail, by the subscriber's kit: nothing but what was proved.
import { expect, test } from 'vitest';
import {
  isFrom,
  type MailsluiceMember,
  notificationSchema,
  parseNotifications,
  requireNotification,
  sampleEvent,
  senderDomain,
} from '../../src/subscriber/index.ts';
import { notificationOf } from './support.ts';

type Sender = NonNullable<MailsluiceMember['sender']>;

const PROVED: Sender = {
  authenticated: true,
  domain: 'example.com',
  address: 'user@example.com',
  by: ['dkim'],
  dmarc: 'pass',
  spf: 'fail',
  dkim: [{ result: 'pass', domain: 'example.com', selector: 's', aligned: true }],
  arc: 'none',
};

function from(sender: unknown) {
  const notification = notificationOf();
  return {
    ...notification,
    mailsluice: { ...notification.mailsluice, ...(sender !== undefined && { sender }) },
  } as ReturnType<typeof notificationSchema.parse>;
}

test('what is proved is given, of a notification and of what a handler gets', () => {
  const notification = notificationSchema.parse(from(PROVED));
  expect(senderDomain(notification)).toBe('example.com');
  expect(isFrom(notification, 'user@example.com')).toBe(true);
  const mail = requireNotification(notification);
  expect(senderDomain(mail)).toBe('example.com');
  expect(isFrom(mail, 'user@example.com')).toBe(true);
});

test.each<[string, unknown]>([
  ['authentication that failed', { ...PROVED, authenticated: false, by: [] }],
  ['a DNS that did not answer', { ...PROVED, authenticated: null, by: [] }],
  ['a text in place of true', { ...PROVED, authenticated: 'true' }],
  ['a sender that was not checked', undefined],
  ['a sender that is null', null],
  ['no domain', { ...PROVED, domain: undefined, address: undefined }],
  ['an empty domain', { ...PROVED, domain: '', address: 'user@' }],
])('%s proves nothing', (_what, sender) => {
  expect(senderDomain(from(sender))).toBeUndefined();
  expect(isFrom(from(sender), 'user@example.com')).toBe(false);
});

test('an address of another domain than the proved one is nobody’s', () => {
  const sender = { ...PROVED, address: 'user@bank.example' };
  expect(isFrom(from(sender), 'user@bank.example')).toBe(false);
  expect(isFrom(from(sender), 'user@example.com')).toBe(false);
});

test('without a notification, as of an event of S3, nothing is proved', () => {
  expect(senderDomain({})).toBeUndefined();
  expect(isFrom({}, 'user@example.com')).toBe(false);
});

test('a notification from Amazon SES proves nothing', () => {
  const { mailsluice: _, ...ses } = notificationOf();
  expect(senderDomain(ses as never)).toBeUndefined();
});

test.each<[address: string, asked: string, is: boolean]>([
  ['user@example.com', 'USER@EXAMPLE.COM', true],
  ['User@example.com', 'user@example.com', true],
  ['user@example.com', 'user@example.com.', true],
  ['user@example.com', 'user2@example.com', false],
  ['user@example.com', 'example.com', false],
  ['user@example.com', '@example.com', false],
  ['user@example.com', 'user@', false],
  ['user@example.com', '', false],
  ['user@example.com', ' user@example.com', false],
  ['user@example.com', 'Ann <user@example.com>', false],
  ['user@example.com', 'user@example.com@example.com', false],
  ['user@example.com', 'user@example.com/x', false],
  ['user@example.com', 'user@%65xample.com', false],
  ['"a@b"@example.com', '"a@b"@example.com', true],
  // KELVIN SIGN and LATIN SMALL LETTER DOTLESS I.
  ['kim@example.com', '\u212aim@example.com', false],
  ['kim@example.com', 'k\u0131m@example.com', false],
])('whether a mail from %s is from %s: %s', (address, asked, is) => {
  expect(isFrom(from({ ...PROVED, address }), asked)).toBe(is);
});

test.each(['user@b\u00fccher.example', 'user@BÜCHER.example', 'user@xn--bcher-kva.example'])(
  'a domain beyond ASCII is found as %s',
  (asked) => {
    for (const address of ['user@bücher.example', 'user@xn--bcher-kva.example']) {
      const sender = { ...PROVED, domain: 'xn--bcher-kva.example', address };
      expect(isFrom(from(sender), asked)).toBe(true);
    }
  },
);

test.each([
  [true, 'client.example'],
  [false, undefined],
  [null, undefined],
  [undefined, undefined],
])(
  'a sample event of a mail whose authenticated is %s is one that is announced so',
  (authenticated, domain) => {
    const from = 'Ann <Ann@Client.example>';
    const event = sampleEvent('sqs', {
      from,
      ...(authenticated !== undefined && { authenticated }),
    });
    const [parsed] = parseNotifications(event);
    if (parsed?.ok !== true) throw new Error('expected a notification');
    expect(senderDomain(parsed.value)).toBe(domain);
    expect(isFrom(parsed.value, 'ann@client.example')).toBe(authenticated === true);
    const { notification } = parsed.value;
    expect(notificationSchema.safeParse(notification).error).toBeUndefined();
    const isFail = notification?.receipt.dmarcVerdict.status === 'FAIL';
    expect(notification?.receipt.dmarcPolicy !== undefined).toBe(isFail);
  },
);
