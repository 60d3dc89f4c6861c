// Floods of commands against the running program, at its default limits: what it logs, when it hangs up, and how soon
// others are answered meanwhile.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Served, serve } from '../credentials/served.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { TestClient } from '../support/smtp-client.ts';

const SOON_SECONDS = 2;
/** Of one client, in the minutes that an attack touches: 200 whole lines, and one for each reason. */
const LINES_OF_CLIENT = 2 * 300;

let aws: TestAws;
let served: Served;
beforeAll(async () => {
  aws = await startTestAws();
  served = await serve(aws, { log: { level: 'info', addresses: 'full' } });
});
afterAll(async () => {
  await served?.[Symbol.asyncDispose]();
  await aws?.close();
});

async function flood(kind: string, address: string): Promise<{ sent: number; sessions: number }> {
  const file = fileURLToPath(new URL('attackers/flood-commands.ts', import.meta.url));
  const options = [`--port=${served.port('mx')}`, `--address=${address}`, `--kind=${kind}`];
  const { stdout } = await promisify(execFile)(process.execPath, [file, ...options]);
  return JSON.parse(stdout) as { sent: number; sessions: number };
}

/** Seconds from the connection to the reply to a whole mail, again and again until the attack is over. */
async function sendMeanwhile(attack: Promise<unknown>): Promise<number[]> {
  const seconds: number[] = [];
  let isOver = false;
  void attack.then(() => {
    isOver = true;
  });
  while (!isOver) {
    const begun = performance.now();
    const client = await TestClient.connect(served.port('mx'));
    await client.openMessage();
    expect(await client.say('Subject: honest\r\n\r\nhello\r\n.')).toMatch(/^250 /);
    client.destroy();
    seconds.push((performance.now() - begun) / 1000);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return seconds;
}

test.each([
  ['recipients', '127.0.3.1'],
  ['junk', '127.0.3.2'],
  ['noop', '127.0.3.3'],
])(
  'a flood of %s is cut off, logged in a few lines, and delays nobody',
  async (kind, address) => {
    const before = served.output().length;
    const attack = flood(kind, address);
    const seconds = await sendMeanwhile(attack);
    const { sent, sessions } = await attack;
    expect(sent).toBeGreaterThan(1_000_000);
    expect(sessions).toBeGreaterThan(10);
    const lines = served
      .output()
      .slice(before)
      .split('\n')
      .filter((line) => line.includes(`"clientAddress":"${address}"`));
    expect(lines.length).toBeGreaterThan(5);
    expect(lines.length).toBeLessThan(LINES_OF_CLIENT);
    expect(seconds.length).toBeGreaterThan(3);
    expect(Math.max(...seconds)).toBeLessThan(SOON_SECONDS);
  },
  60_000,
);

test('a thousand recipients too many are 452 in one session, whatever RSET renews, and then it ends', async () => {
  const client = await TestClient.connect(served.port('mx'));
  await client.reply();
  await client.say('EHLO c');
  const codes: Record<string, number> = {};
  let isEnded = false;
  for (let transaction = 0; !isEnded && transaction < 5; transaction++) {
    client.send('RSET\r\nMAIL FROM:<a@b.example>\r\n');
    client.send('RCPT TO:<b@in.example>\r\n'.repeat(500));
    for (let reply = 0; reply < 502; reply++) {
      const code = (await client.reply()).slice(0, 3);
      codes[code] = (codes[code] ?? 0) + 1;
      isEnded = code === '421';
      if (isEnded) break;
    }
  }
  client.destroy();
  expect(codes['452']).toBe(1021);
  expect(codes['421']).toBe(1);
});
