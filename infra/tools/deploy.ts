// `npm run deploy -- -c hostname=mx.example.com …`: checks the prerequisites of a deployment, reports all that are
// missing, and otherwise runs `cdk deploy --all` with the same arguments, and the doctor on what it deployed.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Bucket, ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';

/** The one of a bootstrap that was given none. */
const DEFAULT_QUALIFIER = 'hnb659fds';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The result of a check: in order, a reason to stop, or not checked. */
export type Finding =
  | { readonly kind: 'fine' }
  | { readonly kind: 'missing'; readonly says: string }
  | { readonly kind: 'unknown'; readonly says: string };

const FINE: Finding = { kind: 'fine' };
const missing = (says: string): Finding => ({ kind: 'missing', says });
const unknown = (says: string): Finding => ({ kind: 'unknown', says });

/** The CLI must understand what aws-cdk-lib writes; another version may be first on the path. */
export function checkCli(versionOutput: string, pinned: string): Finding {
  const found = /^(\d+\.\d+\.\d+)/.exec(versionOutput.trim())?.[1];
  if (found === pinned) return FINE;
  return missing(
    `CDK command line: expected version ${pinned}, got ${found ?? 'none'}. Run "npm ci" in this folder, then deploy with "npm run deploy", which uses the installed version.`,
  );
}

/** The image is built on this machine; CDK_DOCKER may name podman or finch. */
export function checkContainerBuilder(program: string, status: number | null): Finding {
  if (status === 0) return FINE;
  return missing(
    `Container builder: "${program}" is not installed, or its service is not running. Install Docker, or set CDK_DOCKER to podman or finch.`,
  );
}

/** What the checks need of the arguments and of cdk.json. The CDK command line reads both again. */
export interface DeployOptions {
  readonly profile: string | undefined;
  readonly qualifier: string;
  /** An image in a registry, so that none is built here. */
  readonly image: string | undefined;
  readonly approval: boolean;
}

type Context = Readonly<Record<string, unknown>>;

export function readOptions(args: readonly string[], cdkJson: Context): DeployOptions {
  const valuesOf = (...names: readonly string[]): string[] =>
    args.flatMap((arg, at) => {
      const [name = '', ...value] = arg.split('=');
      if (!names.includes(name)) return [];
      return value.length > 0 ? [value.join('=')] : args.slice(at + 1, at + 2);
    });
  const given = Object.fromEntries(
    valuesOf('-c', '--context').map((text) => {
      const [name = '', ...value] = text.split('=');
      return [name, value.join('=')];
    }),
  );
  const context = contextOf(cdkJson, 'context');
  const stage = contextOf(contextOf(context, 'stages'), given['stage'] ?? 'prod');
  const setting = (name: string): string | undefined => {
    const value = given[name] ?? stage[name] ?? context[name];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    profile: valuesOf('--profile').at(-1),
    qualifier: setting('@aws-cdk/core:bootstrapQualifier') ?? DEFAULT_QUALIFIER,
    image: setting('image'),
    approval: valuesOf('--require-approval').length > 0,
  };
}

function contextOf(parent: Context, name: string): Context {
  const value = parent[name];
  return typeof value === 'object' && value !== null ? (value as Context) : {};
}

export async function checkAccount(
  s3: S3Client,
  qualifier: string = DEFAULT_QUALIFIER,
): Promise<Finding> {
  let region: string;
  try {
    region = await s3.config.region();
  } catch {
    return missing('AWS region: not set. Set AWS_REGION, or select a profile with AWS_PROFILE.');
  }
  let buckets: readonly Bucket[];
  try {
    ({ Buckets: buckets = [] } = await s3.send(new ListBucketsCommand({ Prefix: 'cdk-' })));
  } catch (error) {
    return explainAccountError(error);
  }
  // The name of the bootstrap bucket ends in account and region.
  const names = buckets.map(({ Name = '' }) => Name).filter((name) => name.endsWith(`-${region}`));
  if (names.some((name) => name.startsWith(`cdk-${qualifier}-assets-`))) return FINE;
  const [, other] = /^cdk-(.+)-assets-/.exec(names[0] ?? '') ?? [];
  if (other !== undefined) {
    return unknown(
      `CDK bootstrap: ${region} has one with the qualifier "${other}". If that is yours, deploy with "-c @aws-cdk/core:bootstrapQualifier=${other}".`,
    );
  }
  return missing(
    `CDK bootstrap: this account is not bootstrapped in ${region}. Run "npx cdk bootstrap" once, as an administrator.`,
  );
}

function explainAccountError(error: unknown): Finding {
  const { name, message } = error instanceof Error ? error : { name: '', message: String(error) };
  switch (name) {
    case 'CredentialsProviderError':
      return missing(
        'AWS credentials: none found. Run "aws sso login", set AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
      );
    case 'ExpiredToken':
    case 'ExpiredTokenException':
    case 'RequestExpired':
      return missing('AWS credentials: expired. Sign in again, for example with "aws sso login".');
    case 'InvalidAccessKeyId':
    case 'SignatureDoesNotMatch':
      return missing(`AWS credentials: refused by AWS (${name}).`);
    case 'AccessDenied':
      return unknown(
        'CDK bootstrap: not checked, since these credentials cannot list buckets. If the deployment reports that it is missing, run "npx cdk bootstrap".',
      );
    default:
      return unknown(
        `AWS account: not checked (${name === '' ? message : `${name}: ${message}`}).`,
      );
  }
}

async function main(args: readonly string[]): Promise<number> {
  const { devDependencies } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as {
    devDependencies: Readonly<Record<string, string>>;
  };
  const cdkJson = JSON.parse(readFileSync(`${root}cdk.json`, 'utf8')) as Context;
  const { profile, qualifier, image, approval } = readOptions(args, cdkJson);
  // Not what is linked in .bin, which Windows cannot start.
  const cdk = `${root}node_modules/aws-cdk/bin/cdk`;
  const cli = spawnSync(process.execPath, [cdk, '--version'], { encoding: 'utf8' });
  const builder = process.env['CDK_DOCKER'] ?? 'docker';
  const findings = [
    checkCli(cli.stdout ?? '', devDependencies['aws-cdk'] ?? ''),
    image === undefined
      ? checkContainerBuilder(builder, spawnSync(builder, ['info'], { stdio: 'ignore' }).status)
      : FINE,
    await checkAccount(new S3Client({ maxAttempts: 2, ...(profile && { profile }) }), qualifier),
  ];
  for (const finding of findings) {
    if (finding.kind !== 'fine') console.error(`mailsluice deploy: ${finding.says}`);
  }
  if (findings.some(({ kind }) => kind === 'missing')) return 1;

  const folder = mkdtempSync(join(tmpdir(), 'mailsluice-deploy-'));
  try {
    const given = optionOf(args, '--outputs-file', '-O');
    const file = given === undefined ? join(folder, 'outputs.json') : resolve(root, given);
    const own = given === undefined ? ['--outputs-file', file] : [];
    // Without a terminal nobody can answer, and the deployment would stop at the first change of rights.
    const answers = approval || process.stdin.isTTY ? [] : ['--require-approval', 'never'];
    const code = await runToEnd(process.execPath, [
      cdk,
      'deploy',
      '--all',
      ...answers,
      ...own,
      ...args,
    ]);
    if (code === 0) await runDoctor(file, profile);
    return code;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The value of an option of the CDK command line, in any of its spellings; the last one counts. */
export function optionOf(args: readonly string[], ...names: readonly string[]): string | undefined {
  const values = args.flatMap((arg, at) => {
    if (names.includes(arg)) return args[at + 1] ?? [];
    const name = names.find((each) => arg.startsWith(`${each}=`));
    return name === undefined ? [] : arg.slice(name.length + 1);
  });
  return values.at(-1);
}

/** As `cdk deploy --outputs-file` writes them: by stack, then by name. */
type Outputs = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** The stack that the doctor looks at: the one whose outputs name the doctor. */
export function doctorsStack(outputs: Outputs): string | undefined {
  return Object.keys(outputs).find((stack) => outputs[stack]?.['DoctorCommand'] !== undefined);
}

/**
 * Runs the doctor on the stack in a file of outputs. What it finds does not make the deployment fail: the DNS records
 * of a first deployment do not exist yet.
 */
export async function runDoctor(outputsFile: string, profile: string | undefined): Promise<void> {
  if (!existsSync(outputsFile)) return;
  const stack = doctorsStack(JSON.parse(readFileSync(outputsFile, 'utf8')) as Outputs);
  if (stack === undefined) return;
  console.log(`\nmailsluice doctor --stack ${stack}`);
  await runToEnd(
    process.execPath,
    [join(root, 'src/cli/main.ts'), 'doctor', '--stack', stack],
    profile === undefined ? {} : { AWS_PROFILE: profile },
  );
}

/** The exit code of a program that has this terminal; 1 where a signal ended it. */
function runToEnd(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<number> {
  const child = spawn(program, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  });
  return new Promise((settle, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => settle(code ?? 1));
  });
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
