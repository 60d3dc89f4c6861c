// The library and the program are one server: a limit that both have has the same default in both. The schema
// cannot import the server's defaults, so this test compares them.
import { expect, test } from 'vitest';
import { parseConfiguration } from '../../src/config/index.ts';
import { DEFAULT_LIMITS, type Limits } from '../../src/server/index.ts';

const { limits: configured } = parseConfiguration({
  hostname: 'mx.example.com',
  listeners: [{ name: 'mx', port: 2525, tls: 'none' }],
  store: { bucket: 'mail-bucket' },
  notify: { topicArn: 'arn:aws:sns:eu-west-1:111122223333:mail' },
});

/** The name of each of the server's limits in the configuration; `null` where it has none. */
const names = {
  maxMessageSize: 'maxMessageSize',
  maxRecipients: 'maxRecipients',
  maxRecipientDomains: null,
  maxConnections: 'maxConnections',
  maxConnectionsPerAddress: 'maxConnectionsPerAddress',
  maxMessages: 'maxMessagesPerSession',
  maxErrors: 'maxErrors',
  maxSignInFailures: 'maxSignInFailures',
  commandTimeoutSeconds: 'commandTimeout',
  dataTimeoutSeconds: 'dataTimeout',
  minDataRate: 'minDataRate',
  messageSeconds: null,
  handshakeTimeoutSeconds: 'handshakeTimeout',
  sessionSeconds: 'maxSessionAge',
  answerTimeoutSeconds: null,
} as const satisfies Record<keyof Limits, keyof typeof configured | null>;

/** Limits of the bridge, which the server does not have. */
const notOfTheServer = ['memory'];

const pairs = Object.entries(names) as [keyof Limits, keyof typeof configured | null][];

test.each(pairs.filter(([, name]) => name !== null))(
  'the default of the limit %s is that of limits.%s in the configuration',
  (limit, name) => {
    expect(configured[name as keyof typeof configured]).toBe(DEFAULT_LIMITS[limit]);
  },
);

test('every limit in the configuration is compared with the default of the server', () => {
  const compared = pairs.flatMap(([, name]) => name ?? []);
  expect(Object.keys(configured).toSorted()).toEqual([...compared, ...notOfTheServer].toSorted());
});
