// A program that reads a mail from S3 part by part, as a function does: `node read-parts.ts BUCKET KEY`. It prints the digest of each part
// and the most memory that the process had.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { S3Client } from '@aws-sdk/client-s3';
import { mailParts } from '../../src/subscriber/index.ts';

const [, , bucketName = '', objectKey = ''] = process.argv;
const parts: [number: string, octets: number, sha256: string][] = [];
const mail = { object: { bucketName, objectKey } };
for await (const { number, content } of mailParts(mail, {
  s3: new S3Client({ forcePathStyle: true }),
})) {
  const hash = createHash('sha256');
  let octets = 0;
  for await (const chunk of content as AsyncIterable<Buffer>) {
    hash.update(chunk);
    octets += chunk.length;
  }
  parts.push([number, octets, hash.digest('hex')]);
}
// Of this program alone: `resourceUsage` counts what the process was before it became this program, a copy of the one that started it.
const [, kilobytes = ''] =
  /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
process.stdout.write(JSON.stringify({ parts, peakOctets: Number(kilobytes) * 1024 }));
