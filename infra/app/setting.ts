// What a row of the table of settings is made of: the kinds of values, each with how it is read and described.
import { readFileSync } from 'node:fs';
import type { aws_secretsmanager as secretsmanager, Stack } from 'aws-cdk-lib';
import type { MailBridgeProps } from '../bridge/mail-bridge-props.ts';
import type { MailDataProps } from '../data/mail-data.ts';
import type { Profile } from './profiles.ts';
import { isRecord } from '../bridge/given-value.ts';

type Document = Readonly<Record<string, unknown>>;

/** The default of a setting that must be given. */
export const REQUIRED = { required: true } as const;

/** The settings that the row of another one reads; undefined, too, where a value could not be read. */
export interface RelatedSettings {
  readonly hostname: string;
  readonly hostedZoneId: string | undefined;
  readonly hostedZoneName: string | undefined;
  readonly objectLockMode: 'governance' | 'compliance';
  readonly certificateArn: string | undefined;
  readonly config: Readonly<Record<string, unknown>> | undefined;
  readonly profile: Profile;
  readonly zones: number;
  readonly internal: boolean;
  readonly ports: readonly string[] | undefined;
  readonly vpcId: string | undefined;
  readonly vpcCidr: string | undefined;
  readonly publicSubnetIds: readonly string[] | undefined;
  readonly taskSubnetIds: readonly string[] | undefined;
}

/** What a row may use to make props for the service stack. */
export interface ServiceTarget {
  /** The service stack; rows may create constructs in it. */
  readonly stack: Stack;
  /** The secret of the data stack for a certificate that is placed by hand. */
  readonly certificateSecret?: secretsmanager.ISecret;
}

/** A setting that CloudFormation could change only by making what must stay anew. */
export interface FixedSetting<Value> {
  /** The stack whose first deployment it is. */
  readonly stack: 'data' | 'service';
  readonly because: string;
  /** What must stay the same, as text. Not called with a value that could not be read. */
  describe(value: Value | undefined): string;
}

interface Row<Value, Default> {
  /** The value when the setting is not given. */
  readonly default: Default;
  /** The default as README.md shows it, if it is not a value. */
  readonly defaultText?: string;
  /** The description in README.md. */
  readonly meaning: string;
  /** Why the setting can be chosen only at the first deployment of a stack, if so. */
  readonly fixed?: FixedSetting<Value>;
  /** The setting whose row turns this one into props, if its own row does not. */
  readonly partOf?: string;
  /** The error if the value contradicts another setting. */
  conflict?(value: Value | undefined, others: RelatedSettings): string | undefined;
  /** The props for the data stack. Not called without a value. */
  data?(value: Value, others: RelatedSettings): Partial<MailDataProps>;
  /** The props for the service stack. Not called without a value. */
  service?(value: Value, others: RelatedSettings, target: ServiceTarget): Partial<MailBridgeProps>;
}

export interface Setting<Value, Default> extends Row<Value, Default> {
  readonly kind: SettingKind<Value>;
}

/** The type of a setting once it has been read. */
export type SettingValue<Each> = Each extends {
  readonly kind: SettingKind<infer Value>;
  readonly default: infer Default;
}
  ? Value | Extract<Default, undefined>
  : never;

/** A row of the table. */
export function setting<Value, const Default extends Value | undefined | typeof REQUIRED>(
  kind: SettingKind<Value>,
  row: Row<Value, Default>,
): Setting<Value, Default> {
  return { ...row, kind };
}

export type ParsedSetting<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly expected: string; readonly got: string };

export interface SettingKind<Value> {
  /** For errors: what follows "expected". */
  readonly expected: string;
  /** For README.md: the possible values, or an example. */
  readonly values: string;
  /** Different values that are all valid, as the command line and cdk.json give them. */
  readonly samples: readonly unknown[];
  parse(given: unknown): ParsedSetting<Value>;
}

/** A kind whose values are recognized by a function, which returns undefined for all others. */
function kind<Value>(
  described: Omit<SettingKind<Value>, 'parse'>,
  recognize: (given: unknown) => Value | undefined,
): SettingKind<Value> {
  return {
    ...described,
    parse(given) {
      const value = recognize(given);
      return value === undefined
        ? { ok: false, expected: described.expected, got: JSON.stringify(given) }
        : { ok: true, value };
    },
  };
}

export function text(what: string, example: string, pattern = /^.+$/): SettingKind<string> {
  const described = {
    expected: `${what}, like "${example}"`,
    values: `like \`${example}\``,
    samples: [example, `${example.slice(0, -1)}x`],
  };
  return kind(described, (given) =>
    typeof given === 'string' && pattern.test(given) ? given : undefined,
  );
}

/** A list in cdk.json, or a text with commas on the command line. */
export function list(
  what: string,
  example: string,
  another = `x.${example}`,
): SettingKind<readonly string[]> {
  const described = {
    expected: `${what}, separated by commas, like "${example}"`,
    values: `like \`${example}\``,
    samples: [example, [another, example]],
  };
  return kind(described, (given) => {
    if (Array.isArray(given)) {
      return given.every((item): item is string => typeof item === 'string') ? given : undefined;
    }
    if (typeof given !== 'string' || given === '') return undefined;
    return given
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  });
}

export function oneOf<const Choice extends string | number>(
  choices: readonly Choice[],
): SettingKind<Choice> {
  const described = {
    expected: alternatives(choices.map((choice) => JSON.stringify(choice))),
    values: alternatives(choices.map((choice) => `\`${choice}\``)),
    samples: choices,
  };
  return kind(described, (given) =>
    choices.find((choice) => choice === given || (!isText(choice) && String(choice) === given)),
  );
}

export const flag: SettingKind<boolean> = kind(
  {
    expected: '"true" or "false"',
    values: '`true` or `false`',
    samples: ['false', 'true'],
  },
  (given) => (given === true || given === 'true' ? true : isFalse(given) ? false : undefined),
);

/** A whole number. */
export function number(minimum: number, maximum?: number): SettingKind<number> {
  const range = maximum === undefined ? `at least ${minimum}` : `${minimum} to ${maximum}`;
  const described = {
    expected:
      maximum === undefined
        ? `a whole number of at least ${minimum}`
        : `a whole number from ${range}`,
    values: range,
    samples: [String(minimum), minimum + 1],
  };
  return kind(described, (given) => {
    if (typeof given !== 'number' && typeof given !== 'string') return undefined;
    if (!/^[1-9]\d{0,6}$/.test(String(given))) return undefined;
    const value = Number(given);
    return value >= minimum && value <= (maximum ?? value) ? value : undefined;
  });
}

/** A JSON object in a file, or the object itself in cdk.json. */
export function jsonFile(example: string, samples: readonly Document[]): SettingKind<Document> {
  const expected = 'a readable JSON file';
  return {
    expected,
    values: `like \`${example}\``,
    samples,
    parse(given) {
      if (isRecord(given)) return { ok: true, value: given };
      const got = JSON.stringify(given);
      if (typeof given !== 'string') return { ok: false, expected, got };
      try {
        const document: unknown = JSON.parse(readFileSync(given, 'utf8'));
        if (isRecord(document)) return { ok: true, value: document };
        return { ok: false, expected: `a JSON object in ${got}`, got: typeOf(document) };
      } catch (error) {
        const { code = 'not JSON' } = error as NodeJS.ErrnoException;
        return { ok: false, expected, got: `${got} (${code})` };
      }
    },
  };
}

function typeOf(document: unknown): string {
  if (document === null) return 'null';
  return Array.isArray(document) ? 'an array' : `a ${typeof document}`;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isFalse(given: unknown): boolean {
  return given === false || given === 'false';
}

/** `a, b or c`. */
function alternatives(names: readonly string[]): string {
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}
