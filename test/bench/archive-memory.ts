// Peak memory of `mailsluice archive list`, `fetch`, `index` and `replay` over 1,000 and over 10,000 mails, each a process of
// its own against the embedded AWS in this one: node test/bench/archive-memory.ts [mails …]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { encodeRecord, makeRecord } from '../../src/bridge/contract/mail-record.ts';
import { objectKeyPrefix } from '../../src/bridge/contract/object-key.ts';
import { notVerified } from '../../src/bridge/contract/verification.ts';
import { facts } from '../bridge/support.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';

const COUNTS = process.argv.slice(2).map(Number);
const CONTENT = Buffer.from(`Subject: bench\r\n\r\n${'0123456789abcdef\r\n'.repeat(200)}`);
const WRITERS = 32;
/** The last mails of every archive: one hour, however many there are before it. */
const HOUR = ['--from', '2026-11-23T23:00Z', '--to', '2026-11-24'];
const DAY = ['--from', '2026-11-23', '--to', '2026-11-24'];

async function fill(aws: TestAws, mails: number): Promise<void> {
  const start = Date.UTC(2026, 10, 23);
  let next = 0;
  const writer = async (): Promise<void> => {
    for (let at = next++; at < mails; at = next++) {
      const of = facts({ receivedAt: new Date(start + Math.floor((at * 86_400_000) / mails)) });
      const { metadata } = encodeRecord(
        makeRecord({
          facts: of,
          recipients: of.envelope.recipients,
          processingTimeMillis: 5,
          topicArn: aws.resources.topicArn,
          verification: notVerified,
          sha256: '0'.repeat(64),
          sizeInOctets: CONTENT.length,
          traceHeaderOctets: 0,
        }),
      );
      await aws.s3.send(
        new PutObjectCommand({
          Bucket: aws.resources.bucket,
          Key: objectKeyPrefix('mail/', of.receivedAt) + of.messageId,
          Body: CONTENT,
          Metadata: { ...metadata },
        }),
      );
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
}

async function measure(
  aws: TestAws,
  args: readonly string[],
): Promise<{ readonly mebibytes: number; readonly seconds: number; readonly lines: number }> {
  const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
  const started = performance.now();
  const child = spawn(
    process.execPath,
    ['--import', file('report-memory.ts'), file('../../src/cli/main.ts'), 'archive', ...args],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        ...aws.environment,
        MAILSLUICE_CONFIG: JSON.stringify({ store: { bucket: aws.resources.bucket } }),
      },
    },
  );
  let stderr = '';
  let lines = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    for (const octet of chunk) if (octet === 0x0a) lines += 1;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  const kibibytes = Number(/peak-rss-kib (\d+)/.exec(stderr)?.[1]);
  if (code !== 0 || Number.isNaN(kibibytes)) throw new Error(stderr);
  return { mebibytes: kibibytes / 1024, seconds: (performance.now() - started) / 1000, lines };
}

console.log('| mails | command | seconds | mails/s | peak RSS, MiB |');
console.log('| ---: | --- | ---: | ---: | ---: |');
for (const mails of COUNTS.length > 0 ? COUNTS : [1000, 10_000]) {
  await using aws = await startTestAws();
  await fill(aws, mails);
  const folder = await mkdtemp(join(tmpdir(), 'mailsluice-archive-memory-'));
  const commands: [string, readonly string[], number][] = [
    ['list', ['list', ...DAY, '--json'], mails],
    ['list --keys', ['list', ...DAY, '--keys'], mails],
    ['list, one hour', ['list', ...HOUR, '--json'], mails / 24],
    ['list by subject', ['list', ...DAY, '--subject', 'bench', '--csv'], mails],
    ['fetch to an mbox', ['fetch', ...DAY, '--mbox', join(folder, 'mail.mbox')], mails],
    ['fetch to a Maildir', ['fetch', ...DAY, '--maildir', join(folder, 'Maildir')], mails],
    ['index', ['index', ...DAY], mails],
    ['index, done', ['index', ...DAY], mails],
    ['replay to the topic', ['replay', ...DAY, '--topic', aws.resources.topicArn], mails],
  ];
  for (const [name, args, about] of commands) {
    const { mebibytes, seconds, lines } = await measure(aws, args);
    const done = name.startsWith('list') ? lines : about;
    console.log(
      `| ${mails} | ${name} | ${seconds.toFixed(1)} | ${Math.round(done / seconds)} | ${mebibytes.toFixed(0)} |`,
    );
  }
  await rm(folder, { recursive: true });
}
