// The README's own commands, on a running `mailsluice local`; only its ports are put in.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mailsluice } from './support/cli.ts';
import { LocalProcess } from './support/local.ts';
import { need, runProgram } from './support/programs.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** The first block of a language that holds this text. */
function block(language: string, text: string): string {
  const blocks = [...readme.matchAll(/^```(\w+)\n(.*?)^```$/gms)];
  const found = blocks.find(([, name, code]) => name === language && code?.includes(text));
  if (found?.[2] === undefined) throw new Error(`the README has no ${language} with ${text}`);
  return found[2];
}

let local: LocalProcess;
beforeAll(async () => {
  local = await LocalProcess.start({
    local: { awsPort: 0, dynamoDbPort: 0, password: 'as-printed' },
  });
});
afterAll(async () => {
  expect(await local.stop()).toBe(0);
});

const environment = () => {
  const { region, endpoint, dynamoDbEndpoint, accessKeyId, secretAccessKey } = local.ready.aws;
  return {
    AWS_REGION: region,
    AWS_ENDPOINT_URL: endpoint,
    AWS_ENDPOINT_URL_DYNAMODB: dynamoDbEndpoint,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
  };
};

test('curl sends, and the Node.js lines read the notification and the object', async ({ skip }) => {
  need(skip, 'curl');
  const send = block('sh', '--upload-file').replace(
    '127.0.0.1:2525',
    `127.0.0.1:${local.port('mx')}`,
  );
  expect(await runProgram('sh', ['-c', send])).toMatchObject({ code: 0 });

  const code = block('js', 'ReceiveMessageCommand').replace(
    'http://127.0.0.1:4566/000000000000/mailsluice-mail',
    local.ready.queueUrl,
  );
  // Beside the packages that it imports.
  const file = fileURLToPath(new URL('readme-snippet.tmp.mjs', import.meta.url));
  writeFileSync(file, code);
  try {
    const settings = Object.entries(environment()).map(([name, value]) => `${name}=${value}`);
    const { output } = await runProgram('env', [...settings, process.execPath, file]);
    expect(output).toMatch(/^Hello \[ 'inbox@example\.net' \] Return-Path: <you@example\.com>\r\n/);
    expect(output).toContain('\r\n\r\nIt works.\r\n');
  } finally {
    rmSync(file);
  }
});

test('swaks signs in and sends', async ({ skip }) => {
  need(skip, 'swaks');
  const send = block('sh', 'swaks').replace(
    '127.0.0.1:2587',
    `127.0.0.1:${local.port('submission')}`,
  );
  const { code, output } = await runProgram('env', ['PASSWORD=as-printed', 'sh', '-c', send]);
  expect([code, output]).toEqual([0, expect.stringContaining('250 2.0.0 Ok: queued as ')]);
});

test('the configuration that it shows is right', async () => {
  const { code } = await mailsluice(['config', 'check', '--config', block('json', 'hostname')]);
  expect(code).toBe(0);
});

test('credentials add NAME --json prints the two members that it says', async () => {
  const { code, output } = await mailsluice(
    ['credentials', 'add', 'scanner', '--json'],
    environment(),
  );
  expect(code).toBe(0);
  expect(output).toMatch(/^\{"username":"scanner","password":"[\w-]{43}"\}\n$/);
});
