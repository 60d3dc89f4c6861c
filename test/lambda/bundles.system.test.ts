// Handlers bundled as CDK, SAM and SST bundle them, with the packages as they are published, run by Node.js 22 and 24 and in
// AWS's emulator of Lambda.
import { execFile } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { App, aws_lambda as lambda, Stack } from 'aws-cdk-lib';
import { NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { type BuildOptions, build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildSubscriber } from '../../infra/tools/build-subscriber.ts';
import { assembleSubscriber } from '../../infra/tools/pack-subscriber.ts';
import { functionDestination } from '../../src/archive/destinations/function.ts';
import { NOTIFICATION_SUBJECT } from '../../src/bridge/notify/notification.ts';
import { sampleEvent } from '../../src/subscriber/index.ts';
import { LambdaFunction } from './lambda-function.ts';
import { prepareNode } from '../support/other-versions.ts';
import { prepareEmulator } from './runtimes.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

const MAIL = {
  subject: 'Grüße',
  // Decoded with a table of characters, and turned into text by another of the bundled packages.
  html: '<p>Hello <b>you</b></p>',
  text: '',
  attachments: [{ filename: 'a.pdf', content: '%PDF-1.7' }],
};

const HANDLER = `
  const summary = async (mail) => {
    const { subject, attachments } = await parseMail(await mail.fetch());
    console.log(JSON.stringify({ subject, attachments: attachments.map(({ filename, content }) => [filename, content.toString()]) }));
  };
`;
const HANDLED = { subject: MAIL.subject, attachments: [['a.pdf', '%PDF-1.7']] };

/** The names under which the code is published. */
const PACKAGES = ['mailsluice/subscriber', 'mailsluice-subscriber'] as const;

let folder: string;
beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'bundles-')));
  // What a user's project has: the two packages, of the other one only its subscriber, and no dependency of them.
  await assembleSubscriber(join(folder, 'node_modules/mailsluice-subscriber'));
  const mailsluice = join(folder, 'node_modules/mailsluice');
  await buildSubscriber(join(mailsluice, 'dist/subscriber'));
  cpSync(join(root, 'package.json'), join(mailsluice, 'package.json'));
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  writeFileSync(join(folder, 'package-lock.json'), '{ "lockfileVersion": 3 }');
  for (const name of ['esbuild', '@esbuild', '@aws-sdk', '@smithy', '@aws', '@aws-crypto']) {
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  }
  mkdirSync(join(folder, 'node_modules/.bin'));
  symlinkSync('../esbuild/bin/esbuild', join(folder, 'node_modules/.bin/esbuild'));
  for (const [at, name] of PACKAGES.entries()) {
    writeFileSync(
      join(folder, `${at}.ts`),
      `import { defineMailHandler, parseMail } from '${name}';
      ${HANDLER.replace('(mail)', '(mail: any)')}
      export const handler = defineMailHandler(summary);`,
    );
    writeFileSync(
      join(folder, `${at}.js`),
      `const { defineMailHandler, parseMail } = require('${name}');
      ${HANDLER}
      exports.handler = defineMailHandler(summary);`,
    );
  }
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs `handler` of a file by a Node.js, alone in an empty folder; what it printed. */
async function invoke(node: string, file: string): Promise<unknown[]> {
  const alone = realpathSync(mkdtempSync(join(tmpdir(), 'function-')));
  try {
    cpSync(dirname(file), alone, { recursive: true });
    const event = JSON.stringify(sampleEvent('sqs', MAIL));
    writeFileSync(
      join(alone, 'invoke.mjs'),
      `const { handler } = await import('./${basename(file)}');
      console.log(JSON.stringify(await handler(${event})));`,
    );
    const { stdout } = await run(node, ['invoke.mjs'], { cwd: alone });
    return stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
  } finally {
    rmSync(alone, { recursive: true });
  }
}

const PRINTED = [
  HANDLED,
  expect.objectContaining({ event: 'mail-handled', outcome: 'done' }),
  { batchItemFailures: [] },
];

/** What the tools give to esbuild. */
const TOOLS: Readonly<Record<string, BuildOptions & { readonly format: 'esm' | 'cjs' }>> = {
  'AWS SAM': { format: 'cjs', minify: true, target: 'es2020', mainFields: ['main', 'module'] },
  'AWS SAM with Format: esm': {
    format: 'esm',
    minify: true,
    target: 'es2020',
    mainFields: ['module', 'main'],
  },
  SST: {
    format: 'esm',
    target: 'node22',
    mainFields: ['module', 'main'],
    external: ['@aws-sdk/*'],
  },
  'serverless-esbuild': { format: 'cjs', target: 'node22', external: ['@aws-sdk/*'] },
};

async function bundle(entry: string, name: string, options: BuildOptions): Promise<string> {
  const extension = options.format === 'esm' ? 'mjs' : 'cjs';
  const outfile = join(folder, 'out', name.replaceAll(/\W+/g, '-'), `index.${extension}`);
  await build({
    absWorkingDir: folder,
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    logLevel: 'error',
    ...options,
  });
  return outfile;
}

const emulator = prepareEmulator();
const node22 = prepareNode(22);
const nodes: Readonly<Record<string, string>> = {
  'nodejs24.x': process.execPath,
  ...(typeof node22 === 'string' && { 'nodejs22.x': node22 }),
};

test.each(PACKAGES)(
  'a handler with %s that parses no mail has no parser in its bundle',
  async (name) => {
    const entry = join(folder, 'small.ts');
    writeFileSync(
      entry,
      `import { defineMailHandler } from '${name}'; export const handler = defineMailHandler(async (mail) => console.log(mail.messageId));`,
    );
    const file = await bundle(entry, `small ${name}`, {
      format: 'esm',
      external: ['@aws-sdk/*'],
    });
    expect(statSync(file).size).toBeLessThan(100_000);
  },
);

describe.each(Object.entries(nodes))('on %s', (runtime, node) => {
  test.each(
    Object.entries(TOOLS).flatMap(([tool, options]) =>
      PACKAGES.map((name, at) => ({ tool, name, at, options })),
    ),
  )(
    `a handler with $name, bundled as by $tool, runs on ${runtime}`,
    async ({ tool, at, options }) => {
      const file = await bundle(`${at}.ts`, `${tool} ${at} ${runtime}`, options);
      expect(await invoke(node, file)).toEqual(PRINTED);
    },
  );

  test.each(['esm', 'cjs'] as const)(
    `a CommonJS handler, bundled as %s, runs on ${runtime}`,
    async (format) => {
      for (const at of PACKAGES.keys()) {
        const file = await bundle(`${at}.js`, `required ${at} ${format} ${runtime}`, {
          format,
          external: ['@aws-sdk/*'],
        });
        expect(await invoke(node, file).catch(exported(file, node))).toEqual(PRINTED);
      }
    },
  );

  test(`NodejsFunction of the CDK bundles a handler that runs on ${runtime}, by its defaults and as ES modules`, async () => {
    const bundles = synthesize(runtime);
    expect(bundles.map((file) => basename(file))).toEqual([
      'index.js',
      'index.js',
      'index.mjs',
      'index.mjs',
    ]);
    for (const file of bundles) expect(await invoke(node, file)).toEqual(PRINTED);
  }, 120_000);

  test(`without a bundler, import and require of both packages run on ${runtime}`, async () => {
    for (const name of PACKAGES) {
      for (const load of [`await import('${name}')`, `require('${name}')`]) {
        const program = `
          const { createRequire } = await import('node:module');
          const require = createRequire(process.cwd() + '/x.js');
          const { parseMail, sampleEvent, requireNotification } = ${load};
          const { subject } = await parseMail(requireNotification(sampleEvent('sns', { subject: 'Hello' })));
          console.log(subject);`;
        writeFileSync(join(folder, 'plain.mjs'), program);
        const { stdout } = await run(node, ['--no-experimental-require-module', 'plain.mjs'], {
          cwd: folder,
        });
        expect(stdout).toBe('Hello\n');
      }
    }
  });
});

/** esbuild gives an ES module that bundles a CommonJS one only a default export. */
function exported(file: string, node: string) {
  return async (): Promise<unknown[]> => {
    const named = join(dirname(file), 'named', 'index.mjs');
    mkdirSync(dirname(named), { recursive: true });
    cpSync(file, join(dirname(named), 'code.mjs'));
    writeFileSync(named, "import code from './code.mjs'; export const { handler } = code;");
    return await invoke(node, named);
  };
}

/** The bundles that `cdk synth` makes, in the order of their construction. */
function synthesize(runtime: string): string[] {
  const app = new App({ outdir: join(folder, `cdk.out-${runtime}`) });
  const stack = new Stack(app, 'Test');
  const previous = process.cwd();
  // Where `cdk synth` is run: there the CDK looks for esbuild.
  process.chdir(folder);
  try {
    const functions = [undefined, OutputFormat.ESM].flatMap((format) =>
      PACKAGES.map(
        (_, at) =>
          new NodejsFunction(stack, `${format ?? 'default'}${at}`, {
            entry: join(folder, `${at}.ts`),
            runtime: new lambda.Runtime(runtime, lambda.RuntimeFamily.NODEJS),
            ...(format && { bundling: { format } }),
          }),
      ),
    );
    const assembly = app.synth();
    return functions.map((each) => {
      const { code } = each.node.defaultChild as lambda.CfnFunction;
      const { s3Key } = stack.resolve(code) as { readonly s3Key: string };
      const assetFolder = join(assembly.directory, `asset.${basename(s3Key, '.zip')}`);
      const [index = ''] = readdirSync(assetFolder).filter((name) => name.startsWith('index.'));
      return join(assetFolder, index);
    });
  } finally {
    process.chdir(previous);
  }
}

if (typeof node22 !== 'string') {
  test('bundled handlers run on nodejs22.x', ({ skip }) => skip(node22.reason));
}

describe('in the runtime interface emulator', () => {
  test.for(['nodejs22.x', 'nodejs24.x'] as const)(
    'a handler that the CDK bundled answers SQS in the emulator of Lambda on %s, with and without a failed mail',
    { timeout: 120_000 },
    async (runtime, { skip }) => {
      if ('reason' in emulator) return skip(emulator.reason);
      const node = runtime === 'nodejs22.x' ? node22 : process.execPath;
      if (typeof node !== 'string') return skip(node.reason);
      for (const file of synthesize(runtime)) {
        const code = dirname(file);
        await using function_ = await LambdaFunction.start(emulator, node, {
          folder: code,
          handler: 'index.handler',
        });
        expect(await function_.invoke(sampleEvent('sqs', MAIL))).toEqual({ batchItemFailures: [] });
        const bad = sampleEvent('sqs', MAIL, MAIL);
        for (const record of bad.Records.slice(1)) record.body = '{}';
        expect(await function_.invoke(bad)).toEqual({
          batchItemFailures: [{ itemIdentifier: bad.Records[1]?.messageId }],
        });
        expect(function_.output).toContain(JSON.stringify(HANDLED));
      }
    },
  );

  test('a replay calls the function in the emulator, with the address of the emulator as that of Lambda', async ({
    skip,
  }) => {
    if ('reason' in emulator) return skip(emulator.reason);
    const file = await bundle('0.ts', 'replayed', TOOLS['SST'] ?? {});
    await using function_ = await LambdaFunction.start(emulator, process.execPath, {
      folder: dirname(file),
      handler: 'index.handler',
    });
    // The emulator listens when it has answered.
    await function_.invoke(sampleEvent('sqs', MAIL));
    const lambdaClient = new LambdaClient({
      region: 'us-east-1',
      endpoint: function_.endpoint,
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    });
    const message = sampleEvent('sns', { ...MAIL, subject: 'replayed' }).Records[0]?.Sns.Message;
    const topicArn = 'arn:aws:sns:us-east-1:111122223333:mail';
    await functionDestination(lambdaClient, 'function').deliver({
      key: 'k',
      messageId: 'm',
      replayId: 'r',
      notification: {
        topicArn,
        subject: NOTIFICATION_SUBJECT,
        message: message ?? '',
        attributes: {},
      },
      open: () => Promise.reject(new Error('not opened')),
    });
    expect(function_.output).toContain('"subject":"replayed"');
    lambdaClient.destroy();
  });
});
