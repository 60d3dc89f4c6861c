// What the tests of a deployment share: its commands, its outputs, and what the services hold of it.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Engine, REGION } from './engine.ts';
import { preparePython } from './python.ts';

export const python = preparePython();

/** Why the tests of this folder are skipped, after their name. */
export const skipReason = python.ok ? '' : `: ${python.reason}`;

/** The image that stands for the one that Docker would build. */
export const IMAGE = 'public.ecr.aws/docker/library/node:24';

/** What an operator gives at least. */
export const GIVEN = `-c hostname=mx.example.com -c image=${IMAGE}`;

/** What moto's CloudFormation passes over; README.md says what covers it instead. */
export const IGNORED_TYPES = ['AWS::Logs::QueryDefinition', 'AWS::S3::BucketPolicy'];

/** Runs a command line that must end well. */
export async function succeed(engine: Engine, command: string): Promise<string> {
  const { code, output } = await engine.run(command);
  if (code === 0) return output;
  throw new Error(`${command}: exit code ${code}\n${output.slice(-4000)}\n${engine.lastWords}`);
}

/** The options of a client of the SDK. */
export function clientOptions(engine: Engine) {
  return {
    region: REGION,
    endpoint: engine.endpoint,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
}

/** An output of a stack as `cdk deploy` prints it. */
export function outputOf(text: string, name: string): string {
  return new RegExp(`\\.${name} = (.+)`).exec(text)?.[1] ?? '';
}

/** Runs the AWS CLI, and reads what it prints. Its version 1 takes no endpoint of SQS from the environment. */
export async function awsCli<Answer>(engine: Engine, ...args: readonly string[]): Promise<Answer> {
  const { stdout } = await runPython(engine, 'aws', ['--endpoint-url', engine.endpoint, ...args]);
  return JSON.parse(stdout) as Answer;
}

/** What facts.py found; each property is what an API tells. */
export interface Facts {
  readonly outputs: Readonly<Record<string, string>>;
  readonly configuration: {
    readonly hostname: string;
    readonly traceHeaders?: boolean;
    readonly limits?: { readonly maxConnections?: number };
    readonly routes?: readonly { readonly recipients: readonly string[] }[];
    readonly tls: { readonly certificates: readonly Readonly<Record<string, string>>[] };
    readonly [name: string]: unknown;
  };
  readonly task: Readonly<Record<'cpu' | 'memory' | 'architecture' | 'image', string>>;
  /** Their names. */
  readonly containers: readonly string[];
  /** Roles that GuardDuty may take. */
  readonly malwareScanners: number;
  readonly taskSubnets: readonly string[];
  readonly assignPublicIp: string;
  readonly scheme: string;
  readonly addressType: string;
  readonly loadBalancerSubnets: readonly string[];
  readonly listeners: readonly number[];
  readonly proxyProtocol: readonly string[];
  readonly allowed: readonly string[];
  readonly minimum: number;
  readonly maximum: number;
  readonly vpc: string;
  readonly cidr: string;
  readonly natGateways: number;
  readonly interfaceEndpoints: number;
  readonly encryption: string;
  readonly topicKey: string;
  readonly expiry: readonly number[];
  readonly lock: { readonly Mode: string; readonly Days: number } | null;
  readonly records: readonly string[];
  readonly policyHosts: readonly string[];
  readonly texts: readonly string[];
  readonly alarmAddresses: readonly string[];
  readonly alarmActions: readonly string[];
  readonly alarmTexts: readonly string[];
  readonly mailSubscribers: readonly string[];
  readonly functions: number;
  readonly certificates: readonly string[];
}

export async function readFacts(engine: Engine, stage: string, zone: string): Promise<Facts> {
  const script = fileURLToPath(new URL('facts.py', import.meta.url));
  const stacks = ['Service', 'Data'].map((name) => `Mailsluice-${stage}-${name}`);
  const { stdout } = await runPython(engine, 'python', [script, ...stacks, zone]);
  return JSON.parse(stdout) as Facts;
}

function runPython(engine: Engine, program: string, args: readonly string[]) {
  if (!python.ok) throw new Error(python.reason);
  return promisify(execFile)(`${python.bin}/${program}`, args, {
    env: { ...process.env, ...engine.environment, AWS_DEFAULT_REGION: REGION },
    maxBuffer: 1e8,
  });
}
