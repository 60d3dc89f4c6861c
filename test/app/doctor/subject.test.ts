import { expect, test } from 'vitest';
import { isDomainName, subjectOf } from '../../../src/app/doctor/subject.ts';
import { parseConfiguration } from '../../../src/config/index.ts';

const OUTPUTS = {
  SmtpEndpoint: 'mx.example.com',
  StaticAddresses: '192.0.2.1 192.0.2.2',
  Ports: 'mx:25 submission:587 other:2526',
  DnsRecords:
    'mx.example.com. A 192.0.2.1\nexample.com. MX 10 mx.example.com.\n_mta-sts.example.com. TXT "v=STSv1; id=1"\nin.example.net. MX 10 mx.example.com.',
  MailBucketName: 'mail-bucket',
  MailKeyPrefix: 'mail/',
  TopicArn: 'arn:aws:sns:eu-west-1:111122223333:mail',
  AlarmTopicArn17A3B2: 'arn:aws:sns:eu-west-1:111122223333:alarms',
};

const configuration = parseConfiguration({
  hostname: 'mx.example.org',
  store: { bucket: 'other-bucket', prefix: 'in' },
  notify: { topicArn: 'arn:aws:sns:eu-west-1:111122223333:other' },
  routes: [
    { recipients: ['spam@example.org'], reject: {} },
    { recipients: ['*@Example.COM', 'ann@bücher.example', '*@*.sub.example', 'abuse@*', '*'] },
    { recipients: ['postmaster@[192.0.2.1]'], prefix: 'post' },
  ],
  tls: {
    certificates: [{ acmArn: 'arn:aws:acm:eu-west-1:111122223333:certificate/1' }],
  },
  listeners: [{ name: 'mx', port: 2525 }],
});

test('the outputs of a stack name host, ports, domains, addresses, bucket and topics', () => {
  expect(subjectOf({ outputs: OUTPUTS })).toEqual({
    host: 'mx.example.com',
    domains: ['example.com', 'in.example.net'],
    ports: { mx: 25, submission: 587 },
    addresses: ['192.0.2.1', '192.0.2.2'],
    bucket: 'mail-bucket',
    prefixes: ['mail/'],
    topicArn: 'arn:aws:sns:eu-west-1:111122223333:mail',
    alarmTopicArn: 'arn:aws:sns:eu-west-1:111122223333:alarms',
    usesAcm: false,
    commands: OUTPUTS,
  });
});

test('a stack without a topic for alarms has none, which is not the same as not knowing', () => {
  expect(subjectOf({ outputs: { SmtpEndpoint: 'mx.example.com' } })?.alarmTopicArn).toBeNull();
  expect(subjectOf({ host: 'mx.example.com' })?.alarmTopicArn).toBeUndefined();
});

test('a configuration names host, domains of its routes, bucket, topic and prefixes', () => {
  expect(subjectOf({ configuration })).toEqual({
    host: 'mx.example.org',
    domains: ['example.com', 'xn--bcher-kva.example'],
    ports: { mx: 25, submission: 587, smtps: 465 },
    addresses: [],
    bucket: 'other-bucket',
    prefixes: ['in/', 'post/'],
    topicArn: 'arn:aws:sns:eu-west-1:111122223333:other',
    usesAcm: true,
    commands: {},
  });
});

test('what is given goes before the stack, and the stack before the configuration', () => {
  const given = { host: 'MX.Example.net.', domains: ['a.example'], ports: { mx: 2525 } };
  expect(subjectOf({ ...given, configuration, outputs: OUTPUTS })).toMatchObject({
    host: 'mx.example.net',
    domains: ['a.example'],
    ports: { mx: 2525 },
    bucket: 'mail-bucket',
    prefixes: ['mail/', 'post/'],
    usesAcm: true,
  });
});

test('nothing names a host', () => {
  expect(subjectOf({})).toBeUndefined();
});

test.each([
  ['mx.example.com', true],
  ['mx.example.com.', true],
  ['localhost', true],
  ['_dmarc.example.com', true],
  ['a@example.com', false],
  ['x>\r\nDATA', false],
  ['-a.example', false],
  ['a..example', false],
  ['', false],
  [`${'a'.repeat(300)}.example`, false],
])('%j is a domain name: %j', (text, isOne) => {
  expect(isDomainName(text)).toBe(isOne);
});
