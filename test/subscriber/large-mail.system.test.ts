// A mail of 150 MB through a process that may have 256 MB, as a function of that size.
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestAws, type TestAws } from '../support/aws.ts';

const MEGABYTE = 1_000_000;
const PART_OCTETS = 10 * MEGABYTE;
/** Of Lambda: 256 MiB. */
const MEMORY_OCTETS = 256 * 1024 * 1024;

let aws: TestAws;
beforeAll(async () => {
  aws = await startTestAws();
});
afterAll(() => aws.close());

function sha256(octets: Buffer): string {
  return createHash('sha256').update(octets).digest('hex');
}

/** In parts, as a mail of this size is stored. */
async function upload(Key: string, raw: Buffer): Promise<void> {
  const place = { Bucket: aws.resources.bucket, Key };
  const { UploadId } = await aws.s3.send(new CreateMultipartUploadCommand(place));
  const Parts = [];
  for (let at = 0; at * PART_OCTETS < raw.length; at += 1) {
    const Body = raw.subarray(at * PART_OCTETS, (at + 1) * PART_OCTETS);
    const PartNumber = at + 1;
    const { ETag } = await aws.s3.send(
      new UploadPartCommand({ ...place, UploadId, PartNumber, Body }),
    );
    Parts.push({ ETag, PartNumber });
  }
  await aws.s3.send(
    new CompleteMultipartUploadCommand({ ...place, UploadId, MultipartUpload: { Parts } }),
  );
}

test.each([150])(
  'a mail of %i MB is read part by part by a process of 256 MB',
  { timeout: 300_000 },
  async (megabytes) => {
    const block = randomBytes(3 * MEGABYTE);
    const encoded = Buffer.from(block.toString('base64').replace(/.{76}/g, '$&\r\n'));
    const binary = randomBytes(encoded.length);
    const repeats = Math.ceil(((megabytes / 2) * MEGABYTE) / encoded.length);
    const head = 'Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nHello\r\n';
    const attachment =
      '--x\r\nContent-Type: video/mp4\r\nContent-Transfer-Encoding: base64\r\n\r\n';
    const blocks = Array<Buffer>(repeats).fill(encoded);
    const raw = Buffer.concat([
      Buffer.from(head + attachment),
      ...blocks,
      // The same again without an encoding: one line without an end, as binary content can be.
      Buffer.from('\r\n--x\r\nContent-Type: video/mp4\r\n\r\n'),
      ...Array<Buffer>(repeats).fill(binary),
      Buffer.from('\r\n--x--\r\n'),
    ]);
    expect(raw.length).toBeGreaterThan(megabytes * MEGABYTE * 0.99);
    const Key = 'mail/0123456789abcdefghijklmnopqrstuv01234567';
    await upload(Key, raw);

    const program = fileURLToPath(new URL('read-parts.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(
      process.execPath,
      // As Lambda bounds the heap of a function of this size.
      ['--max-old-space-size=230', program, aws.resources.bucket, Key],
      { env: { ...process.env, ...aws.environment } },
    );
    const { parts, peakOctets } = JSON.parse(stdout) as {
      readonly parts: unknown;
      readonly peakOctets: number;
    };
    process.stdout.write(
      `${(raw.length / MEGABYTE).toFixed(0)} MB of mail: at most ${(peakOctets / MEGABYTE).toFixed(0)} MB of memory\n`,
    );
    expect(parts).toEqual([
      ['1', 5, sha256(Buffer.from('Hello'))],
      ['2', repeats * block.length, sha256(Buffer.concat(Array<Buffer>(repeats).fill(block)))],
      ['3', repeats * binary.length, sha256(Buffer.concat(Array<Buffer>(repeats).fill(binary)))],
    ]);
    expect(peakOctets).toBeLessThan(MEMORY_OCTETS);
  },
);
