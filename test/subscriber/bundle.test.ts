// What `mailsluice/subscriber` costs in a Lambda function: bundled as the CDK's NodejsFunction does it.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { notificationOf, sqsEvent } from './support.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailsluice-bundle-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function bundle(example: string) {
  const entry = new URL(`../../src/subscriber/examples/${example}.ts`, import.meta.url);
  const outfile = join(folder, `${example}.mjs`);
  const { metafile } = await build({
    entryPoints: [fileURLToPath(entry)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    external: ['@aws-sdk/*'],
    metafile: true,
    // mailparser's packages are CommonJS.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
  const size = (await readFile(outfile)).length;
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  const used = inputs.flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : []));
  return { size, outfile, inputs: used };
}

test('the smallest handler is far under 1 MB, with no parser, no SMTP and no second zod in it', async () => {
  const { size, inputs } = await bundle('post-to-webhook');
  expect(size).toBeLessThan(110_000);
  expect(
    inputs.filter((input) => /mailparser|iconv|src\/(smtp|server|bridge)\//.test(input)),
  ).toEqual([]);
  expect(inputs.filter((input) => input.includes('zod/v4/classic'))).toEqual([]);
});

test('a bundled handler runs', async () => {
  const { outfile } = await bundle('file-invoices');
  const { handler } = (await import(pathToFileURL(outfile).href)) as {
    handler: (event: unknown) => Promise<unknown>;
  };
  const { receipt, ...rest } = notificationOf();
  const content = 'From: a@client.example\r\nSubject: no invoice\r\n\r\nHello\r\n';
  const action = { type: 'SNS', topicArn: 'arn:aws:sns:us-east-1:000000000000:t' };
  const message = JSON.stringify({ ...rest, content, receipt: { ...receipt, action } });
  expect(await handler(sqsEvent([message]))).toEqual({ batchItemFailures: [] });
});
