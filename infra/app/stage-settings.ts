// What the ready app is told: `-c name=value` on the command line, or the stage's entry in cdk.json.
import { readFileSync } from 'node:fs';
import type { Node } from 'constructs';
import { SettingsError } from '../bridge/settings-error.ts';

export interface StageSettings {
  readonly stage: string;
  readonly hostname: string;
  /** The program's configuration, but for the host name. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly hostedZone: { readonly id: string; readonly name: string } | undefined;
  readonly mailDomains: readonly string[];
  readonly mtaSts: 'none' | 'testing' | 'enforce';
  readonly tlsReportAddress: string | undefined;
  readonly receiveOnly: boolean;
  readonly certificateSecretArn: string | undefined;
  readonly certificateArn: string | undefined;
  readonly certificate: 'self-signed' | 'acm';
  readonly egress: 'nat' | 'endpoints' | 'public';
  readonly zones: number;
  readonly dualStack: boolean;
  readonly architecture: 'arm64' | 'x86_64';
  readonly cpu: number;
  readonly memoryMiB: number;
  readonly minimumTasks: number | undefined;
  readonly maximumTasks: number;
  readonly customerManagedKey: boolean;
  readonly expireAfterDays: number | undefined;
  readonly objectLockDays: number | undefined;
  readonly objectLockMode: 'governance' | 'compliance';
  readonly alarmEmail: string | undefined;
  readonly exampleSubscriber: boolean;
}

/** Every setting by name, with what it expects; README.md says the same in sentences. */
export const SETTINGS = {
  stage: 'letters, digits and "-"',
  hostname: 'the name of the mail server, like "mx.example.com"',
  config: 'the path of a JSON file with the configuration of the program',
  hostedZoneId: 'the id of a Route 53 hosted zone',
  hostedZoneName: 'its name, like "example.com"',
  mailDomains: 'domains, with commas between them',
  mtaSts: '"none", "testing" or "enforce"',
  tlsReportAddress: 'a mail address',
  receiveOnly: '"true" or "false"',
  certificate: '"self-signed" or "acm"',
  certificateSecretArn: 'the ARN of a secret with "cert" and "key"',
  certificateArn: 'the ARN of an exportable ACM certificate',
  egress: '"nat", "endpoints" or "public"',
  zones: 'a whole number from 2 to 6',
  dualStack: '"true" or "false"',
  architecture: '"arm64" or "x86_64"',
  cpu: '256, 512, 1024, 2048, 4096 or more',
  memoryMiB: 'a whole number from 512 on',
  minimumTasks: 'a whole number from 1 on',
  maximumTasks: 'a whole number from 1 on',
  customerManagedKey: '"true" or "false"',
  expireAfterDays: 'a whole number from 1 on',
  objectLockDays: 'a whole number from 1 on',
  objectLockMode: '"governance" or "compliance"',
  alarmEmail: 'a mail address',
  exampleSubscriber: '"true" or "false"',
} as const;

type SettingName = keyof typeof SETTINGS;

const DEFAULT_STAGE = 'prod';

/** @throws SettingsError with everything that is wrong with the settings at once. */
export function readStageSettings(node: Node): StageSettings {
  const reader = new SettingReader(node);
  const hostedZoneId = reader.text('hostedZoneId');
  const hostedZoneName = reader.text('hostedZoneName');
  if ((hostedZoneId === undefined) !== (hostedZoneName === undefined)) {
    reader.problems.push('hostedZoneId and hostedZoneName: expected both or neither');
  }
  const certificate = reader.oneOf('certificate', ['self-signed', 'acm'], 'self-signed');
  if (certificate === 'acm' && hostedZoneId === undefined) {
    reader.problems.push(
      'certificate: expected hostedZoneId and hostedZoneName beside "acm", to validate it',
    );
  }
  const settings: StageSettings = {
    stage: reader.stage,
    hostname: reader.required('hostname'),
    config: reader.file('config'),
    hostedZone:
      hostedZoneId === undefined || hostedZoneName === undefined
        ? undefined
        : { id: hostedZoneId, name: hostedZoneName },
    mailDomains: reader.list('mailDomains'),
    mtaSts: reader.oneOf('mtaSts', ['none', 'testing', 'enforce'], 'none'),
    tlsReportAddress: reader.text('tlsReportAddress'),
    receiveOnly: reader.flag('receiveOnly'),
    certificate,
    certificateSecretArn: reader.text('certificateSecretArn'),
    certificateArn: reader.text('certificateArn'),
    egress: reader.oneOf('egress', ['nat', 'endpoints', 'public'], 'nat'),
    zones: reader.number('zones', 2),
    dualStack: reader.flag('dualStack'),
    architecture: reader.oneOf('architecture', ['arm64', 'x86_64'], 'arm64'),
    cpu: reader.number('cpu', 512),
    memoryMiB: reader.number('memoryMiB', 1024),
    minimumTasks: reader.number('minimumTasks', undefined),
    maximumTasks: reader.number('maximumTasks', 10),
    customerManagedKey: reader.flag('customerManagedKey'),
    expireAfterDays: reader.number('expireAfterDays', undefined),
    objectLockDays: reader.number('objectLockDays', undefined),
    objectLockMode: reader.oneOf('objectLockMode', ['governance', 'compliance'], 'governance'),
    alarmEmail: reader.text('alarmEmail'),
    exampleSubscriber: reader.flag('exampleSubscriber'),
  };
  if (reader.problems.length > 0) {
    throw new SettingsError('settings (-c name=value, or "stages" in cdk.json)', reader.problems);
  }
  return settings;
}

class SettingReader {
  readonly problems: string[] = [];
  readonly stage: string;
  readonly #node: Node;
  readonly #ofStage: Readonly<Record<string, unknown>>;

  constructor(node: Node) {
    this.#node = node;
    const stage: unknown = node.tryGetContext('stage') ?? DEFAULT_STAGE;
    this.stage =
      typeof stage === 'string' && /^[A-Za-z][A-Za-z0-9-]{0,30}$/.test(stage) ? stage : '';
    if (this.stage === '') this.#expected('stage', stage);
    const stages: unknown = node.tryGetContext('stages');
    const ofStage: unknown = isRecord(stages) ? stages[this.stage] : undefined;
    this.#ofStage = isRecord(ofStage) ? ofStage : {};
    for (const name of Object.keys(this.#ofStage)) {
      if (!(name in SETTINGS)) {
        this.problems.push(`stages.${this.stage}.${name}: expected no such setting`);
      }
    }
  }

  required(name: SettingName): string {
    const value = this.text(name);
    if (value === undefined) this.problems.push(`${name}: expected ${SETTINGS[name]}, got nothing`);
    return value ?? '';
  }

  text(name: SettingName): string | undefined {
    const value = this.#read(name);
    if (value === undefined) return undefined;
    if (typeof value === 'string' && value !== '') return value;
    this.#expected(name, value);
    return undefined;
  }

  list(name: SettingName): string[] {
    const value = this.#read(name);
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
    return (this.text(name) ?? '')
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  }

  oneOf<const T extends string>(name: SettingName, choices: readonly T[], otherwise: T): T {
    const value = this.#read(name) ?? otherwise;
    const choice = choices.find((each) => each === value);
    if (choice === undefined) this.#expected(name, value);
    return choice ?? otherwise;
  }

  flag(name: SettingName): boolean {
    const value = this.#read(name) ?? false;
    if (value === true || value === 'true') return true;
    if (value !== false && value !== 'false') this.#expected(name, value);
    return false;
  }

  number<T extends number | undefined>(name: SettingName, otherwise: T): number | T {
    const value = this.#read(name);
    if (value === undefined) return otherwise;
    if (/^[1-9]\d{0,6}$/.test(JSON.stringify(value).replaceAll('"', ''))) return Number(value);
    this.#expected(name, value);
    return otherwise;
  }

  file(name: SettingName): Record<string, unknown> {
    const value = this.#read(name);
    if (value === undefined) return {};
    if (isRecord(value)) return value;
    if (typeof value !== 'string') {
      this.#expected(name, value);
      return {};
    }
    try {
      const document: unknown = JSON.parse(readFileSync(value, 'utf8'));
      if (isRecord(document)) return document;
      this.problems.push(`${name}: expected a JSON object in ${value}`);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      this.problems.push(
        `${name}: expected a readable JSON file, got ${JSON.stringify(value)} (${code ?? 'not JSON'})`,
      );
    }
    return {};
  }

  #read(name: SettingName): unknown {
    return (this.#node.tryGetContext(name) as unknown) ?? this.#ofStage[name];
  }

  #expected(name: SettingName, value: unknown): void {
    this.problems.push(`${name}: expected ${SETTINGS[name]}, got ${JSON.stringify(value)}`);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
