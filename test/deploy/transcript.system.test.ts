// The life of a deployment, as an operator types it: install, bootstrap, deploy, doctor, update, a bad release, its
// roll-back, destroy, and a second deployment on what remains. MAILSLUICE_TRANSCRIPT=1 prints each command with its
// result, and types them into a new clone, where `npm ci` is the first one.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import nodemailer from 'nodemailer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mailsluice } from '../support/cli.ts';
import { DnsServer } from '../support/dns-server.ts';
import { DeployedProgram } from './deployed-program.ts';
import {
  clientOptions,
  type Facts,
  GIVEN,
  IMAGE,
  outputOf,
  python,
  readFacts,
  skipReason,
} from './deployment.ts';
import { Engine } from './engine.ts';
import { LoadBalancer } from './load-balancer.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const PRINTS = process.env['MAILSLUICE_TRANSCRIPT'] === '1';
/** An image that no registry has: the engine answers as the circuit breaker of ECS does. */
const BAD = GIVEN.replace(IMAGE, 'ghcr.io/example/mailsluice:not-there');
const UPDATE = `${GIVEN} -c mailDomains=in.example.com -c alarmEmail=oncall@example.com`;
const RECIPIENT = 'test@in.example.com';

interface DoctorReport {
  readonly level: string;
  readonly findings: readonly {
    readonly check: string;
    readonly level: string;
    readonly found: string;
    readonly why?: string;
    readonly fix?: string;
  }[];
}

describe.skipIf(!python.ok)(`a deployment from the first to the last day${skipReason}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'transcript-'));
  const checkout = PRINTS ? join(folder, 'mailsluice') : root;
  let engine: Engine;
  let deployed = '';
  let first: Facts;
  let updated: Facts;
  let certificate = '';
  let messageId = '';

  beforeAll(async () => {
    if (python.ok) engine = await Engine.start(python.bin);
  }, 120_000);
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    if (python.ok) await engine.stop();
  });

  /** Runs a command as typed, and prints it with its end where somebody wants the transcript. */
  async function type(command: string, lines = 12): Promise<{ code: number; output: string }> {
    // As on a terminal, where both outputs are in the order in which they are written.
    const result = await engine.shell(`exec 2>&1; ${command}`, { folder: checkout });
    if (PRINTS) {
      const end = result.output.trimEnd().split('\n').slice(-lines).join('\n');
      process.stdout.write(`\n$ ${command}\n${end}\n[exit code ${result.code}]\n`);
    }
    return result;
  }

  async function typeWell(command: string, lines?: number): Promise<string> {
    const { code, output } = await type(command, lines);
    expect(code, `${command}\n${output.slice(-3000)}\n${engine.lastWords}`).toBe(0);
    return output;
  }

  const facts = (): Promise<Facts> => readFacts(engine, 'prod', 'none');

  test('the checkout is installed in an empty folder', { timeout: 600_000 }, async ({ skip }) => {
    skip(!PRINTS, 'needs minutes and the registry: run with MAILSLUICE_TRANSCRIPT=1');
    execFileSync('git', ['clone', '--quiet', root, checkout]);
    await typeWell('npm ci');
    await typeWell('npm run synth -- -c hostname=mx.example.com');
  });

  test('bootstrap', { timeout: 240_000 }, async () => {
    expect(await typeWell('npx cdk bootstrap', 3)).toContain('bootstrapped');
  });

  test('the first deployment, which ends with the doctor', { timeout: 240_000 }, async () => {
    deployed = await typeWell(`npm run deploy -- ${GIVEN}`, 120);
    expect(deployed).toContain('mailsluice doctor --stack Mailsluice-prod-Service');
    expect(deployed).toMatch(/ok +aws\.stack +the stack Mailsluice-prod-Service is deployed/);
    expect(outputOf(deployed, 'DoctorCommand')).toBe(
      'npx mailsluice doctor --stack Mailsluice-prod-Service',
    );
    expect(outputOf(deployed, 'ReverseDnsCommand')).toMatch(
      /^aws ec2 modify-address-attribute --allocation-id eipalloc-\w+ --domain-name mx\.example\.com && /,
    );
    first = await facts();
  });

  test('an update changes what it names', { timeout: 240_000 }, async () => {
    await typeWell(`npx cdk deploy --all ${UPDATE} --require-approval never`);
    updated = await facts();
    expect(updated.alarmAddresses).toEqual(['oncall@example.com']);
    expect(updated.outputs['MailBucketName']).toBe(first.outputs['MailBucketName']);
    certificate = await readCertificate();
    expect(certificate).toContain('BEGIN CERTIFICATE');
  });

  test('the doctor looks at the running service, and each of its lines is right', {
    timeout: 240_000,
  }, async () => {
    const { outputs } = updated;
    const addresses = (outputs['StaticAddresses'] ?? '').split(' ');
    // moto does not know the action; the AWS CLI checks what it is given, and makes an answer.
    const pointers = outputs['ReverseDnsCommand']?.replaceAll(
      '--domain-name mx.example.com',
      '--domain-name mx.example.com --generate-cli-skeleton output',
    );
    await typeWell(pointers ?? 'false', 3);
    const authority = join(folder, 'certificate.pem');
    writeFileSync(authority, (JSON.parse(certificate) as { cert: string }).cert);
    const added = await mailsluice(
      ['credentials', 'add', 'scanner', '--table', outputs['CredentialTableName'] ?? '', '--json'],
      engine.environment,
    );
    const { password } = JSON.parse(added.output) as { readonly password: string };
    const passwordFile = join(folder, 'password');
    writeFileSync(passwordFile, password);
    const program = await DeployedProgram.start(engine);
    try {
      await using balancer = await LoadBalancer.start(addresses, {
        mx: program.port('mx'),
        submission: program.port('submission'),
        smtps: program.port('smtps'),
      });
      await using dns = await DnsServer.start(
        [
          ...addresses.map((address) => `mx.example.com A ${address}`),
          ...addresses.map(
            (address) =>
              `${address.split('.').toReversed().join('.')}.in-addr.arpa PTR mx.example.com`,
          ),
          'in.example.com MX 10 mx.example.com',
        ].join('\n'),
      );
      const ports = Object.entries(balancer.ports).map(([name, port]) => `--port ${name}=${port}`);
      const { code, output } = await type(
        `npx mailsluice doctor --stack Mailsluice-prod-Service --resolver ${dns.address} ${ports.join(' ')} --ca-file ${authority} --user scanner --password-file ${passwordFile} --send-mail --recipient ${RECIPIENT} --json`,
      );
      const json = output.split('\n').find((line) => line.startsWith('{')) ?? '{}';
      const { findings } = JSON.parse(json) as DoctorReport;
      if (PRINTS)
        for (const each of findings)
          process.stdout.write(`${each.level} ${each.check} ${each.found}\n`);
      expect(findings.filter(({ level }) => level === 'failed')).toEqual([]);
      expect(code).toBe(0);
      const levels: Record<string, string[]> = {};
      for (const { check, level } of findings) (levels[check] ??= []).push(level);
      const once = ['ok'];
      const onEachPort = ['ok', 'ok', 'ok'];
      expect(levels).toEqual({
        'aws.stack': once,
        'dns.address': once,
        // One of each address.
        'dns.ptr': ['ok', 'ok'],
        'dns.caa': ['note'],
        'dns.mx': once,
        'dns.mta-sts': ['note'],
        'dns.tls-rpt': ['note'],
        'smtp.connection': [...onEachPort, ...onEachPort],
        'smtp.extensions': onEachPort,
        'smtp.certificate': onEachPort,
        // On the ports for mail programs, without sign-in.
        'smtp.sender': ['ok', 'ok'],
        // Other domains are refused; every address of its own domain is accepted, and its postmaster.
        'smtp.recipients': ['ok', 'note', 'ok'],
        'smtp.sign-in': once,
        'aws.outbox': once,
        // Nobody is subscribed, but for the queue of the doctor itself.
        'aws.subscriptions': ['note'],
        'aws.alarms': once,
        'aws.quotas': once,
        // Accepted, stored, announced.
        mail: ['ok', 'ok', 'ok'],
      });
    } finally {
      expect(await program.stop()).toBe(0);
    }
  });

  test('a mail is stored before the bad release', { timeout: 60_000 }, async () => {
    const program = await DeployedProgram.start(engine);
    const { response } = await nodemailer
      .createTransport({
        host: '127.0.0.1',
        port: program.port('mx'),
        tls: { rejectUnauthorized: false },
      })
      .sendMail({ from: 'a@client.example', to: RECIPIENT, text: 'kept' });
    messageId = /queued as (\S+)/.exec(response)?.[1] ?? '';
    expect(await program.stop()).toBe(0);
    expect(await storedMail(updated)).toContain('kept');
  });

  test('a release whose tasks do not start is rolled back, and the one before it stays', {
    timeout: 240_000,
  }, async () => {
    const { code, output } = await type(
      `npx cdk deploy --all ${BAD} -c cpu=1024 -c memoryMiB=2048 --require-approval never`,
    );
    expect(code).toBe(1);
    expect(output).toContain('ECS Deployment Circuit Breaker was triggered');
    expect(output).toContain('UPDATE_ROLLBACK_COMPLETE');
    // Not what the data stack had changed before: it was deployed with success.
    const now = await facts();
    expect(now.task).toEqual(updated.task);
    expect(now.configuration).toEqual(updated.configuration);
    expect(now.alarmAddresses).toEqual(updated.alarmAddresses);
    expect(now.outputs['LoadBalancerName']).toBe(updated.outputs['LoadBalancerName']);
  });

  test('the doctor says that the last deployment failed', { timeout: 120_000 }, async () => {
    const { output } = await type(
      'npx mailsluice doctor --stack Mailsluice-prod-Service --timeout 2',
      30,
    );
    expect(output).toMatch(
      /warning +aws\.stack +the last deployment of the stack Mailsluice-prod-Service failed \(UPDATE_ROLLBACK_COMPLETE\)/,
    );
    expect(output).toContain(
      'aws cloudformation describe-stack-events --stack-name Mailsluice-prod-Service --max-items 20',
    );
    await typeWell(
      'aws cloudformation describe-stack-events --stack-name Mailsluice-prod-Service --max-items 20',
      3,
    );
  });

  test('the good release is deployed again, and nothing differs', {
    timeout: 240_000,
  }, async () => {
    await typeWell(`npx cdk deploy --all ${UPDATE} --require-approval never`, 3);
    expect(await typeWell(`npx cdk diff ${UPDATE} --method=template --fail`, 3)).toContain(
      'Number of stacks with differences: 0',
    );
  });

  test('the service is destroyed; mail, credentials, addresses and certificate remain', {
    timeout: 240_000,
  }, async () => {
    await typeWell('npx cdk destroy Mailsluice-prod-Service --force', 3);
    expect(await storedMail(updated)).toContain('kept');
    const { Table } = await new DynamoDBClient(clientOptions(engine)).send(
      new DescribeTableCommand({ TableName: updated.outputs['CredentialTableName'] }),
    );
    expect(Table?.TableStatus).toBe('ACTIVE');
    expect(await readCertificate()).toBe(certificate);
    const refused = await type('npx cdk destroy Mailsluice-prod-Data --force', 3);
    expect(refused.code).toBe(1);
    expect(refused.output).toMatch(/TerminationProtection/);
  });

  test('a second deployment takes the mail, the credentials and the certificate that remained', {
    timeout: 240_000,
  }, async () => {
    await typeWell(`npm run deploy -- ${UPDATE}`, 120);
    const now = await facts();
    for (const name of [
      'MailBucketName',
      'TopicArn',
      'CredentialTableName',
      'StaticAddresses',
      'CertificateSecretArn',
    ]) {
      expect(now.outputs[name], name).toBe(updated.outputs[name]);
    }
    expect(await readCertificate()).toBe(certificate);
    expect(await storedMail(now)).toContain('kept');
    const program = await DeployedProgram.start(engine);
    expect(await program.stop()).toBe(0);
  });

  /** What the secret of the certificate holds. */
  async function readCertificate(): Promise<string> {
    const { SecretString = '' } = await new SecretsManagerClient(clientOptions(engine)).send(
      new GetSecretValueCommand({ SecretId: updated.outputs['CertificateSecretArn'] }),
    );
    return SecretString;
  }

  async function storedMail({ outputs }: Facts): Promise<string> {
    const s3 = new S3Client({ ...clientOptions(engine), forcePathStyle: true });
    const Bucket = outputs['MailBucketName'];
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'mail/' }));
    const found = Contents.find(({ Key = '' }) => Key.includes(messageId));
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: found?.Key }));
    return (await Body?.transformToString()) ?? '';
  }
});
