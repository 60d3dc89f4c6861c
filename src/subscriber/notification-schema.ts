// The schema of the notification: a Standard Schema (standardschema.dev) by zod's small build, since this
// code is bundled into Lambda functions. It lets through what it does not know, as SES adds members without
// a warning.
import * as z from 'zod/mini';
import type { SesNotification } from './ses-notification.ts';

const text = (description: string) => z.string().check(z.describe(description));
const texts = z.array(z.string());
const optionalText = (description: string) => z.optional(text(description));
const optionalTexts = (description: string) => z.optional(texts.check(z.describe(description)));

const verdict = z.looseObject({
  status: z.enum(['PASS', 'FAIL', 'GRAY', 'PROCESSING_FAILED', 'DISABLED']),
});

const commonHeaders = z
  .looseObject({
    returnPath: text('The reverse-path without angle brackets; empty for the null reverse-path'),
    from: optionalTexts('Mailboxes with their display names'),
    date: optionalText('The text of the Date field'),
    to: optionalTexts('Mailboxes with their display names'),
    cc: optionalTexts('Mailboxes with their display names'),
    bcc: optionalTexts('Mailboxes with their display names'),
    // A list in the types that others publish for SES, a text in what SES sends.
    sender: z.optional(z.union([z.string(), texts])),
    replyTo: optionalTexts('Mailboxes with their display names'),
    messageId: optionalText('The Message-ID field, with its angle brackets'),
    subject: optionalText('The Subject field'),
  })
  .check(z.describe('The usual header fields; a key is present only if the field is'));

const mail = z.looseObject({
  timestamp: text('When the mail was received: ISO 8601, UTC'),
  source: text('The reverse-path without angle brackets; empty for the null reverse-path'),
  messageId: text('The id of the mail. The object key is objectKeyPrefix + messageId').check(
    z.minLength(1),
  ),
  destination: texts.check(
    z.describe('The addresses in To and Cc; the envelope is receipt.recipients'),
  ),
  headersTruncated: z.boolean().check(z.describe('The header section is larger than 10 KB')),
  headers: z.array(z.looseObject({ name: z.string(), value: z.string() })),
  commonHeaders,
});

const s3Action = z.looseObject({
  type: z.literal('S3'),
  topicArn: z.optional(z.string()),
  bucketName: z.string().check(z.minLength(1)),
  objectKeyPrefix: z.optional(z.string()),
  objectKey: z.string().check(z.minLength(1)),
});
const otherAction = z.looseObject({ type: z.string().check(z.regex(/^(?!S3$)/)) });

const receipt = z.looseObject({
  timestamp: text('ISO 8601, UTC'),
  processingTimeMillis: z.number(),
  recipients: texts.check(z.describe('The forward-paths of the envelope')),
  spamVerdict: verdict,
  virusVerdict: verdict,
  spfVerdict: verdict,
  dkimVerdict: verdict,
  dmarcVerdict: verdict,
  action: z.union([s3Action, otherAction]),
  dmarcPolicy: z.optional(z.enum(['none', 'quarantine', 'reject'])),
});

/** RFC 8601 section 2.7. */
const checkResult = z.enum([
  'pass',
  'fail',
  'softfail',
  'neutral',
  'none',
  'policy',
  'temperror',
  'permerror',
]);
const scanVerdict = z.enum(['PASS', 'FAIL', 'GRAY', 'PROCESSING_FAILED']);

const parameters = z.record(z.string(), z.unknown());
const octets = z.int().check(z.minimum(0));
const mailsluice = z
  .looseObject({
    schemaVersion: z.literal(1),
    envelope: z.looseObject({
      reversePath: z.nullable(z.string()),
      parameters,
      undeclaredUtf8: z.optional(z.literal(true)),
      recipients: z.array(
        z.looseObject({
          forwardPath: z.string(),
          parameters: z.optional(parameters),
          repeated: z.optional(z.literal(true)),
        }),
      ),
    }),
    client: z.looseObject({
      address: z.string(),
      port: z.int(),
      helo: z.string(),
      protocol: z.enum(['SMTP', 'ESMTP', 'LMTP']),
    }),
    tls: z.nullable(
      z.looseObject({
        version: z.string(),
        cipher: z.string(),
        serverName: z.optional(z.string()),
        clientCertificate: z.optional(
          z.looseObject({ subject: z.string(), fingerprint256: z.string() }),
        ),
      }),
    ),
    authenticated: z.nullable(z.looseObject({ username: z.string(), mechanism: z.string() })),
    listener: z.string(),
    sessionId: z.string(),
    sha256: text('Of the message as received, without the trace header block; hexadecimal'),
    size: octets.check(
      z.describe('Octets of the message as received, without the trace header block'),
    ),
    storedSha256: optionalText(
      'Present where the object does not hold the message as received: of what follows the trace header block; hexadecimal',
    ),
    storedSize: z.optional(
      octets.check(
        z.describe('Present with storedSha256: octets of what follows the trace header block'),
      ),
    ),
    normalizedNewlines: z.optional(
      octets.check(z.describe('Bare CRs and bare LFs as received, each stored as CRLF')),
    ),
    renamedFields: z.optional(
      octets.check(
        z.describe('Fields that claimed to be of this server, stored under names with X-Former'),
      ),
    ),
    traceHeaderSize: octets.check(z.describe('Octets of the trace header block in front of it')),
    sender: z.optional(
      z
        .looseObject({
          authenticated: z
            .nullable(z.boolean())
            .check(
              z.describe('The domain is proved; null: DNS did not answer. Act on nothing but true'),
            ),
          domain: optionalText(
            'Of the one mailbox of the one From field, in lower case and A-labels',
          ),
          address: optionalText('That mailbox'),
          by: z
            .array(z.enum(['dkim', 'spf', 'arc']))
            .check(z.describe('What proved it; empty unless authenticated is true')),
          dmarc: checkResult,
          spf: checkResult,
          dkim: z.array(
            z.looseObject({
              result: checkResult,
              domain: text('The signing domain'),
              selector: z.string(),
              aligned: z.boolean().check(z.describe('The signing domain is aligned with From')),
              partial: z.optional(
                z
                  .literal(true)
                  .check(z.describe('The signature leaves octets of the body unsigned')),
              ),
            }),
          ),
          arc: checkResult,
        })
        .check(
          z.describe('Who sent it, as far as that was proved; absent where it was not checked'),
        ),
    ),
    scan: z.optional(
      z
        .looseObject({
          spam: z.optional(
            z.looseObject({
              verdict: scanVerdict,
              score: z.optional(z.number()),
              symbols: z.optional(texts),
            }),
          ),
          virus: z.optional(
            z.looseObject({ verdict: scanVerdict, signature: z.optional(z.string()) }),
          ),
        })
        .check(z.describe('What the scanners found; absent where nothing was scanned')),
    ),
    lists: z.optional(
      z
        .array(
          z.looseObject({
            zone: z.string(),
            result: z.enum(['listed', 'not-listed', 'unknown']),
            subject: text('What was looked up: an address or a domain'),
            text: optionalText('What the zone publishes with the entry'),
          }),
        )
        .check(z.describe('The DNS lists that have the sender, or could not be asked')),
    ),
    quarantine: z.optional(
      z
        .enum(['dmarc', 'spam', 'virus'])
        .check(z.describe('The rule by which the mail is to be set aside')),
    ),
    reduced: optionalTexts('Fields that were left out or cut to fit into SNS'),
    replay: z.optional(
      z
        .looseObject({ at: z.string(), id: z.optional(z.string()) })
        .check(z.describe('Set on a replay from the archive')),
    ),
  })
  .check(z.describe('What SES cannot say; absent in a notification from Amazon SES itself'));

const schema = z
  .looseObject({
    notificationType: z.literal('Received'),
    mail,
    receipt,
    content: optionalText('The raw mail, only from the SNS action of Amazon SES'),
    mailsluice: z.optional(mailsluice),
  })
  .check(z.describe('An inbound mail, as Amazon SES and Mailsluice announce it'));

/** Validates the JSON of the SNS message. Usable with every library that takes a Standard Schema. */
export const notificationSchema: z.ZodMiniType<SesNotification> =
  schema as unknown as z.ZodMiniType<SesNotification>;

/** What is wrong with a document, a sentence each; empty when nothing is. */
export function notificationProblems(issues: readonly z.core.$ZodIssue[]): string[] {
  return issues.map(
    ({ path, message }) => `${path.map(String).join('.') || 'message'}: ${message}`,
  );
}

/** The JSON Schema (draft 2020-12) of the same; `notification.schema.json` is its text. */
export function notificationJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(schema, { io: 'input' });
}
