// Many honest senders of large mail at once, at the default limits. None is closed or refused for good, and one that is
// asked to come again gets through within three tries. A few senders here; MAILSLUICE_HONEST_SENDERS=500 is the
// campaign, with tries that are a minute apart.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { largeMessage } from '../bench/drivers/large-message.ts';
import { startServer } from '../bench/processes.ts';
import { type AwsProcess, startAwsProcess } from '../support/aws-process.ts';
import { startProgram } from './program.ts';
import { sendMail } from './victim.ts';

const SENDERS = Number(process.env['MAILSLUICE_HONEST_SENDERS'] ?? 60);
const isCampaign = SENDERS > 100;
const SENDERS_OF_A_CLIENT = 10;
const OCTETS = 25_000_000;
const TRIES = 3;
const APART_SECONDS = isCampaign ? 60 : 20;
/** The line of the slowest: a sender of each of the first clients. 25 MB over the campaign's take more than eight minutes. */
const SLOW_OCTETS_PER_SECOND = isCampaign ? 50_000 : 1_000_000;
const SLOW_SENDERS = 6;
const RESIDENT_MEBIBYTES = 512;

let aws: AwsProcess;
beforeAll(async () => {
  aws = await startAwsProcess();
});
afterAll(() => aws.close());

test(`${SENDERS} senders of 25 MB at once: none is closed or refused, each gets through within three tries`, {
  timeout: 3_600_000,
}, async () => {
  const s3 = await startServer((port) => ({
    program: process.execPath,
    args: [
      fileURLToPath(new URL('../bench/servers/hashing-s3.ts', import.meta.url)),
      String(port),
      String(OCTETS),
    ],
  }));
  onTestFinished(() => s3.stop());
  const endpoint = `http://127.0.0.1:${s3.port}`;
  const { mx, serve } = await startProgram(aws, {}, { AWS_ENDPOINT_URL_S3: endpoint });
  const message = largeMessage(OCTETS);

  const sendUntilTaken = async (number: number): Promise<string[]> => {
    const replies: string[] = [];
    const client = Math.floor(number / SENDERS_OF_A_CLIENT);
    const isSlow = number % SENDERS_OF_A_CLIENT === 0 && client < SLOW_SENDERS;
    while (replies.length < TRIES && !replies.at(-1)?.startsWith('250')) {
      if (replies.length > 0) await pause(APART_SECONDS * 1000);
      const { reply } = await sendMail({
        port: mx,
        address: `127.0.3.${1 + client}`,
        message,
        declares: number % 2 === 0,
        ...(isSlow && { rate: SLOW_OCTETS_PER_SECOND }),
      });
      replies.push(reply.slice(0, 9));
    }
    return replies;
  };
  const all = await Promise.all(
    Array.from({ length: SENDERS }, (_, number) => sendUntilTaken(number)),
  );
  expect(all.flat().filter((reply) => !/^(?:250 2\.0\.0|452 4\.3\.1)$/.test(reply))).toEqual([]);
  expect(all.filter((replies) => !replies.at(-1)?.startsWith('250'))).toEqual([]);
  expect(await (await fetch(`${endpoint}/report`)).json()).toMatchObject({
    objects: SENDERS,
    wrong: 0,
  });
  expect(peakMebibytes(serve.pid)).toBeLessThan(RESIDENT_MEBIBYTES);
});

/** The most memory that the process ever had resident. */
function peakMebibytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
}
