// cfn-lint: the schemas of CloudFormation for every region, and rules that the validator of aws-cdk-lib lacks.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { APP_VARIANTS } from '../infra/app-variants.ts';
import { synthApp } from '../infra/support.ts';
import { preparePython } from './python.ts';

const python = preparePython();
const folder = mkdtempSync(join(tmpdir(), 'templates-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Findings that are meant, with the reason. */
const ACKNOWLEDGED: Readonly<Record<string, string>> = {
  W3005:
    'The CDK writes a dependency that a reference already makes; both say the same and the order is right',
};

interface LintFinding {
  readonly Rule: { readonly Id: string };
  readonly Message: string;
  readonly Filename: string;
  readonly Location: { readonly Path: readonly unknown[] | null };
}

test('cfn-lint finds nothing in the templates of any variant of the ready app', async ({
  skip,
}) => {
  if (!python.ok) return skip(python.reason);
  const files = APP_VARIANTS.flatMap(([, context], at) => {
    const { data, service } = synthApp(context);
    mkdirSync(join(folder, String(at)));
    return [data, service].map((template, of) => {
      const file = join(folder, String(at), ['data.json', 'service.json'][of] ?? '');
      writeFileSync(file, JSON.stringify(template.toJSON()));
      return file;
    });
  });
  const { stdout } = await promisify(execFile)(
    `${python.bin}/cfn-lint`,
    [
      '--format',
      'json',
      '--regions',
      'us-east-1',
      'eu-west-1',
      'cn-north-1',
      'us-gov-west-1',
      '--',
      ...files,
    ],
    { maxBuffer: 1e8 },
  ).catch((error: { readonly stdout: string }) => error);
  const findings = JSON.parse(stdout) as readonly LintFinding[];
  const open = findings.filter(({ Rule }) => !(Rule.Id in ACKNOWLEDGED));
  expect(
    open.map(({ Rule, Message, Filename, Location }) =>
      [Rule.Id, Message, Filename, Location.Path?.join('/')].join(' '),
    ),
  ).toEqual([]);
  expect(findings.map(({ Rule }) => Rule.Id)).toEqual(
    expect.arrayContaining(Object.keys(ACKNOWLEDGED)),
  );
}, 300_000);
