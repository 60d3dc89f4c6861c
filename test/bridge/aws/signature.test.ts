// Signatures compared with those of the SDK's own signer, and with the one that AWS's documentation gives.
import { createHash } from 'node:crypto';
import { S3Client } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  canonicalQuery,
  RequestSigner,
  type SigningCredentials,
  type UnsignedRequest,
} from '../../../src/bridge/aws/signature.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, "Example: PUT Object"
test('signs the PUT Object example of the Amazon S3 documentation as the documentation does', () => {
  const signer = new RequestSigner({ region: 'us-east-1', service: 's3' });
  const { authorization } = signer.sign(
    {
      method: 'PUT',
      path: '/test%24file.text',
      query: '',
      headers: {
        host: 'examplebucket.s3.amazonaws.com',
        date: 'Fri, 24 May 2013 00:00:00 GMT',
        'x-amz-storage-class': 'REDUCED_REDUNDANCY',
        'x-amz-content-sha256': sha256('Welcome to Amazon S3.'),
      },
    },
    {
      accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
      secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    },
    new Date('2013-05-24T00:00:00Z'),
  );
  expect(authorization).toBe(
    'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, ' +
      'SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class, ' +
      'Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
  );
});

/** The part of the SDK's signer that is used here. */
interface SdkSigner {
  sign(
    request: object,
    options: { readonly signingDate: Date },
  ): Promise<{ readonly headers: Readonly<Record<string, string>> }>;
}

const word = fc.stringMatching(/^[A-Za-z0-9]{1,20}$/);
const value = fc.stringMatching(/^[ -~\t]{0,60}$/).filter((text) => text.trim() !== '');
const escaped = fc
  .string({ unit: 'binary', maxLength: 30 })
  .map((text) =>
    encodeURIComponent(text.toWellFormed()).replace(
      /[!'()*]/g,
      (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
    ),
  );
const requests = fc.record({
  segments: fc.array(escaped, { maxLength: 4 }),
  query: fc.dictionary(word, fc.string({ unit: 'grapheme', maxLength: 10 }), { maxKeys: 3 }),
  metadata: fc.dictionary(
    word.map((name) => `x-amz-meta-${name.toLowerCase()}`),
    value,
    { maxKeys: 6 },
  ),
  isConditional: fc.boolean(),
  secretAccessKey: fc.stringMatching(/^[A-Za-z0-9/+]{40}$/),
  sessionToken: fc.option(value, { nil: undefined }),
  time: fc.date({
    min: new Date('2020-01-01T00:00:00Z'),
    max: new Date('2040-01-01T00:00:00Z'),
    noInvalidDate: true,
  }),
});

/** What the SDK's client of the service would send. */
async function signedBySdk(
  service: 's3' | 'sns',
  { method, path, headers }: UnsignedRequest,
  query: Readonly<Record<string, string>>,
  credentials: SigningCredentials,
  signingDate: Date,
): Promise<Readonly<Record<string, string>>> {
  const settings = { region: 'eu-west-1', credentials };
  const client = service === 's3' ? new S3Client(settings) : new SNSClient(settings);
  const { signer } = client.config as unknown as { signer: () => Promise<SdkSigner> };
  const request = { method, protocol: 'https:', hostname: 'a.example', path, query, headers };
  try {
    return (await (await signer()).sign(request, { signingDate })).headers;
  } finally {
    client.destroy();
  }
}

test.each(['s3', 'sns'] as const)(
  'a request to %s has the signature that the SDK gives it',
  async (service) => {
    await fc.assert(
      fc.asyncProperty(requests, async (given) => {
        const { secretAccessKey, sessionToken, time } = given;
        const credentials = {
          accessKeyId: 'AKIDEXAMPLE',
          secretAccessKey,
          ...(sessionToken !== undefined && { sessionToken }),
        };
        const unsigned: UnsignedRequest = {
          method: 'PUT',
          // SNS has one path.
          path: service === 's3' ? `/${given.segments.join('/')}` : '/',
          query: canonicalQuery(given.query),
          headers: {
            host: '127.0.0.1:1',
            'user-agent': 'a  b',
            'content-length': '12',
            'x-amz-content-sha256': sha256(secretAccessKey),
            'content-type': 'message/rfc822',
            ...(given.isConditional && { 'if-none-match': '*' }),
            ...given.metadata,
          },
        };
        const signer = new RequestSigner({ region: 'eu-west-1', service });
        expect(signer.sign(unsigned, credentials, time)).toEqual(
          await signedBySdk(service, unsigned, given.query, credentials, time),
        );
      }),
      { numRuns: 300 },
    );
  },
);
