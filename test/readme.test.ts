// The README, tried block by block in its order against a running `mailsluice local`, on this Node.js and on the
// machine's own. Only addresses, the printed password and the path of the program are put in.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, type TestContext } from 'vitest';
import { buildSubscriber } from '../infra/tools/build-subscriber.ts';
import { LOCAL_DEFAULTS, overlay } from '../src/app/local/defaults.ts';
import { parseConfiguration } from '../src/config/index.ts';
import { mailsluice } from './support/cli.ts';
import { LocalProcess, mainFile } from './support/local.ts';
import { need, runProgram } from './support/programs.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const PASSWORD = 'as-printed';

interface Block {
  readonly language: string;
  /** Its first line. */
  readonly title: string;
  readonly code: string;
}

const blocks = [...readme.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].map(
  ([, language = '', code = '']): Block => ({
    language,
    title: code.slice(0, code.indexOf('\n')),
    code,
  }),
);

/** What each block of shell commands prints, by a text in it. Standard error is part of it. */
const outputs: readonly (readonly [text: string, prints: RegExp])[] = [
  ['--upload-file', /^(?!.*curl: )/],
  ['swaks', /250 2\.0\.0 Ok: queued as /],
  ['export AWS_', /^$/],
  ['archive list', /inbox@example\.net/],
  ['aws ', /mail\/dt=.*"ReceiptHandle"/s],
  [
    'node see.mjs',
    /^Hello \[ 'inbox@example\.net' \] Return-Path: <you@example\.com>\r\n.*It works\.\r\n/ms,
  ],
  ['node feed.mjs', /^[0-9a-v]{40} Hello It works\.\n.*"outcome":"done"/ms],
];

let local: LocalProcess;
let folder: string;
beforeAll(async () => {
  local = await LocalProcess.start({
    local: { pagePort: 0, awsPort: 0, dynamoDbPort: 0, password: PASSWORD },
  });
  folder = mkdtempSync(join(tmpdir(), 'readme-'));
  await install(folder);
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  expect(await local.stop()).toBe(0);
});

/** Another folder than the checkout, with the packages that the README names and no other. */
async function install(project: string): Promise<void> {
  const modules = join(project, 'node_modules');
  const subscriber = join(modules, 'mailsluice');
  mkdirSync(subscriber, { recursive: true });
  const exports = { './subscriber': './index.js' };
  writeFileSync(join(subscriber, 'package.json'), JSON.stringify({ type: 'module', exports }));
  await buildSubscriber(subscriber);
  symlinkSync(join(root, 'node_modules/@aws-sdk'), join(modules, '@aws-sdk'));
}

/** The code with the addresses of this run. */
function here(code: string): string {
  const { aws } = local.ready;
  const addresses = [
    ['127.0.0.1:2525', `127.0.0.1:${local.port('mx')}`],
    ['127.0.0.1:2587', `127.0.0.1:${local.port('submission')}`],
    ['http://127.0.0.1:4566', aws.endpoint],
    ['http://127.0.0.1:8000', aws.dynamoDbEndpoint],
    ['the password that npm start printed', PASSWORD],
    ['npx node dist/cli/main.js', `${process.execPath} ${mainFile}`],
  ] as const;
  return addresses.reduce((text, [from, to]) => text.replaceAll(from, to), code);
}

/** The first Node.js on the path that this project did not bring. */
function machineNode(): string | undefined {
  const { stdout } = spawnSync('which', ['-a', 'node'], { encoding: 'utf8' });
  return stdout.split('\n').find((path) => path !== '' && !path.includes('node_modules'));
}

const versionOf = (node: string): string =>
  execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();

/** The embedded SQS takes the JSON protocol, which the AWS CLI speaks since the end of 2023. */
function needAwsCli(skip: TestContext['skip']): void {
  const { stdout, stderr } = spawnSync('aws', ['--version'], { encoding: 'utf8' });
  const [version, major = 0, minor = 0] = /aws-cli\/(\d+)\.(\d+)/.exec(`${stdout}${stderr}`) ?? [];
  skip(version === undefined, 'not installed: aws');
  skip(Number(minor) < (Number(major) === 1 ? 32 : 15), `expected one of 2024, got ${version}`);
}

const inShell = blocks.filter(
  ({ language, code }) => ['sh', 'js'].includes(language) && !code.startsWith('npm '),
);
/** The blocks that depend on the Node.js, and those that they need. */
const forNode = inShell.filter(
  ({ language, title, code }) =>
    language === 'js' || /^(export|node) /.test(title) || code.includes('--upload-file'),
);

describe.each([
  { name: 'this Node.js', node: process.execPath, runnable: inShell },
  { name: "the machine's Node.js", node: machineNode(), runnable: forNode },
])('the README on $name', ({ node, runnable }) => {
  const exported: string[] = [];

  test.for(runnable)('$language: $title', async ({ language, code }, { skip }) => {
    skip(node === undefined, 'no Node.js but the one of this project');
    if (node === undefined) return;
    skip(
      node !== process.execPath && versionOf(node) === process.version,
      'the machine has the Node.js of this project',
    );
    if (language === 'js') {
      const [, file] = /^\/\/ (\w+\.mjs)\n/.exec(code) ?? [];
      writeFileSync(join(folder, file ?? 'expected-a-file-name'), here(code));
      expect(file).toBeDefined();
      return;
    }
    if (code.startsWith('aws ')) needAwsCli(skip);
    for (const name of ['curl', 'swaks']) if (code.includes(`${name} --`)) need(skip, name);
    if (code.startsWith('export ')) exported.push(here(code));
    const path = [dirname(node), process.env['PATH']].join(delimiter);
    const script = [`PATH='${path}'; cd '${folder}'`, ...exported, here(code)].join('\n');
    const { code: exitCode, output } = await runProgram('sh', ['-euc', script]);
    const [, prints] = outputs.find(([text]) => code.includes(text)) ?? [];
    expect(prints, 'a block without an expected output').toBeDefined();
    expect([exitCode, output]).toEqual([0, expect.stringMatching(prints ?? /^$/)]);
  });
});

test('it has the blocks that are tried', () => {
  expect(blocks.map(({ language }) => language)).toEqual(
    expect.arrayContaining(['sh', 'js', 'json', 'mermaid']),
  );
  for (const [text] of outputs) expect(blocks.some(({ code }) => code.includes(text))).toBe(true);
});

test('its two commands are scripts of package.json', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  const commands = [...(blocks[0]?.code ?? '').matchAll(/^npm (\w+) {2}/gm)].map(
    ([, name]) => name,
  );
  expect(commands).toEqual(['start', 'cit']);
  // `npm cit` is `npm clean-install-test`.
  expect(Object.keys(scripts)).toEqual(expect.arrayContaining(['start', 'test']));
});

test('its addresses are the defaults of `mailsluice local`', () => {
  const tls = { certificates: [{ certFile: 'mx.crt', keyFile: 'mx.key' }] };
  const { local: ports } = parseConfiguration(overlay({ tls }));
  const [mx, submission] = LOCAL_DEFAULTS.listeners;
  expect(readme).toContain(`smtp://${mx.host}:${mx.port}`);
  expect(readme).toContain(`--server ${submission.host}:${submission.port}`);
  expect(readme).toContain(`AWS_ENDPOINT_URL=http://127.0.0.1:${ports?.awsPort}`);
  expect(readme).toContain(`AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:${ports?.dynamoDbPort}`);
});

test('the configuration that it shows is valid', async () => {
  const json = blocks.filter(({ language }) => language === 'json');
  expect(json).toHaveLength(1);
  const { code } = await mailsluice(['config', 'check', '--config', json[0]?.code ?? '']);
  expect(code).toBe(0);
});

test('credentials add NAME --json prints a user name and a password', async () => {
  const { region, endpoint, dynamoDbEndpoint, accessKeyId, secretAccessKey } = local.ready.aws;
  const { code, output } = await mailsluice(['credentials', 'add', 'scanner', '--json'], {
    AWS_REGION: region,
    AWS_ENDPOINT_URL: endpoint,
    AWS_ENDPOINT_URL_DYNAMODB: dynamoDbEndpoint,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
  });
  expect(code).toBe(0);
  expect(output).toMatch(/^\{"username":"scanner","password":"[\w-]{43}"\}\n$/);
});
