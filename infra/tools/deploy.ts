// `npm run deploy -- -c hostname=mx.example.com …`: checks the prerequisites of a deployment, reports all that are
// missing, and otherwise prints the estimate of its cost, runs `cdk deploy --all` with the same arguments, and the doctor on
// what it deployed.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { Route53Client } from '@aws-sdk/client-route-53';
import { type Bucket, ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { stackNames } from '../app/stacks.ts';
import { SettingsError } from '../bridge/settings-error.ts';
import { buildArtifacts } from './build-artifacts.ts';
import { checkFixedSettings, checkRecords, readLastTemplate } from './check-deployed.ts';
import { type Finding, FINE, missing, unknown } from './findings.ts';
import { idleCost, renderEstimate, synthesize } from './idle-cost.ts';

/** The one of a bootstrap that was given none. */
const DEFAULT_QUALIFIER = 'hnb659fds';

const root = fileURLToPath(new URL('../..', import.meta.url));

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
  const given = readContext(args);
  const context = contextOf(cdkJson, 'context');
  const stage = contextOf(contextOf(context, 'stages'), given['stage'] ?? 'prod');
  const setting = (name: string): string | undefined => {
    const value = given[name] ?? stage[name] ?? context[name];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    profile: valuesOf(args, '--profile').at(-1),
    qualifier: setting('@aws-cdk/core:bootstrapQualifier') ?? DEFAULT_QUALIFIER,
    image: setting('image'),
    approval: valuesOf(args, '--require-approval').length > 0,
  };
}

/** The context that the arguments give, by name. */
export function readContext(args: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    valuesOf(args, '-c', '--context').map((text) => {
      const [name = '', ...value] = text.split('=');
      return [name, value.join('=')];
    }),
  );
}

function valuesOf(args: readonly string[], ...names: readonly string[]): string[] {
  return args.flatMap((arg, at) => {
    const [name = '', ...value] = arg.split('=');
    if (!names.includes(name)) return [];
    return value.length > 0 ? [value.join('=')] : args.slice(at + 1, at + 2);
  });
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

/** An ARN of a setting that is of another region than the deployment: the tasks could not read what it names. */
export function checkRegions(context: Context, region: string): Finding[] {
  return ['certificateArn', 'certificateSecretArn'].flatMap((name) => {
    const arn = context[name];
    const [, , , found] = typeof arn === 'string' ? arn.split(':') : [];
    if (found === undefined || found === region) return [];
    return [
      missing(`${name}: expected one in the region ${region} of the deployment, got ${found}`),
    ];
  });
}

/** The clients of the services that the checks ask. */
export interface DeployClients {
  readonly cloudFormation: CloudFormationClient;
  readonly route53: Route53Client;
}

/**
 * Compares what is to be deployed with what is there; the estimate of what it costs. `context` is that of cdk.json and
 * of the command line together.
 * @throws SettingsError with all errors in the settings.
 */
export async function checkDeployment(
  context: Context,
  { cloudFormation, route53 }: DeployClients,
): Promise<{ readonly findings: readonly Finding[]; readonly estimate: string }> {
  await buildArtifacts();
  const next = synthesize(context);
  const names = stackNames(typeof context['stage'] === 'string' ? context['stage'] : 'prod');
  const last = {
    data: await readLastTemplate(cloudFormation, names.data),
    service: await readLastTemplate(cloudFormation, names.service),
  };
  return {
    findings: [
      ...checkRegions(context, await cloudFormation.config.region()),
      ...checkFixedSettings(names.data, last.data, next.data),
      ...checkFixedSettings(names.service, last.service, next.service),
      ...(await checkRecords(route53, last.service, next.service)),
    ],
    estimate: renderEstimate(idleCost([next.data, next.service])),
  };
}

/** Prints what was found; whether the deployment can begin. */
function report(findings: readonly Finding[]): boolean {
  for (const finding of findings) {
    if (finding.kind !== 'fine') console.error(`mailsluice deploy: ${finding.says}`);
  }
  return !findings.some(({ kind }) => kind === 'missing');
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
  if (!report(findings)) return 1;
  try {
    const context = { ...contextOf(cdkJson, 'context'), ...readContext(args) };
    const options = { maxAttempts: 2, ...(profile && { profile }) };
    const checked = await checkDeployment(context, {
      cloudFormation: new CloudFormationClient(options),
      route53: new Route53Client(options),
    });
    if (!report(checked.findings)) return 1;
    console.log(checked.estimate);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    console.error(`mailsluice deploy: ${error.message}`);
    return 1;
  }

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
