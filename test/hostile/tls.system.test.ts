// testssl.sh against the running program, with its default TLS settings: STARTTLS and implicit TLS. It finds nothing of
// MEDIUM severity or above but what the certificate of the test brings along.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Served, serve } from '../credentials/served.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { missing } from '../support/programs.ts';

const PROGRAM = 'testssl';
const absent = missing(PROGRAM);

interface Finding {
  readonly id: string;
  readonly severity: string;
  readonly finding: string;
}

const SEVERE = new Set(['MEDIUM', 'HIGH', 'CRITICAL', 'FATAL']);

/** Of a certificate that the test has signed by itself, for a name that is not in the DNS. */
const OF_THE_CERTIFICATE: Readonly<Record<string, string>> = {
  cert_chain_of_trust: 'it is self-signed',
  cert_trust: 'it is for another name than the address',
  cert_revocation: 'nobody publishes its revocation',
  cert_expirationStatus: 'it is made for days',
  cert_notAfter: 'it is made for days',
};

let aws: TestAws;
let served: Served;
let folder: string;
beforeAll(async () => {
  aws = await startTestAws();
  served = await serve(aws, { log: { level: 'info' } });
  folder = await mkdtemp(join(tmpdir(), 'mailsluice-testssl-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await served?.[Symbol.asyncDispose]();
  await aws?.close();
});

/** Protocols, cipher categories, forward secrecy, preferences and defaults of the server, known attacks; not the clients that it simulates. */
const CHECKS = ['-p', '-s', '-f', '-P', '-S', '-U'];

async function findingsAt(address: string, ...options: readonly string[]): Promise<Finding[]> {
  const file = join(folder, `${options.length}.json`);
  const args = ['--quiet', '--color', '0', '--warnings', 'off', '--jsonfile', file];
  const child = spawn(PROGRAM, [...args, ...CHECKS, ...options, address], { stdio: 'ignore' });
  await once(child, 'exit');
  return JSON.parse(await readFile(file, 'utf8')) as Finding[];
}

test.skipIf(absent !== undefined).each([
  ['STARTTLS', 'mx', ['--starttls', 'smtp']],
  ['implicit TLS', 'smtps', []],
])(
  `testssl.sh finds nothing severe in %s${absent === undefined ? '' : ` (skipped: ${absent})`}`,
  async (_, listener, options) => {
    const findings = await findingsAt(`127.0.0.1:${served.port(listener)}`, ...options);
    const looked = new Set(findings.map(({ id }) => id));
    for (const id of ['SSLv3', 'TLS1', 'TLS1_2', 'heartbleed', 'ROBOT', 'SWEET32', 'RC4']) {
      expect(looked).toContain(id);
    }
    const severe = findings.filter(({ severity }) => SEVERE.has(severity));
    expect(severe.filter(({ id }) => OF_THE_CERTIFICATE[id] === undefined)).toEqual([]);
  },
  600_000,
);
