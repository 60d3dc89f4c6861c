// From the configuration to the server: every limit arrives under its name there, and the defaults are the same.
import { expect, expectTypeOf, test } from 'vitest';
import { listenerOptions, serverLimitNames, serverLimits } from '../../src/app/server-options.ts';
import { type ListenerConfiguration, parseConfiguration } from '../../src/config/index.ts';
import { SmtpServer } from '../../src/server/index.ts';
import { DEFAULT_LIMITS, type Limits } from '../../src/server/limits.ts';

function configured(limits: object, ofListener: object = {}) {
  return parseConfiguration({
    hostname: 'mx.example.com',
    listeners: [{ name: 'mx', host: '127.0.0.1', port: 0, tls: 'none', limits: ofListener }],
    store: { bucket: 'mail-bucket' },
    notify: { topicArn: 'arn:aws:sns:eu-west-1:111122223333:mail' },
    limits,
  });
}

test('the compiler knows that each limit of the server has one name in the configuration, and back', () => {
  type Names = typeof serverLimitNames;
  expectTypeOf<keyof Names>().toEqualTypeOf<keyof ListenerConfiguration['limits']>();
  expectTypeOf<Names[keyof Names]>().toEqualTypeOf<keyof Limits>();
  const names = Object.values(serverLimitNames);
  expect(new Set(names).size).toBe(names.length);
});

test('the defaults of the program are those of the library', () => {
  const { limits } = configured({});
  expect(serverLimits(limits)).toEqual(DEFAULT_LIMITS);
  expect(limits).toMatchObject({
    maxMessageSize: 40_000_000,
    maxMessagesPerSession: 100,
    minDataRate: 100,
  });
});

test('a limit of one listener is taken, and what it leaves out is not', () => {
  const { limits, listeners } = configured(
    { answerTimeout: '1m', maxRecipientDomains: 5 },
    { messageTimeout: '10m', maxRecipientDomains: 2 },
  );
  expect(serverLimits(limits)).toMatchObject({ answerTimeoutSeconds: 60, maxRecipientDomains: 5 });
  const options = listeners.map((listener) => listenerOptions(listener));
  expect(options[0]?.limits).toEqual({ messageSeconds: 600, maxRecipientDomains: 2 });
  expect(() => new SmtpServer({ limits: serverLimits(limits), listeners: options })).not.toThrow();
});

test('what a listener says of bare newlines, chunks and TLS is taken; what it does not say is left to the server', () => {
  const { listeners } = parseConfiguration({
    hostname: 'mx.example.com',
    listeners: [
      { name: 'mx', port: 0, tls: 'none' },
      { name: 'devices', port: 0, tls: 'none', bareNewline: 'normalize', chunking: false },
      { name: 'scanners', port: 0, tls: 'starttls', tlsProfile: 'old' },
      { name: 'checked', port: 0, tls: 'none', verify: { dmarc: 'reject' } },
    ],
    tls: { certificates: [{ certFile: 'mx.crt', keyFile: 'mx.key' }] },
    store: { bucket: 'mail-bucket' },
    notify: { topicArn: 'arn:aws:sns:eu-west-1:111122223333:mail' },
  });
  const [mx, devices, scanners, checked] = listeners.map((listener) => listenerOptions(listener));
  expect(mx).not.toHaveProperty('bareNewline');
  expect(mx).not.toHaveProperty('tlsProfile');
  expect(scanners).toMatchObject({ tlsProfile: 'old' });
  expect(mx?.extensions).toEqual({ chunking: true });
  expect(devices).toMatchObject({ bareNewline: 'normalize', extensions: { chunking: false } });
  // What is checked of its senders is no matter of the server.
  expect(checked).not.toHaveProperty('verify');
});

test('each limit can be set for all listeners and for one', () => {
  const all = {
    maxMessageSize: '1MB',
    maxRecipients: 1,
    maxRecipientDomains: 1,
    maxConnections: 1,
    maxConnectionsPerAddress: 1,
    maxMessagesPerSession: 1,
    maxErrors: 1,
    maxSignInFailures: 1,
    commandTimeout: '10s',
    dataTimeout: '10s',
    messageTimeout: '10s',
    minDataRate: '1KB',
    handshakeTimeout: '10s',
    maxSessionAge: '10s',
    answerTimeout: '10s',
  } satisfies Record<keyof ListenerConfiguration['limits'], unknown>;
  const { limits, listeners } = configured(all, all);
  const options = listeners.map((listener) => listenerOptions(listener));
  expect(options[0]?.limits).toEqual(serverLimits(limits));
  expect(Object.keys(serverLimits(limits))).toHaveLength(Object.keys(all).length);
  expect(() => new SmtpServer({ limits: serverLimits(limits), listeners: options })).not.toThrow();
});
