// `npm run deploy -- -c hostname=mx.example.com …`: checks the prerequisites of a deployment, reports all that are
// missing, and otherwise runs `cdk deploy --all` with the same arguments, and the doctor on what it deployed.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Bucket, ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';

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

export async function checkAccount(s3: S3Client): Promise<Finding> {
  let region: string;
  try {
    region = await s3.config.region();
  } catch {
    return missing('AWS region: not set. Set AWS_REGION, or select a profile with AWS_PROFILE.');
  }
  let buckets: readonly Bucket[];
  try {
    ({ Buckets: buckets = [] } = await s3.send(
      new ListBucketsCommand({ Prefix: BOOTSTRAP_BUCKETS }),
    ));
  } catch (error) {
    return explainAccountError(error);
  }
  // The name of the bootstrap bucket ends in account and region.
  if (buckets.some(({ Name = '' }) => Name.endsWith(`-${region}`))) return FINE;
  return missing(
    `CDK bootstrap: this account is not bootstrapped in ${region}. Run "npx cdk bootstrap -c hostname=NAME" once, as an administrator.`,
  );
}

const BOOTSTRAP_BUCKETS = 'cdk-hnb659fds-assets-';

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
        'CDK bootstrap: not checked, since these credentials cannot list buckets. If the deployment reports that it is missing, run "npx cdk bootstrap -c hostname=NAME".',
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
  const cdk = `${root}node_modules/.bin/cdk`;
  const cli = spawnSync(cdk, ['--version'], { encoding: 'utf8' });
  const builder = process.env['CDK_DOCKER'] ?? 'docker';
  const findings = [
    checkCli(cli.stdout ?? '', devDependencies['aws-cdk'] ?? ''),
    checkContainerBuilder(builder, spawnSync(builder, ['info'], { stdio: 'ignore' }).status),
    await checkAccount(new S3Client({ maxAttempts: 2 })),
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
    const code = await runToEnd(cdk, ['deploy', '--all', ...own, ...args]);
    if (code === 0) await runDoctor(file, optionOf(args, '--profile'));
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
