import { describe, expect, test } from 'vitest';
import {
  checkAddressPattern,
  checkRecipient,
  checkSender,
  checkSize,
  createRateLimit,
  destinationOf,
  type Grants,
  type Rate,
} from '../../src/policy/index.ts';
import { matchesAddress } from '../../src/policy/address-pattern.ts';
import { issueGrants } from '../../src/policy/grants.ts';
import type { Identity, Mailbox } from '../../src/smtp/index.ts';
import { TestClock } from '../credentials/support.ts';

const hostname = 'mx.example';

function mailbox(address: string): Mailbox {
  const at = address.lastIndexOf('@');
  return { localPart: address.slice(0, Math.max(0, at)), domain: address.slice(at + 1), address };
}

test.each<[string, string, boolean]>([
  ['ann@example.com', 'ann@example.com', true],
  ['ann@example.com', 'ANN@EXAMPLE.com', true],
  ['ann@example.com', 'bob@example.com', false],
  ['ann@example.com', 'ann@sub.example.com', false],
  ['*@example.com', 'anybody@example.com', true],
  ['*@example.com', 'anybody@notexample.com', false],
  ['*@example.com', 'anybody@sub.example.com', false],
  ['*@*.example.com', 'anybody@sub.example.com', true],
  ['*@*.example.com', 'anybody@a.b.example.com', true],
  ['*@*.example.com', 'anybody@example.com', false],
  ['*@*.example.com', 'anybody@notexample.com', false],
  ['postmaster@*', 'postmaster@anywhere.example', true],
  ['postmaster@*', 'postmasters@anywhere.example', false],
  ['*', 'anybody@anywhere.example', true],
  ['<>', 'anybody@anywhere.example', false],
  ['*@bücher.example', 'a@xn--bcher-kva.example', true],
  ['*@xn--bcher-kva.example', 'a@BÜCHER.example', true],
  ['*@[192.0.2.1]', 'a@[192.0.2.1]', true],
  ['*@[192.0.2.1]', 'a@[192.0.2.2]', false],
  ['a@b@example.com', 'a@b@example.com', true],
])('the pattern %s matches %s: %s', (pattern, address, expected) => {
  expect(checkAddressPattern(pattern)).toBeUndefined();
  expect(matchesAddress([pattern], mailbox(address), hostname)).toBe(expected);
  expect(matchesAddress(['x@y.example', pattern], mailbox(address), hostname)).toBe(expected);
});

test.each([
  ['*', true],
  ['<>', true],
  ['*@example.com', false],
])('the pattern %s matches the null reverse-path: %s', (pattern, expected) => {
  expect(matchesAddress([pattern], null, hostname)).toBe(expected);
});

test.each([
  '',
  'example.com',
  '@example.com',
  'a@',
  '*@*',
  '*ann@example.com',
  'a@ex*mple.com',
  'a b@example.com',
  'a@*.',
])('refuses the pattern %j and lists the valid forms', (pattern) => {
  expect(checkAddressPattern(pattern)).toMatch(/^expected an address, "\*@domain"/);
});

test('an empty list allows nothing, and a missing list everything', () => {
  const sender = mailbox('ann@example.com');
  expect(checkSender({ allowedSenders: [] }, sender, hostname)).toMatchObject({
    code: 550,
    status: '7.1',
  });
  expect(checkSender({}, sender, hostname)).toBeUndefined();
  expect(checkSender(undefined, sender, hostname)).toBeUndefined();
});

test('senders, recipients and sizes are refused with a reply each', () => {
  const grants: Grants = {
    allowedSenders: ['*@in.example'],
    allowedRecipients: ['*@out.example'],
    maxMessageSize: 1000,
  };
  expect(checkSender(grants, mailbox('a@in.example'), hostname)).toBeUndefined();
  expect(checkSender(grants, mailbox('a@out.example'), hostname)).toMatchObject({
    code: 550,
    status: '7.1',
  });
  expect(checkRecipient(grants, mailbox('a@out.example'), hostname)).toBeUndefined();
  expect(checkRecipient(grants, mailbox('a@in.example'), hostname)).toMatchObject({
    code: 550,
    status: '7.1',
  });
  expect(checkSize(grants, 1000)).toBeUndefined();
  expect(checkSize(grants, undefined)).toBeUndefined();
  expect(checkSize(grants, 1001)).toMatchObject({ code: 552, status: '3.4' });
});

test('a credential may have a prefix and a topic', () => {
  const topicArn = 'arn:aws:sns:eu-west-1:111122223333:tenant';
  expect(destinationOf({ prefix: 'tenant/', topicArn, maxMessageSize: 1 })).toEqual({
    prefix: 'tenant/',
    topicArn,
  });
  expect(destinationOf({})).toEqual({});
  expect(destinationOf(undefined)).toEqual({});
});

describe('rates', () => {
  const identity = (rate: Rate, username = 'tenant'): Identity => ({
    username,
    mechanism: 'PLAIN',
    grants: issueGrants({ rate }),
  });

  test('a rate limits the messages of a credential in each period', async () => {
    const clock = new TestClock();
    const limit = createRateLimit({ clock });
    const tenant = identity({ messages: 3, periodSeconds: 60 });
    for (let message = 0; message < 3; message++) {
      expect(await limit.openMessage(tenant)).toBeUndefined();
    }
    expect(await limit.openMessage(tenant)).toMatchObject({ code: 452, status: '7.1' });
    expect(await limit.openMessage(identity({ messages: 3, periodSeconds: 60 }, 'other'))).toBe(
      undefined,
    );
    clock.pass(120);
    expect(await limit.openMessage(tenant)).toBeUndefined();
  });

  test('a rate limits the octets of a credential in each period', async () => {
    const limit = createRateLimit({ clock: new TestClock() });
    const tenant = identity({ octets: 1000, periodSeconds: 60 });
    expect(await limit.openMessage(tenant)).toBeUndefined();
    expect(await limit.takeMessage(tenant, 600)).toBeUndefined();
    expect(await limit.takeMessage(tenant, 600)).toMatchObject({ code: 452, status: '3.1' });
    expect(await limit.takeMessage(tenant, 400)).toBeUndefined();
    expect(await limit.openMessage(tenant)).toMatchObject({ code: 452, status: '3.1' });
  });

  test('a rate refuses a message above the octets of a period with 552', async () => {
    const limit = createRateLimit({ clock: new TestClock() });
    const tenant = identity({ octets: 1000, periodSeconds: 60 });
    expect(await limit.takeMessage(tenant, 1001)).toMatchObject({ code: 552, status: '3.4' });
  });

  test('a rate does not limit a credential without a rate', async () => {
    const limit = createRateLimit();
    const free: Identity = { username: 'free', mechanism: 'PLAIN', grants: issueGrants({}) };
    for (const who of [null, free, { username: 'a', mechanism: 'PLAIN' }]) {
      expect(await limit.openMessage(who)).toBeUndefined();
      expect(await limit.takeMessage(who, 1e9)).toBeUndefined();
    }
  });
});
