// The README of the subscriber: its TypeScript compiles as it stands there, by the strictest options, and its Python is run with a
// mail that the server received.
import { execFile, type ExecFileException } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTransport } from 'nodemailer';
import { expect, onTestFinished, test } from 'vitest';
import { LocalProcess } from '../support/local.ts';
import { need } from '../support/programs.ts';
import { bodyFor } from './ses-consumers/live-queue.ts';
import { sqsEvent } from './support.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const readme = readFileSync(join(root, 'src/subscriber/README.md'), 'utf8');

function blocksOf(language: string): string[] {
  const pattern = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm');
  return [...readme.matchAll(pattern)].map(([, code = '']) => code);
}

/** What a block takes from the text around it, unless it declares or imports it itself. */
const AROUND: readonly (readonly [name: string, declaration: string])[] = [
  ['defineMailHandler', "import { defineMailHandler } from 'mailsluice/subscriber';"],
  ['parseNotification', "import { parseNotification } from 'mailsluice/subscriber';"],
  ['handler', "import { handler } from './handler.js';"],
  [
    'handle',
    "declare const handle: (mail: import('mailsluice/subscriber').HandledMail) => Promise<void>;",
  ],
  ['event', "declare const event: import('aws-lambda').SQSEvent;"],
  ['mail', "declare const mail: import('mailsluice/subscriber').HandledMail;"],
];

function programOf(block: string): string {
  const isOwn = (name: string): boolean =>
    new RegExp(`(import|const|let|function)[^;=]*\\b${name}\\b`).test(block);
  const isUsed = (name: string): boolean => new RegExp(`(?<!\\.)\\b${name}\\b`).test(block);
  const around = AROUND.filter(([name]) => isUsed(name) && !isOwn(name));
  return [...around.map(([, declaration]) => declaration), block, 'export {};', ''].join('\n');
}

/** Runs a program; gives its exit code and all that it printed. */
function run(
  file: string,
  args: readonly string[],
  options: { input?: string; env?: Record<string, string | undefined> } = {},
): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve) => {
    const child = execFile(
      file,
      args,
      { env: { ...process.env, ...options.env } },
      (error: ExecFileException | null, stdout, stderr) => {
        resolve({ code: Number(error?.code ?? 0), output: stdout + stderr });
      },
    );
    child.stdin?.end(options.input ?? '');
  });
}

/** Below the packages that the blocks import. */
function newProject(): string {
  const cache = join(root, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const project = mkdtempSync(join(cache, 'subscriber-readme-'));
  onTestFinished(() => rmSync(project, { recursive: true }));
  return project;
}

function writeProject(project: string, programs: readonly string[]): void {
  const [first = ''] = programs;
  writeFileSync(join(project, 'package.json'), '{"type":"module"}');
  writeFileSync(join(project, 'handler.ts'), first);
  for (const [at, program] of programs.entries()) {
    writeFileSync(join(project, `block-${at}.ts`), program);
  }
  const compilerOptions = {
    paths: { 'mailsluice/subscriber': [join(root, 'src/subscriber/index.ts')] },
    // The blocks are programs of users: with no option that only this repository has.
    noUnusedLocals: false,
    noPropertyAccessFromIndexSignature: false,
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
  };
  writeFileSync(
    join(project, 'tsconfig.json'),
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      compilerOptions,
      include: ['*.ts'],
      exclude: [],
    }),
  );
}

const compile = (project: string) =>
  run(process.execPath, [join(root, 'node_modules/typescript/lib/tsc.js'), '-p', project]);

test('every TypeScript block of the README compiles', { timeout: 120_000 }, async () => {
  const programs = blocksOf('ts').map(programOf);
  expect(programs.length).toBeGreaterThan(4);
  expect(programs.filter((program) => program.includes('SnsSqsEnvelope.parse'))).toHaveLength(1);
  const project = newProject();
  writeProject(project, programs);
  expect(await compile(project)).toEqual({ code: 0, output: '' });
});

test('a block with an error in it does not compile', { timeout: 120_000 }, async () => {
  const project = newProject();
  writeProject(project, [
    ...blocksOf('ts').map(programOf),
    programOf('defineMailHandler(async (mail) => mail.noSuchMember);\n'),
  ]);
  const { code, output } = await compile(project);
  expect(code).not.toBe(0);
  expect(output).toContain('noSuchMember');
});

/** Debian's boto3 knows no AWS_ENDPOINT_URL: the driver says where S3 is, and no more. */
const DRIVER = `
import json, os, sys
import boto3
from botocore.config import Config
real = boto3.client
boto3.client = lambda name: real(name, endpoint_url=os.environ["ENDPOINT"], config=Config(s3={"addressing_style": "path"}))
sys.path.insert(0, sys.argv[1])
import subscriber
print(json.dumps(subscriber.handler(json.load(sys.stdin), None)))
`;

test('the Python subscriber, of 20 lines, reads the mail that the server received', {
  timeout: 120_000,
}, async ({ skip }) => {
  need(skip, '/usr/bin/python3');
  const boto3 = await run('/usr/bin/python3', ['-c', 'import boto3']);
  skip(boto3.code !== 0, 'not installed: boto3 for /usr/bin/python3');
  const [program = ''] = blocksOf('python');
  expect(program.trimEnd().split('\n')).toHaveLength(20);
  const folder = mkdtempSync(join(tmpdir(), 'subscriber-python-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'subscriber.py'), program);

  const local = await LocalProcess.start();
  onTestFinished(async () => {
    await local.stop();
  });
  const transport = createTransport({
    host: '127.0.0.1',
    port: local.port('mx'),
    tls: { rejectUnauthorized: false },
  });
  await transport.sendMail({
    from: 'ann@client.example',
    to: 'python@mx.example',
    subject: 'Grüße',
    text: 'Hello',
  });
  transport.close();
  const body = await bodyFor(local, 'python@mx.example');
  const { endpoint, region, accessKeyId, secretAccessKey } = local.ready.aws;
  const handle = (bodies: readonly string[]) =>
    run('/usr/bin/python3', ['-c', DRIVER, folder], {
      input: JSON.stringify(sqsEvent(bodies)),
      env: {
        ENDPOINT: endpoint,
        AWS_DEFAULT_REGION: region,
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
        PYTHONIOENCODING: 'utf-8',
      },
    });

  const raw = (JSON.parse(body) as { Message: string }).Message;
  const { messageId } = (JSON.parse(raw) as { mail: { messageId: string } }).mail;
  const testEvent = '{"Service":"Amazon S3","Event":"s3:TestEvent"}';
  const mixed = await handle([body, raw, testEvent, 'garbage']);
  expect(mixed.code).toBe(0);
  const lines = mixed.output.trimEnd().split('\n');
  expect(lines.slice(0, 2)).toEqual(
    Array.from({ length: 2 }, () => `${messageId} ['python@mx.example'] Grüße`),
  );
  expect(JSON.parse(lines.at(-1) ?? '')).toEqual({
    batchItemFailures: [{ itemIdentifier: 'sqs-3' }],
  });
  const failed = await handle(['garbage']);
  expect(failed.code).toBe(1);
  expect(failed.output).toContain('RuntimeError: all records failed');
});

test.each([
  [true, 'example.com'],
  [false, 'None'],
  [null, 'None'],
  [undefined, 'None'],
])(
  'of a mail whose authenticated is %s, Python is told the domain %s',
  async (authenticated, told) => {
    const [, program = ''] = blocksOf('python');
    const sender = { authenticated, domain: 'example.com' };
    const mailsluice = authenticated === undefined ? {} : { sender };
    const script = `${program}\nimport json, sys\nprint(sender_domain(json.load(sys.stdin)))`;
    const { output } = await run('python3', ['-c', script], {
      input: JSON.stringify({ mailsluice }),
    });
    expect(output.trim()).toBe(told);
  },
);

test('every field that the Python subscriber takes for granted is required by the JSON Schema', () => {
  interface Schema {
    readonly required?: readonly string[];
    readonly properties?: Readonly<Record<string, Schema>>;
    readonly anyOf?: readonly Schema[];
  }
  const schema = JSON.parse(
    readFileSync(join(root, 'src/subscriber/notification.schema.json'), 'utf8'),
  ) as Schema;
  const at = (path: string): Schema | undefined =>
    path.split('.').reduce<Schema | undefined>((node, name) => {
      expect(node?.required).toContain(name);
      return node?.properties?.[name];
    }, schema);
  at('mail.messageId');
  at('receipt.recipients');
  const stored = at('receipt.action')?.anyOf?.find(({ properties }) => properties?.['bucketName']);
  expect(stored?.required).toEqual(expect.arrayContaining(['bucketName', 'objectKey']));
  expect(schema.required).not.toContain('mailsluice');
  expect(schema.properties?.['mailsluice']?.required).toContain('traceHeaderSize');
});
