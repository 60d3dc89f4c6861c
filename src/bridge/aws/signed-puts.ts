// PutObject and UploadPart as one request each on the fast path (`signed-request.ts`), with the SDK's commands behind it.
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { Observe } from '../events.ts';
import { FastPathHealth } from './fast-path-health.ts';
import { createSdkPuts, type ObjectPuts, type Put, type PutResult } from './object-puts.ts';
import { type PutAnswer, provesPut } from './object-proofs.ts';
import { fieldOf } from './proof.ts';
import { escapeUri } from './signature.ts';
import { captureSender, LazySender, sendOrFallBack } from './signed-request.ts';

export function createSignedPuts(s3: S3Client, bucket: string, observe: Observe): ObjectPuts {
  const sdk = createSdkPuts(s3);
  const key = 'k';
  const health = new FastPathHealth('s3', observe);
  const lazySender = new LazySender(health, () => {
    const command = new PutObjectCommand({ Bucket: bucket, Key: key, Body: '' });
    return captureSender(s3, command, () => s3.send(command));
  });

  async function send(
    put: Put,
    headers: Readonly<Record<string, string>>,
    query: Readonly<Record<string, string>>,
    fallback: () => Promise<PutResult>,
  ): Promise<PutResult> {
    const sender = put.bucket === bucket ? await lazySender.get() : undefined;
    if (sender === undefined) return fallback();
    const checksum = put.sha256.toString('base64');
    return sendOrFallBack(
      health,
      () =>
        sender.send({
          method: 'PUT',
          path: sender.path.slice(0, -key.length) + put.key.split('/').map(escapeUri).join('/'),
          query,
          // Checked by S3 against what it stores.
          headers: { ...headers, 'x-amz-checksum-sha256': checksum },
          body: put.body,
          sha256: put.sha256,
          signal: put.signal,
        }),
      ({ status, headers: fields, text }) => {
        const etag = fieldOf(fields, 'etag');
        const answer: PutAnswer = {
          status,
          etag,
          checksum: fieldOf(fields, 'x-amz-checksum-sha256'),
          encryption: fieldOf(fields, 'x-amz-server-side-encryption'),
          isEmpty: text === '',
        };
        return provesPut(answer, checksum, put.body, s3) ? { etag, attempts: 1 } : undefined;
      },
      fallback,
    );
  }

  return {
    putObject: (put) => {
      const headers: Record<string, string> = { 'content-type': put.contentType };
      if (put.ifNoneMatch) headers['if-none-match'] = '*';
      for (const [name, value] of Object.entries(put.metadata)) {
        headers[`x-amz-meta-${name}`] = value;
      }
      return send(put, headers, {}, () => sdk.putObject(put));
    },
    putPart: (part) =>
      send(part, {}, { partNumber: String(part.partNumber), uploadId: part.uploadId }, () =>
        sdk.putPart(part),
      ),
    close: () => lazySender.close(),
  };
}
