// At least one event of every kind, and between them every field that an event can have.
import type { AwsFailure, BridgeEvent } from '../../../src/bridge/index.ts';
import type { CredentialEvent } from '../../../src/credentials/index.ts';
import type { MessageOutcome, Peer, ServerEvent } from '../../../src/server/index.ts';
import type { Note, Reply, SessionFacts } from '../../../src/smtp/index.ts';
import type { AppEvent } from '../../../src/app/report/app.ts';
import type { VerifyEvent } from '../../../src/app/report/verify.ts';
import type { Judgement } from '../../../src/verify/index.ts';
import { facts } from '../../bridge/support.ts';

type Samples<E extends { readonly kind: string }> = {
  readonly [K in E['kind']]: readonly Extract<E, { readonly kind: K }>[];
};

export const peer: Peer = {
  sessionId: 'session-1',
  listener: 'mx',
  clientAddress: '192.0.2.7',
  clientPort: 40_000,
};

const tls = { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' };
const secured: Partial<SessionFacts> = {
  tls,
  identity: { username: 'alice', mechanism: 'PLAIN' },
};
const messageId = 'message-1';
const key = 'mail/message-1';
const reply: Reply = { code: 451, status: '3.0', text: 'Message not stored, try again later' };

export const failure: AwsFailure = {
  service: 's3',
  cause: 'unavailable',
  code: 'SlowDown',
  message: 'Please reduce your request rate.',
  requestId: 'request-1',
};

/** One message as the server tells its end. */
export function outcome(session: Partial<SessionFacts> = {}): MessageOutcome {
  return {
    message: facts({ session }),
    sizeInOctets: 100,
    receivingMilliseconds: 1,
    committingMilliseconds: 2,
    replies: [reply],
  };
}

export function refused(
  verb: string,
  code: number,
  rule: string,
): Extract<Note, { kind: 'refused' }> {
  return { kind: 'refused', verb, code, rule };
}

export const notes: Samples<Note> = {
  refused: [
    {
      ...refused('RCPT', 550, 'policy'),
      clientDomain: 'printer.example',
      argument: 'TO:<ann@in.example>',
    },
    refused('FOO', 500, 'unknown-command'),
    refused('message', 550, 'bare-newline'),
  ],
  'signed-in': [{ kind: 'signed-in', mechanism: 'PLAIN', username: 'alice' }],
  'sign-in-refused': [{ kind: 'sign-in-refused', mechanism: 'PLAIN', code: 535 }],
  ended: [
    { kind: 'ended', rule: 'quit' },
    { kind: 'ended', rule: 'too-many-commands' },
  ],
  command: [{ kind: 'command', line: 'NOOP' }],
  reply: [{ kind: 'reply', text: '250 2.0.0 Ok' }],
};

export const serverEvents: Samples<Exclude<ServerEvent, { readonly kind: 'note' }>> = {
  listening: [{ kind: 'listening', listener: 'mx', address: '127.0.0.1', port: 25 }],
  'accept-failed': [{ kind: 'accept-failed', listener: 'mx', code: 'EMFILE' }],
  'connection-opened': [{ kind: 'connection-opened', peer, connections: 1 }],
  'connection-refused': [
    {
      kind: 'connection-refused',
      listener: 'mx',
      clientAddress: '192.0.2.7',
      rule: 'bad-proxy-header',
    },
  ],
  'connection-closed': [
    {
      kind: 'connection-closed',
      peer,
      cause: 'lost',
      seconds: 1,
      octetsReceived: 10,
      octetsSent: 20,
      messages: 0,
      connections: 0,
    },
  ],
  'tls-established': [{ kind: 'tls-established', peer, tls, milliseconds: 3 }],
  'tls-failed': [{ kind: 'tls-failed', peer, code: 'ERR_SSL_NO_SHARED_CIPHER' }],
  'message-accepted': [{ kind: 'message-accepted', ...outcome() }],
  'message-refused': [{ kind: 'message-refused', ...outcome() }],
  'message-deferred': [{ kind: 'message-deferred', ...outcome() }],
  'message-discarded': [
    { kind: 'message-discarded', message: facts(), cause: 'aborted', sizeInOctets: 10 },
  ],
  'connection-shed': [{ kind: 'connection-shed', peer, reason: 'client-share' }],
  failure: [{ kind: 'failure', peer, where: 'forward-path', error: new Error('no route') }],
  'certificates-served': [
    {
      kind: 'certificates-served',
      certificates: [
        {
          subject: 'CN=mx.example.com',
          serverNames: ['mx.example.com'],
          keyType: 'ec',
          validTo: new Date('2030-01-01'),
          isExpired: false,
          fingerprint256: '00',
        },
      ],
    },
  ],
  'certificates-refused': [{ kind: 'certificates-refused', error: new Error('expired') }],
  closing: [{ kind: 'closing', connections: 1, drainSeconds: 10 }],
  closed: [{ kind: 'closed', cut: 0 }],
};

const judgement: Judgement = {
  verification: {
    spam: 'GRAY',
    virus: 'PROCESSING_FAILED',
    spf: 'PROCESSING_FAILED',
    dkim: 'PASS',
    dmarc: 'PASS',
    results: ['dmarc=pass header.from=a.example'],
  },
  sender: {
    authenticated: true,
    domain: 'a.example',
    address: 'ann@a.example',
    by: ['dkim'],
    dmarc: 'pass',
    spf: 'temperror',
    dkim: [{ result: 'pass', domain: 'a.example', selector: 's', aligned: true }],
    arc: 'none',
  },
  scan: { spam: { verdict: 'GRAY', score: 3 }, virus: { verdict: 'PROCESSING_FAILED' } },
  lists: [{ zone: 'list.example', result: 'unknown', subject: '192.0.2.7' }],
  quarantine: 'spam',
};

const deferred = { facts: facts({ session: secured }), sizeInOctets: 100, reply, commitMillis: 5 };

export const bridgeEvents: Samples<BridgeEvent> = {
  'message-accepted': [
    {
      kind: 'message-accepted',
      facts: facts({ session: secured }),
      sizeInOctets: 100,
      sha256: '00',
      placements: [
        {
          messageId,
          bucket: 'mail',
          key,
          topicArn: 'arn:aws:sns:us-east-1:000000000000:mail',
          recipients: 1,
          outbox: false,
        },
      ],
      duplicateOf: 'message-0',
      resumed: 'message-0',
      judged: { judgement, millis: 2 },
      commitMillis: 5,
      storeMillis: 3,
      publishMillis: 2,
    },
  ],
  'message-refused': [
    {
      kind: 'message-refused',
      facts: facts({ session: secured }),
      sizeInOctets: 100,
      refusal: {
        rule: 'dmarc',
        reply: { code: 550, status: '7.1', text: 'Refused by the policy of a.example' },
        subject: 'a.example',
        detail: 'dmarc=fail p=reject',
      },
      judgeMillis: 2,
    },
  ],
  'message-deferred': [
    { kind: 'message-deferred', ...deferred, cause: 'unavailable', failure, orphans: 1 },
    { kind: 'message-deferred', ...deferred, cause: 'overload' },
  ],
  'message-discarded': [
    {
      kind: 'message-discarded',
      facts: facts({ session: secured }),
      sizeInOctets: 10,
      cause: 'aborted',
    },
  ],
  'message-shed': [
    {
      kind: 'message-shed',
      facts: facts({ session: secured }),
      reason: 'client-share',
      heldOctets: 262_144,
    },
  ],
  'aws-retry': [{ kind: 'aws-retry', service: 's3', operation: 'PutObject', retries: 2 }],
  'aws-misconfigured': [{ kind: 'aws-misconfigured', failure }],
  'aws-call': [
    { kind: 'aws-call', service: 's3', operation: 'PutObject', millis: 3 },
    { kind: 'aws-call', service: 'sns', operation: 'PublishBatch', millis: 2, entries: 1 },
  ],
  'publish-failed': [{ kind: 'publish-failed', messageId, failure }],
  'notification-reduced': [{ kind: 'notification-reduced', messageId, failure }],
  'outbox-written': [{ kind: 'outbox-written', messageId, key }],
  'outbox-published': [{ kind: 'outbox-published', messageId, key, ageSeconds: 4 }],
  'outbox-poisoned': [{ kind: 'outbox-poisoned', messageId, key, failure }],
  'outbox-skipped': [
    {
      kind: 'outbox-skipped',
      reason: 'topic',
      topicArn: 'arn:aws:sns:eu-west-1:111122223333:gone',
      markers: 12,
      failure,
    },
  ],
  'outbox-state': [{ kind: 'outbox-state', markers: 1, oldestSeconds: 4, skipped: 1 }],
  'outbox-drain-failed': [{ kind: 'outbox-drain-failed', failure }],
  'breaker-opened': [{ kind: 'breaker-opened', failure }],
  'breaker-closed': [{ kind: 'breaker-closed', openSeconds: 4 }],
  'duplicate-guard-failed': [{ kind: 'duplicate-guard-failed', messageId, failure }],
  'fast-path-left': [{ kind: 'fast-path-left', service: 's3', reason: 'no answer', minutes: 5 }],
  'abort-failed': [{ kind: 'abort-failed', key, failure }],
};

const signIn = { ...peer, mechanism: 'PLAIN', username: 'alice' };

export const credentialEvents: Samples<CredentialEvent> = {
  'sign-in-accepted': [{ kind: 'sign-in-accepted', ...signIn, source: 'cache' }],
  'sign-in-refused': [
    { kind: 'sign-in-refused', ...signIn, cause: 'wrong-secret', code: 535 },
    { kind: 'sign-in-refused', ...peer, mechanism: 'PLAIN', cause: 'table-unavailable', code: 454 },
    { kind: 'sign-in-refused', ...peer, mechanism: 'PLAIN', cause: 'throttled', code: 454 },
  ],
  'identity-without-credential': [
    { kind: 'identity-without-credential', ...peer, mechanism: 'XCLIENT' },
  ],
  'table-unavailable': [{ kind: 'table-unavailable', operation: 'read', error: 'TimeoutError' }],
  'issuer-unavailable': [{ kind: 'issuer-unavailable', error: 'timeout' }],
  'credential-unreadable': [
    { kind: 'credential-unreadable', username: 'alice', attribute: 'secrets' },
  ],
};

/** By their names in the table of events. */
export const verifyEvents: Readonly<Record<string, readonly VerifyEvent[]>> = {
  'client-refused': [
    {
      kind: 'client-refused',
      session: facts().session,
      reversePath: null,
      refusal: {
        rule: 'list',
        reply: { code: 550, status: '7.1', text: '192.0.2.7 is listed by list.example' },
        subject: '192.0.2.7',
        detail: 'list.example: 127.0.0.2',
      },
    },
  ],
  'list-works': [
    {
      kind: 'list-test',
      zone: 'list.example',
      result: 'passed',
      entries: 'address',
      hasIpv6: true,
    },
  ],
  'list-failed': [
    { kind: 'list-test', zone: 'list.example', result: 'failed', fault: 'everything-listed' },
  ],
  'list-unknown': [{ kind: 'list-unknown', zone: 'list.example', reason: 'error-code' }],
  'look-up': [
    {
      kind: 'dns',
      event: { kind: 'look-up', type: 'TXT', result: 'records', milliseconds: 3, tries: 1 },
    },
  ],
  'look-up-failed': [
    {
      kind: 'dns',
      event: { kind: 'failure', type: 'TXT', reason: 'timeout', milliseconds: 5000, tries: 3 },
    },
    { kind: 'dns', event: { kind: 'over-bound' } },
  ],
  'cache-hit': [
    { kind: 'dns', event: { kind: 'cache-hit' } },
    { kind: 'dns', event: { kind: 'joined' } },
  ],
  'foreign-answer': [{ kind: 'dns', event: { kind: 'foreign-answer', server: '127.0.0.1:53' } }],
};

export const appEvents: Samples<AppEvent> = {
  'certificate-reload-failed': [
    { kind: 'certificate-reload-failed', error: new Error('no such file') },
  ],
  'scan-failed': [
    {
      kind: 'scan-failed',
      scanner: 'clamd',
      reason: 'timeout',
      detail: 'no answer in 15000 ms',
      mail: messageId,
    },
  ],
  'proxy-ignored': [{ kind: 'proxy-ignored', variable: 'HTTPS_PROXY' }],
};
