import { expect, test } from 'vitest';
import { makeRecord } from '../../../src/bridge/contract/mail-record.ts';
import { notVerified } from '../../../src/bridge/contract/verification.ts';
import { mailObject } from '../../../src/cli/archive/mail-line.ts';
import { facts, recipient } from '../../bridge/support.ts';

const sha256 = 'a'.repeat(64);
const storedSha256 = 'b'.repeat(64);

test.each([
  ['a mail as received', undefined, undefined],
  [
    'a mail with normalized line ends',
    { sizeInOctets: 12, sha256: storedSha256, renamedFields: 0 },
    storedSha256,
  ],
])(
  'the JSON of %s has the digests of what was received and of what is stored',
  (_, stored, expected) => {
    const record = makeRecord({
      facts: facts(),
      recipients: [recipient('bob@in.example')],
      processingTimeMillis: 1,
      topicArn: 'arn:aws:sns:us-east-1:111122223333:mail',
      verification: notVerified,
      sha256,
      sizeInOctets: 10,
      ...(stored && { stored }),
      traceHeaderOctets: 0,
    });
    const receivedAt = new Date(record.receivedAt);
    const mail = {
      key: 'k',
      prefix: 'mail/',
      messageId: 'm',
      receivedAt,
      sizeInOctets: 12,
      record,
    };
    const { sha256: received, storedSha256: kept } = mailObject(mail) as Record<string, unknown>;
    expect([received, kept]).toEqual([sha256, expected]);
  },
);
