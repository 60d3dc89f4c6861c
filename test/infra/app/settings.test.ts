// Every row of the table of settings, by what a row promises: it is read, its errors name it, and it changes
// the props of the constructs. A new row is tested here without an edit.
import { readFileSync } from 'node:fs';
import { CfnResource, Stack } from 'aws-cdk-lib';
import { Construct, type IConstruct } from 'constructs';
import { describe, expect, test } from 'vitest';
import { readSettings } from '../../../infra/app/read-settings.ts';
import { REQUIRED } from '../../../infra/app/setting.ts';
import {
  dataProps,
  serviceProps,
  SETTING_NAMES,
  SETTING_ROWS,
  type SettingName,
} from '../../../infra/app/settings.ts';
import { withTables } from '../../../infra/tools/write-readme.ts';
import { makeApp } from '../support.ts';

type Context = Readonly<Record<string, unknown>>;

const OWN_VPC = {
  vpcId: 'vpc-0123456789abcdef0',
  vpcCidr: '10.1.0.0/16',
  publicSubnetIds: 'subnet-a',
  taskSubnetIds: 'subnet-b',
};

/** The settings without which a setting cannot be given, or has no effect. */
const NEEDED: Partial<Record<SettingName, Context>> = {
  hostedZoneId: { hostedZoneName: 'example.com' },
  hostedZoneName: { hostedZoneId: 'Z0123456789ABC' },
  certificate: { hostedZoneId: 'Z0123456789ABC', hostedZoneName: 'example.com' },
  objectLockMode: { objectLockDays: '30' },
  vpcId: OWN_VPC,
  vpcCidr: OWN_VPC,
  publicSubnetIds: OWN_VPC,
  taskSubnetIds: OWN_VPC,
};

function contextOf(name: SettingName, value: unknown): Context {
  return { hostname: 'mx.example.com', ...NEEDED[name], [name]: value };
}

/** The props of both stacks, and what the constructs are made of that belong to them. */
function propsOf(context: Context): string {
  const settings = readSettings(makeApp(context).node);
  const stack = new Stack();
  const props = [dataProps(settings), serviceProps(settings, { stack })];
  return JSON.stringify([props, stack.node.findAll().map(textsOf)], (_, value: unknown) =>
    Construct.isConstruct(value) ? value.node.path : isPeer(value) ? value.uniqueId : value,
  );
}

/** Those of the CDK refer to themselves. */
function isPeer(value: unknown): value is { readonly uniqueId: string } {
  return typeof value === 'object' && value !== null && 'canInlineRule' in value;
}

const BASES: ReadonlySet<object> = new Set([Construct.prototype, CfnResource.prototype]);

/** What a construct shows as text, by name. */
function textsOf(construct: IConstruct): Record<string, string> {
  const names = new Set<string>();
  for (let each: object = construct; !BASES.has(each); each = prototypeOf(each)) {
    for (const name of Object.getOwnPropertyNames(each)) names.add(name);
  }
  const texts: Record<string, string> = {};
  for (const name of names) {
    try {
      const value = (construct as unknown as Record<string, unknown>)[name];
      if (typeof value === 'string') texts[name] = value;
    } catch {
      // What an imported construct does not know.
    }
  }
  return texts;
}

function prototypeOf(value: object): object {
  return (Object.getPrototypeOf(value) as object | null) ?? Construct.prototype;
}

function errorsOf(context: Context): string[] {
  try {
    readSettings(makeApp(context).node);
  } catch (error) {
    return (error as Error).message.split('\n').map((line) => line.trim());
  }
  return [];
}

describe.each(SETTING_NAMES)('the setting %s', (name) => {
  const row = SETTING_ROWS[name];
  const { kind, default: byDefault } = row;

  test(`the setting ${name} reads the same value from the command line and from the entry of a stage`, () => {
    if (name === 'stage') return;
    for (const sample of kind.samples) {
      const context = contextOf(name, sample);
      const { [name]: value, ...others } = context;
      const inStage = { ...others, stages: { prod: { [name]: value } } };
      const read = readSettings(makeApp(context).node)[name];
      expect(read).toBeDefined();
      expect(readSettings(makeApp(inStage).node)[name]).toEqual(read);
    }
  });

  test(`the setting ${name} has its default when it is not given, and is reported if it has none`, () => {
    if (byDefault === REQUIRED) {
      expect(errorsOf({})).toContain(`${name}: expected ${kind.expected}, got nothing`);
    } else {
      expect(readSettings(makeApp({ hostname: 'mx.example.com' }).node)[name]).toBe(byDefault);
    }
  });

  test(`the setting ${name} is named in its error, with what was expected and what was found`, () => {
    expect(errorsOf({ hostname: 'mx.example.com', [name]: -1 })).toContain(
      `${name}: expected ${kind.expected}, got -1`,
    );
  });

  test(`the setting ${name} goes into props, by its own row or that of another setting`, () => {
    expect(row.meaning).not.toBe('');
    expect('data' in row || 'service' in row || row.partOf !== undefined).toBe(true);
    if (row.partOf !== undefined) expect(SETTING_NAMES).toContain(row.partOf);
  });

  test(`the setting ${name} changes the props with each of its values`, () => {
    const props = kind.samples.map((sample) => propsOf(contextOf(name, sample)));
    expect(props.length).toBeGreaterThan(1);
    expect(new Set(props).size).toBe(props.length);
  });
});

test('infra/README.md has the generated tables; `node infra/tools/write-readme.ts` writes them', {
  // Synthesizes the deployments of the table of costs.
  timeout: 120_000,
}, () => {
  const page = readFileSync(new URL('../../../infra/README.md', import.meta.url), 'utf8');
  expect(withTables(page)).toBe(page);
});
