// Every command of README.md, infra/README.md and infra/RUNBOOK.md, and those that a stack has as outputs, run as written.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import nodemailer from 'nodemailer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeCertificate } from '../support/certificates.ts';
import { missing } from '../support/programs.ts';
import { DeployedProgram } from './deployed-program.ts';
import { outputOf, python, skipReason } from './deployment.ts';
import { commandsIn } from './documented-commands.ts';
import { Engine } from './engine.ts';

const PAGES = ['README.md', 'infra/README.md', 'infra/RUNBOOK.md'];

interface Run {
  /** What it prints. */
  readonly prints: RegExp;
  /** What an operator types besides. */
  readonly adds?: string;
  /** Programs that the command needs, and that a machine may not have. */
  readonly needs?: string;
  /** Default 0. */
  readonly exitCode?: number;
}

/** In the order in which an operator needs them. `OUTPUT` names an output of the stack instead of a text of a page. */
const RUN: Readonly<Record<string, Run>> = {
  'npx cdk bootstrap': { prints: /bootstrapped/ },
  'npm run synth -- -c hostname=mx.example.com': { prints: /Successfully synthesized/ },
  'npm run deploy -- -c hostname=mx.example.com': {
    prints: /Mailsluice-prod-Service\.DoctorCommand/,
  },
  'npx cdk diff -c hostname=mx.example.com': {
    adds: '--method=template',
    prints: /Number of stacks with differences: 0/,
  },
  'OUTPUT SaveConfigurationCommand': { prints: /^$/ },
  'OUTPUT CreateCredentialCommand': { prints: /scanner/ },
  'OUTPUT ReverseDnsCommand': { prints: /PtrRecord.*PtrRecord/s },
  'OUTPUT ReplaceCertificateCommand': { prints: /AWSCURRENT/, needs: 'jq' },
  'OUTPUT SendTestMailCommand': { prints: /250 2\.0\.0 Ok: queued as /, needs: 'swaks' },
  'OUTPUT DoctorCommand': { prints: /ok +aws\.stack/, exitCode: 1 },
  'npx mailsluice doctor --stack Mailsluice-prod-Service': {
    prints: /ok +aws\.stack +the stack Mailsluice-prod-Service is deployed/,
    // The name mx.example.com has no addresses.
    exitCode: 1,
  },
  'npx mailsluice outbox list --config mailsluice.json': { prints: /^The outbox is empty\.$/m },
  'npx mailsluice outbox list --config mailsluice.json --topic OLD_ARN': {
    prints: /^The outbox has nothing of arn:/m,
  },
  'npx mailsluice outbox drain --config mailsluice.json': { prints: /^0 published, 0 refused/ },
  'npx mailsluice outbox drain --config mailsluice.json --topic OLD_ARN --to-topic NEW_ARN': {
    prints: /^0 published, 0 refused/,
  },
  'npx mailsluice archive replay MESSAGE_ID --config mailsluice.json': { prints: /\b1\b/ },
  'npx mailsluice credentials show NAME --config mailsluice.json': { prints: /scanner/ },
  'npx mailsluice credentials rotate NAME --config mailsluice.json': { prints: /[\w-]{43}/ },
  'aws --endpoint-url $AWS_ENDPOINT_URL s3 ls --recursive s3://mailsluice-mail/mail/': {
    prints: /mail\/one/,
  },
  'aws --endpoint-url $AWS_ENDPOINT_URL sqs receive-message --visibility-timeout 0 --queue-url http://127.0.0.1:4566/000000000000/mailsluice-mail':
    { prints: /ReceiptHandle/ },
  'aws dynamodb restore-table-to-point-in-time': {
    adds: '--source-table-name TABLE --target-table-name restored',
    prints: /"TableName": "restored"/,
  },
  'aws cloudformation continue-update-rollback --stack-name NAME': {
    // moto does not know the action; the AWS CLI checks what it is given. The action has an empty answer.
    adds: '--generate-cli-skeleton output',
    prints: /^$/,
  },
  'npx cdk destroy Mailsluice-prod-Service': {
    // It asks on a terminal.
    adds: '--force',
    prints: /Mailsluice-prod-Service: destroyed/,
  },
};

const READ_ME = 'test/readme.test.ts, against the services of `npm start`';
const NAME_ONLY = 'names a command whose lines stand elsewhere on the page';
const CONTAINER = 'test/container builds the image and runs it, without a Docker daemon';

/** What is not run here, with what covers it or why it cannot be run. */
const NOT_RUN: Readonly<Record<string, string>> = {
  'npm start': 'test/node-runtime.test.ts',
  'npm start -- --config FILE': 'test/app/local',
  'npm start -- --handler ./handler.mjs': 'test/app/local/handler.system.test.ts',
  'npm cit': 'the command that runs these tests in .ci/run',
  'npm ci': 'transcript.system.test.ts, in an empty folder',
  "printf 'From: you@example.com\\r\\nSubject: Hello\\r\\n\\r\\nIt works.\\r\\n' | curl --url smtp://127.0.0.1:2525 --mail-from you@example.com --mail-rcpt inbox@example.net --upload-file -":
    READ_ME,
  "PASSWORD='the password that npm start printed'": READ_ME,
  'swaks --server 127.0.0.1:2587 --tls --auth PLAIN --auth-user demo --auth-password "$PASSWORD" --from you@example.com --to inbox@example.net':
    READ_ME,
  'export AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local':
    READ_ME,
  'export AWS_ENDPOINT_URL=http://127.0.0.1:4566 AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:8000':
    READ_ME,
  'npx node dist/cli/main.js archive list': READ_ME,
  'node see.mjs': READ_ME,
  'node feed.mjs': READ_ME,
  'npm install @aws-sdk/client-s3 @aws-sdk/client-sqs': 'installs packages of others',
  'npm install /path/to/mailsluice': 'test/package installs the packed package',
  'mailsluice serve --config FILE': 'each test of this folder with DeployedProgram',
  'mailsluice local': READ_ME,
  'mailsluice config check': NAME_ONLY,
  'mailsluice credentials': NAME_ONLY,
  'mailsluice archive': NAME_ONLY,
  'mailsluice archive index': 'test/cli/archive/archive.test.ts',
  'mailsluice outbox': NAME_ONLY,
  'mailsluice doctor': NAME_ONLY,
  'npx node dist/cli/main.js': NAME_ONLY,
  'cdk deploy': NAME_ONLY,
  'cdk init': 'test/package: an app of its own with the packed package',
  'npx cdk diff -c …': NAME_ONLY,
  'npm run deploy -- …': NAME_ONLY,
  'cdk deploy --all': NAME_ONLY,
  'npm run deploy': NAME_ONLY,
  'npm run build:container && docker build -f Dockerfile -t mailsluice dist/container': CONTAINER,
  'docker run --read-only -e MAILSLUICE_CONFIG="$(cat config.json)" -p 25:2525 mailsluice':
    CONTAINER,
  'npm run test:container': CONTAINER,
  'apt-get install buildah podman runc debootstrap': '.ci/run installs them',
  'node infra/tools/write-readme.ts': 'writes the page; test/infra compares what it would write',
};

test('every command of the pages is run here, or there is a reason', () => {
  const documented = PAGES.flatMap((page) =>
    commandsIn(readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8')),
  );
  const known = [...Object.keys(RUN), ...Object.keys(NOT_RUN)];
  expect(documented.filter((command) => !known.includes(command))).toEqual([]);
  expect(
    known.filter((command) => !command.startsWith('OUTPUT ') && !documented.includes(command)),
  ).toEqual([]);
});

test('the tests that cover what is not tried here are there', () => {
  const page = readFileSync(new URL('README.md', import.meta.url), 'utf8');
  const [, covers = ''] = page.split('What moto lacks beyond that');
  const named = [covers, ...Object.values(NOT_RUN)].flatMap((text) =>
    [...text.matchAll(/\btest\/[\w./-]*\w/g)].map(([path]) => path),
  );
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((path) => !existsSync(new URL(`../../${path}`, import.meta.url)))).toEqual(
    [],
  );
});

describe.skipIf(!python.ok)(`the commands of the pages${skipReason}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'commands-'));
  const outputs = new Map<string, string>();
  const ran: string[] = [];
  let engine: Engine;
  let program: DeployedProgram | undefined;
  let messageId = '';
  let password = '';

  beforeAll(async () => {
    if (!python.ok) return;
    engine = await Engine.start(python.bin);
    const { cert, key } = await makeCertificate({ names: ['mx.example.com'] });
    writeFileSync(join(folder, 'fullchain.pem'), cert);
    writeFileSync(join(folder, 'privkey.pem'), key);
    const prepared = await engine.shell(
      'aws s3 mb s3://mailsluice-mail && echo x | aws s3 cp - s3://mailsluice-mail/mail/one && ' +
        'aws --endpoint-url $AWS_ENDPOINT_URL sqs create-queue --queue-name mailsluice-mail && ' +
        'aws --endpoint-url $AWS_ENDPOINT_URL sqs send-message --message-body x --queue-url $AWS_ENDPOINT_URL/123456789012/mailsluice-mail',
    );
    expect(prepared).toMatchObject({ code: 0 });
  }, 120_000);
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    if (!python.ok) return;
    await program?.stop();
    await engine.stop();
  });

  /** The command with what an operator puts in. */
  function here(command: string): string {
    const values: readonly (readonly [string, string | undefined])[] = [
      ['mailsluice.json', join(folder, 'mailsluice.json')],
      ['fullchain.pem', join(folder, 'fullchain.pem')],
      ['privkey.pem', join(folder, 'privkey.pem')],
      ['http://127.0.0.1:4566/000000000000', `${engine.endpoint}/123456789012`],
      ['OLD_ARN', outputs.get('TopicArn')],
      ['NEW_ARN', outputs.get('TopicArn')],
      ['MESSAGE_ID', messageId],
      ['NAME', 'scanner'],
      // moto does not know the action; the AWS CLI checks what it is given, and makes an answer.
      [
        '--domain-name mx.example.com',
        '--domain-name mx.example.com --generate-cli-skeleton output',
      ],
      ['--auth-user scanner', `--auth-user scanner --auth-password '${password}'`],
      ['TABLE', outputs.get('CredentialTableName')],
      // The load balancer, which moto does not run.
      [`--server ${outputs.get('LoadBalancerName')}`, '--server 127.0.0.1'],
      ['--port 587', `--port ${program?.port('submission')}`],
    ];
    return values.reduce((text, [from, to]) => text.replaceAll(from, to ?? from), command);
  }

  /** What must be there before a mail can be sent or sought. */
  async function startProgram(): Promise<void> {
    program = await DeployedProgram.start(engine);
    const { response } = await nodemailer
      .createTransport({
        host: '127.0.0.1',
        port: program.port('mx'),
        tls: { rejectUnauthorized: false },
      })
      .sendMail({ from: 'a@client.example', to: 'test@mx.example.com', text: 'Hello' });
    messageId = /queued as (\S+)/.exec(response)?.[1] ?? '';
  }

  test.for(Object.entries(RUN))('%s', { timeout: 300_000 }, async ([name, run], { skip }) => {
    const absent = run.needs === undefined ? undefined : missing(run.needs);
    skip(absent !== undefined, absent);
    if (name === 'OUTPUT SendTestMailCommand') await startProgram();
    const written = name.startsWith('OUTPUT ') ? outputs.get(name.slice(7)) : name;
    expect(written, 'the output is there').toBeDefined();
    const command = here([written, run.adds].filter((part) => part !== undefined).join(' '));
    // No image is built: the program that would do it succeeds at once.
    const { code, output } = await engine.shell(command, {
      environment: { CDK_DOCKER: 'true' },
    });
    ran.push(name);
    if (name.startsWith('npm run deploy')) {
      for (const [, key = ''] of output.matchAll(/^Mailsluice-prod-Service\.(\w+) = /gm)) {
        outputs.set(key, outputOf(output, key));
      }
    }
    if (name === 'OUTPUT CreateCredentialCommand') {
      password = /[\w-]{43}/.exec(output)?.[0] ?? '';
    }
    expect({ code, output }).toEqual({
      code: run.exitCode ?? 0,
      output: expect.stringMatching(run.prints) as string,
    });
  });

  test('the outputs name no other command', () => {
    const named = [...outputs.keys()].filter((name) => name.endsWith('Command'));
    expect(named.map((name) => `OUTPUT ${name}`).toSorted()).toEqual(
      Object.keys(RUN)
        .filter((name) => name.startsWith('OUTPUT '))
        .toSorted(),
    );
    expect(ran.length).toBeGreaterThan(0);
  });
});
