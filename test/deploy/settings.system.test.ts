// Every setting of infra/README.md: changed by one deployment, and back by the next one.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SETTING_NAMES, SETTING_ROWS, type SettingName } from '../../infra/app/settings.ts';
import {
  awsCli,
  type Facts,
  GIVEN,
  IGNORED_TYPES,
  python,
  readFacts,
  skipReason,
  succeed,
} from './deployment.ts';
import { Engine } from './engine.ts';
import {
  CHANGES,
  contextOf,
  type Deployment,
  FIRST_DEPLOYMENTS,
  type Surroundings,
  UPDATES,
} from './setting-changes.ts';

/** Where nothing is deployed: for the names alone. */
const NOWHERE: Surroundings = {
  zoneId: 'zone',
  configFile: 'file',
  certificateArn: 'certificate',
  secretArn: 'secret',
  vpcId: 'vpc',
  publicSubnetIds: ['public'],
  taskSubnetIds: ['task'],
};

/** All but the subnets, of which another number of zones makes more. */
const COMPARED = SETTING_NAMES.filter(
  (name) => name !== 'publicSubnetIds' && name !== 'taskSubnetIds',
);

function deploymentsOf(name: SettingName): readonly string[] {
  return Object.keys(CHANGES[name].values(NOWHERE));
}

test('every setting is changed by some deployment, and only settings are', () => {
  expect(Object.keys(CHANGES).toSorted()).toEqual(SETTING_NAMES.toSorted());
  expect(SETTING_NAMES.filter((name) => deploymentsOf(name).length === 0)).toEqual([]);
});

test('a setting that is not changed there and back is one that the page leaves to the first deployment', () => {
  const page = readFileSync(new URL('../../infra/README.md', import.meta.url), 'utf8');
  const [, section = ''] = /<!-- generated: fixed -->\n([^]*?)<!-- end -->/.exec(page) ?? [];
  const named = [...section.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/\w+/g)].map(([name]) => String(name)),
  );
  const updates: readonly string[] = UPDATES;
  const unchanged = SETTING_NAMES.filter(
    (name) => !deploymentsOf(name).some((deployment) => updates.includes(deployment)),
  );
  // Another stage is another deployment.
  const others = (names: readonly string[]) => names.filter((name) => name !== 'stage').toSorted();
  const ownRow = (name: SettingName): string => SETTING_ROWS[name].partOf ?? name;
  expect(others([...new Set(unchanged.map(ownRow))])).toEqual(others(named));
});

describe.skipIf(!python.ok)(`the settings of a deployment${skipReason}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'settings-'));
  let engine: Engine;
  let surroundings: Surroundings;
  let first: Facts;

  beforeAll(async () => {
    if (!python.ok) return;
    engine = await Engine.start(python.bin);
    surroundings = await makeSurroundings(engine, folder);
    await succeed(engine, 'npx cdk bootstrap');
    await succeed(engine, deployCommand(GIVEN));
    first = await readFacts(engine, 'prod', surroundings.zoneId);
  }, 300_000);
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    if (python.ok) await engine.stop();
  });

  test.for(UPDATES)(
    'deployment "%s" changes its settings, and those of the one before it back',
    { timeout: 300_000 },
    async (deployment) => {
      const context = contextOf(deployment, surroundings);
      await succeed(engine, deployCommand(context));
      const facts = await readFacts(engine, 'prod', surroundings.zoneId);
      expect(found(facts)).toEqual(expected(deployment));
      for (const name of changedBy(deployment)) {
        expect(CHANGES[name].reads(facts), name).not.toEqual(CHANGES[name].reads(first));
      }
    },
  );

  test('the first settings again, and everything is as it was', async () => {
    await succeed(engine, deployCommand(GIVEN));
    const facts = await readFacts(engine, 'prod', surroundings.zoneId);
    expect(found(facts)).toEqual(found(first));
    for (const output of [
      'MailBucketName',
      'TopicArn',
      'CredentialTableName',
      'StaticAddresses',
      'LoadBalancerName',
    ]) {
      expect(facts.outputs[output], output).toBe(first.outputs[output]);
    }
    const diff = await succeed(engine, `npx cdk diff ${GIVEN} --method=template --fail`);
    expect(diff).toContain('Number of stacks with differences: 0');
  }, 300_000);

  test.for(FIRST_DEPLOYMENTS)(
    'stage "%s" begins with what only a first deployment decides',
    { timeout: 300_000 },
    async (deployment) => {
      await succeed(engine, deployCommand(contextOf(deployment, surroundings)));
      const facts = await readFacts(engine, deployment, surroundings.zoneId);
      for (const name of changedBy(deployment)) {
        const { reads, values } = CHANGES[name];
        expect(reads(facts), name).toEqual(values(surroundings)[deployment]?.found);
      }
    },
  );

  test('the settings were tried in full, but for what the engine does not know', () => {
    expect(engine.ignoredTypes).toEqual([
      'AWS::GuardDuty::MalwareProtectionPlan',
      ...IGNORED_TYPES,
    ]);
  });

  function changedBy(deployment: Deployment): readonly SettingName[] {
    return SETTING_NAMES.filter((name) => deploymentsOf(name).includes(deployment));
  }

  function found(facts: Facts): Record<string, unknown> {
    return Object.fromEntries(COMPARED.map((name) => [name, CHANGES[name].reads(facts)]));
  }

  /** What the deployment changes, and otherwise what the first one had. */
  function expected(deployment: Deployment): Record<string, unknown> {
    return Object.fromEntries(
      COMPARED.map((name) => {
        const value = CHANGES[name].values(surroundings)[deployment];
        return [name, value === undefined ? CHANGES[name].reads(first) : value.found];
      }),
    );
  }
});

function deployCommand(context: string): string {
  return `npx cdk deploy --all ${context} --require-approval never`;
}

async function makeSurroundings(engine: Engine, folder: string): Promise<Surroundings> {
  const configFile = join(folder, 'config.json');
  writeFileSync(configFile, '{"traceHeaders":false}');
  const { HostedZone } = await awsCli<{ HostedZone: { Id: string } }>(
    engine,
    ...['route53', 'create-hosted-zone', '--name', 'example.com', '--caller-reference', 'test'],
  );
  const { CertificateArn } = await awsCli<{ CertificateArn: string }>(
    engine,
    ...['acm', 'request-certificate', '--domain-name', 'mx.example.com'],
  );
  const { ARN } = await awsCli<{ ARN: string }>(
    engine,
    ...['secretsmanager', 'create-secret', '--name', 'own-certificate', '--secret-string', '{}'],
  );
  const { Vpc } = await awsCli<{ Vpc: { VpcId: string } }>(
    engine,
    ...['ec2', 'create-vpc', '--cidr-block', '10.1.0.0/16'],
  );
  const subnets: string[] = [];
  for (const [at, zone] of ['a', 'b', 'a', 'b'].entries()) {
    const { Subnet } = await awsCli<{ Subnet: { SubnetId: string } }>(
      engine,
      ...['ec2', 'create-subnet', '--vpc-id', Vpc.VpcId, '--cidr-block', `10.1.${at}.0/24`],
      ...['--availability-zone', `eu-west-1${zone}`],
    );
    subnets.push(Subnet.SubnetId);
  }
  return {
    zoneId: HostedZone.Id.replace('/hostedzone/', ''),
    configFile,
    certificateArn: CertificateArn,
    secretArn: ARN,
    vpcId: Vpc.VpcId,
    publicSubnetIds: subnets.slice(0, 2),
    taskSubnetIds: subnets.slice(2),
  };
}
