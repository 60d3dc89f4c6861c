// One credential as a line of JSON, with its verifiers, to be imported elsewhere.
import { z } from 'zod';
import { objectPrefix } from '../../config/schema/common.ts';
import {
  canonicalUsername,
  type Credential,
  MAX_SECRETS,
  parseVerifier,
  renderVerifier,
} from '../../credentials/index.ts';
import { checkAddressPattern, TOPIC_ARN } from '../../policy/index.ts';
import { isNetwork } from '../../policy/index.ts';

const moment = z.iso.datetime().transform((text) => new Date(text));
const octets = (length: number) =>
  z
    .base64()
    .transform((text) => Buffer.from(text, 'base64'))
    .refine((buffer) => buffer.length === length, `expected ${length} octets`);
const whole = z.number().int().positive();
const patterns = z.array(
  z.string().superRefine((text, context) => {
    const wrong = checkAddressPattern(text);
    if (wrong !== undefined) context.addIssue(wrong);
  }),
);

const secret = z.strictObject({
  kind: z.enum(['generated', 'password', 'imported']),
  verifier: z.string().transform((text, context) => {
    const verifier = parseVerifier(text);
    if (typeof verifier !== 'string') return verifier;
    context.addIssue(verifier);
    return z.NEVER;
  }),
  scram: z.strictObject({ storedKey: octets(32), serverKey: octets(32) }).exactOptional(),
  createdAt: moment,
  expiresAt: moment.exactOptional(),
});

const schema = z.strictObject({
  username: z.string().transform((text, context) => {
    const username = canonicalUsername(text);
    if (username !== undefined) return username;
    context.addIssue('expected 1 to 255 octets that SASLprep (RFC 4013) allows');
    return z.NEVER;
  }),
  version: whole,
  enabled: z.boolean(),
  secrets: z.array(secret).max(MAX_SECRETS),
  scram: z
    .strictObject({
      salt: z.base64().transform((text) => Buffer.from(text, 'base64')),
      iterations: whole.min(4096),
    })
    .exactOptional(),
  tokenIssuers: z.array(z.string().regex(/^https?:\/\/\S+$/)).exactOptional(),
  tokenName: z.string().min(1).max(255).exactOptional(),
  grants: z.strictObject({
    allowedSenders: patterns.exactOptional(),
    allowedRecipients: patterns.exactOptional(),
    allowedCidrs: z
      .array(z.string().refine(isNetwork, 'expected an address or a network like 192.0.2.0/24'))
      .exactOptional(),
    maxMessageSize: whole.exactOptional(),
    rate: z
      .strictObject({
        messages: whole.exactOptional(),
        octets: whole.exactOptional(),
        periodSeconds: z.number().min(1),
      })
      .exactOptional(),
    prefix: objectPrefix.exactOptional(),
    topicArn: z.string().regex(TOPIC_ARN, 'expected the ARN of a topic').exactOptional(),
  }),
  expiresAt: moment.exactOptional(),
  note: z.string().exactOptional(),
  createdAt: moment,
  lastUsedAt: moment.exactOptional(),
});

export function renderCredential(credential: Credential): string {
  const { secrets, scram, ...rest } = credential;
  return JSON.stringify({
    ...rest,
    secrets: secrets.map(({ verifier, scram: keys, ...secretRest }) => ({
      ...secretRest,
      verifier: renderVerifier(verifier),
      ...(keys && {
        scram: {
          storedKey: keys.storedKey.toString('base64'),
          serverKey: keys.serverKey.toString('base64'),
        },
      }),
    })),
    ...(scram && { scram: { ...scram, salt: scram.salt.toString('base64') } }),
  });
}

/** The credential, or a sentence that says what is wrong with the line; never with a verifier in it. */
export function parseCredential(line: string): Credential | string {
  let document: unknown;
  try {
    document = JSON.parse(line);
  } catch {
    return 'expected one JSON object on the line';
  }
  const parsed = schema.safeParse(document);
  if (!parsed.success) {
    return parsed.error.issues
      .map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`))
      .join('; ');
  }
  return parsed.data;
}
