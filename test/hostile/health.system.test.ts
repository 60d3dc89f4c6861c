// Crowds at the health port of the running program: every probe is answered, also one that shares its address with the
// crowd, and so is mail.
import { get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AwsProcess, startAwsProcess } from '../support/aws-process.ts';
import { Attack } from './attack.ts';
import { startProgram } from './program.ts';
import { type Outcome, sendMail, slowest } from './victim.ts';

/** Beside two busy processes on a shared machine; a load balancer waits 6 s for a probe. */
const SOON_SECONDS = 5;
const PROBES = 25;

let aws: AwsProcess;
beforeAll(async () => {
  aws = await startAwsProcess();
});
afterAll(() => aws.close());

async function probe(port: number, localAddress: string): Promise<Outcome> {
  const begun = performance.now();
  const reply = await new Promise<string>((resolve) => {
    const request = get({
      port,
      localAddress,
      host: '127.0.0.1',
      path: '/ready',
      agent: false,
      timeout: 10_000,
    });
    request.on('response', (response) => {
      response.resume();
      response.on('end', () => resolve(String(response.statusCode)));
      response.on('error', (error) => resolve(error.message));
    });
    request.on('timeout', () => request.destroy(new Error('no answer in time')));
    request.on('error', (error) => resolve(error.message));
  });
  return { reply, seconds: (performance.now() - begun) / 1000 };
}

test.each([
  ['3,000 idle connections from 10 addresses', { kind: 0, clients: 10, connections: 3000 }],
  ['3,000 idle connections from as many addresses', { kind: 0, clients: 3000, connections: 3000 }],
  [
    '3,000 idle connections from the address of the probe',
    { kind: 0, clients: 0, connections: 3000 },
  ],
  ['requests that never end', { kind: 1, clients: 200, connections: 1000 }],
  ['halves of PROXY headers', { kind: 2, clients: 200, connections: 1000 }],
  ['header sections of megabytes', { kind: 3, clients: 4, connections: 100 }],
  ['clients that do not read their answers', { kind: 4, clients: 100, connections: 400 }],
  ['clients that ask for the metrics without end', { kind: 5, clients: 4, connections: 100 }],
])('the health port answers its probes beside %s', { timeout: 120_000 }, async (what, options) => {
  const { serve, mx } = await startProgram(aws);
  await using attack = await Attack.start(
    'crowd-health',
    { port: serve.healthPort, ...options },
    options.connections,
    10,
  );
  const probes: Outcome[] = [];
  const mails: Outcome[] = [];
  for (let round = 0; round < PROBES; round += 1) {
    probes.push(
      await probe(serve.healthPort, '127.0.0.1'),
      await probe(serve.healthPort, `127.0.220.${1 + round}`),
    );
    if (round % 5 === 0) {
      mails.push(await sendMail({ port: mx, address: '127.0.221.1', octets: 20_000 }));
    }
    await pause(100);
  }
  expect(attack.held).toBeGreaterThan(50);
  process.stderr.write(
    `${what}: the slowest probe took ${slowest(probes)}, mail ${slowest(mails)}\n`,
  );
  expect(probes.filter(({ reply }) => reply !== '200')).toEqual([]);
  expect(probes.filter(({ seconds }) => seconds > SOON_SECONDS)).toEqual([]);
  expect(mails.filter(({ reply }) => !reply.startsWith('250'))).toEqual([]);
});
