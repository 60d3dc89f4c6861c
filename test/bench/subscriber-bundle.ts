// Size and cold start of the example handlers, bundled by esbuild without the SDK as the CDK does it, on one
// core: node test/bench/subscriber-bundle.ts
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const RUNS = 15;
const folder = mkdtempSync(join(tmpdir(), 'mailsluice-bundle-'));
const timer = `
  const started = performance.now();
  await import(process.argv[1]);
  process.stdout.write(String(performance.now() - started));
`;

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? NaN;
}

function coldImport(file: string): number {
  const times = Array.from({ length: RUNS }, () => {
    const args = ['-c', '0', process.execPath, '--input-type=module', '-e', timer, file];
    const { stdout, stderr } = spawnSync('taskset', args, { encoding: 'utf8' });
    if (stdout === '') throw new Error(stderr);
    return Number(stdout);
  });
  return median(times);
}

try {
  console.log('| handler | bundle, kB | minified, kB | cold import, ms |');
  console.log('| --- | ---: | ---: | ---: |');
  for (const example of ['post-to-webhook', 'file-invoices', 'answer-tickets']) {
    const entry = new URL(`../../src/subscriber/examples/${example}.ts`, import.meta.url);
    const sizes: number[] = [];
    let outfile = '';
    for (const minify of [true, false]) {
      outfile = join(folder, `${example}${minify ? '.min' : ''}.mjs`);
      await build({
        entryPoints: [fileURLToPath(entry)],
        outfile,
        bundle: true,
        minify,
        platform: 'node',
        format: 'esm',
        target: 'node24',
        charset: 'utf8',
        external: ['@aws-sdk/*'],
        banner: {
          js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
        },
      });
      sizes.push(statSync(outfile).size / 1000);
    }
    const [minified = 0, plain = 0] = sizes;
    // This one imports the SDK at once, which Lambda has beside the function and this folder has not.
    const needsSdk = example === 'file-invoices';
    const cold = needsSdk ? '-' : coldImport(outfile).toFixed(0);
    console.log(`| ${example} | ${plain.toFixed(0)} | ${minified.toFixed(0)} | ${cold} |`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
