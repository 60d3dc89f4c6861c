// Settings that can be chosen only at the first deployment: recorded in the templates, and compared by `deploy`.
import { describe, expect, test, vi } from 'vitest';
import { fixedProblems } from '../../../infra/app/fixed-settings.ts';
import { SETTING_NAMES, SETTING_ROWS } from '../../../infra/app/settings.ts';
import { synthApp } from '../support.ts';

// Each synthesizes other templates.
vi.setConfig({ testTimeout: 120_000 });

type Context = Readonly<Record<string, string>>;
interface WithMetadata {
  readonly Metadata?: Readonly<Record<string, unknown>>;
}

const OWN_VPC = {
  vpcId: 'vpc-0123456789abcdef0',
  vpcCidr: '10.1.0.0/16',
  publicSubnetIds: 'subnet-0123456789abcdef0,subnet-0123456789abcdef1',
  taskSubnetIds: 'subnet-0123456789abcdef2,subnet-0123456789abcdef3',
};

function problems(from: Context, to: Context): string[] {
  const [before, after] = [synthApp(from), synthApp(to)];
  const metadata = (app: typeof before, stack: 'data' | 'service') =>
    (app[stack].toJSON() as WithMetadata).Metadata;
  return (['data', 'service'] as const).flatMap((stack) =>
    fixedProblems(`The-${stack}`, metadata(before, stack), metadata(after, stack)),
  );
}

/** Each is refused in both directions. */
const CHANGES: readonly (readonly [name: string, from: Context, to: Context])[] = [
  ['cidr', {}, { cidr: '10.8.0.0/16' }],
  ['vpcId', {}, OWN_VPC],
  ['internal', {}, { internal: 'true' }],
  ['objectLockDays', {}, { objectLockDays: '30' }],
];

describe('a setting of the first deployment', () => {
  test('each setting of the first deployment has a row here', () => {
    const fixed = SETTING_NAMES.filter((name) => SETTING_ROWS[name].fixed !== undefined);
    expect(CHANGES.map(([name]) => name)).toEqual(fixed);
  });

  test.each(CHANGES)('the setting %s is refused when it differs later', (name, from, to) => {
    for (const [before, after] of [
      [from, to],
      [to, from],
    ] as const) {
      const found = problems(before, after);
      expect(found).toHaveLength(1);
      expect(found[0]).toMatch(
        new RegExp(
          `^${name}: expected ".+", as at the first deployment of The-(data|service), since .+; got ".+"\\. Give it as it was, .+\\.$`,
        ),
      );
    }
  });

  test('a sentence says what was, what is, why not, and what to do', () => {
    expect(problems({}, { cidr: '10.8.0.0/16' })).toEqual([
      'cidr: expected "10.0.0.0/16", as at the first deployment of The-service, since it is the network of the VPC, which cannot be changed while anything is in it; got "10.8.0.0/16". Give it as it was, run "npx cdk destroy The-service" first, which keeps the mail, or deploy another stage.',
    ]);
    expect(problems({}, { objectLockDays: '30' })[0]).toContain(
      'Give it as it was, deploy another stage.',
    );
  });

  test.each<[Context, Context]>([
    [{}, { cidr: '10.0.0.0/16' }],
    [{ objectLockDays: '30' }, { objectLockDays: '60', objectLockMode: 'compliance' }],
    [{}, { zones: '3', egress: 'public', customerManagedKey: 'true' }],
    [{}, { profile: 'small' }],
  ])('a change from %j to %j is none of these', (from, to) => {
    expect(problems(from, to)).toEqual([]);
  });

  test('a stack without a record, of an earlier version or another program, is compared with nothing', () => {
    const { service } = synthApp({});
    const { Metadata } = service.toJSON() as WithMetadata;
    expect(fixedProblems('The-service', undefined, Metadata)).toEqual([]);
    expect(fixedProblems('The-service', { other: 1 }, Metadata)).toEqual([]);
  });
});
