// What `deploy` compares before it starts, with an AWS that is not ours: records in a hosted zone, and the last templates.
import { CloudFormationClient, CreateStackCommand } from '@aws-sdk/client-cloudformation';
import {
  ChangeResourceRecordSetsCommand,
  CreateHostedZoneCommand,
  Route53Client,
  type RRType,
} from '@aws-sdk/client-route-53';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stackNames } from '../../../infra/app/stacks.ts';
import {
  checkFixedSettings,
  checkRecords,
  readLastTemplate,
} from '../../../infra/tools/check-deployed.ts';
import { checkDeployment } from '../../../infra/tools/deploy.ts';
import type { StackTemplate } from '../../../infra/tools/idle-cost.ts';
import { Engine, REGION } from '../../deploy/engine.ts';
import { preparePython } from '../../deploy/python.ts';
import { cdkJson, synthApp } from '../support.ts';

const python = preparePython();
let engine: Engine;
let route53: Route53Client;
let cloudFormation: CloudFormationClient;
let zoneId = '';
let context: Record<string, string> = {};

beforeAll(async () => {
  if (!python.ok) return;
  engine = await Engine.start(python.bin);
  const options = {
    region: REGION,
    endpoint: engine.endpoint,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  route53 = new Route53Client(options);
  cloudFormation = new CloudFormationClient(options);
  const { HostedZone } = await route53.send(
    new CreateHostedZoneCommand({ Name: 'example.com', CallerReference: 'once' }),
  );
  zoneId = (HostedZone?.Id ?? '').replace('/hostedzone/', '');
  context = {
    hostname: 'mx.example.com',
    hostedZoneId: zoneId,
    hostedZoneName: 'example.com',
    mailDomains: 'example.com,in.example.com',
    receiveOnly: 'true',
  };
}, 120_000);
afterAll(() => (python.ok ? engine.stop() : undefined));

async function addRecord(name: string, type: RRType, value: string): Promise<void> {
  const record = { Name: name, Type: type, TTL: 300, ResourceRecords: [{ Value: value }] };
  await route53.send(
    new ChangeResourceRecordSetsCommand({
      HostedZoneId: zoneId,
      ChangeBatch: { Changes: [{ Action: 'CREATE', ResourceRecordSet: record }] },
    }),
  );
}

function templateOf(settings: Readonly<Record<string, string>>): StackTemplate {
  return synthApp(settings).service.toJSON() as StackTemplate;
}

const noDns = () => Promise.reject(new Error('the public DNS is not asked'));

describe.skipIf(!python.ok)(`before a deployment${python.ok ? '' : `: ${python.reason}`}`, () => {
  test('before a deployment into an empty zone, no record is in its way', async () => {
    expect(await checkRecords(route53, undefined, templateOf(context), noDns)).toEqual([]);
  });

  test('before a deployment, each record that is there already is named, with its value and the ways around it', async () => {
    await addRecord('example.com', 'MX', '10 mail.elsewhere.example.');
    await addRecord('example.com', 'TXT', '"v=spf1 include:elsewhere.example -all"');
    await addRecord('mx.example.com', 'A', '192.0.2.1');
    const findings = await checkRecords(route53, undefined, templateOf(context), noDns);
    expect(
      findings.map((each) => (each.kind === 'missing' ? each.says : each.kind)).sort(),
    ).toEqual([
      'DNS records: expected no A of mx.example.com. in the hosted zone, since this deployment creates it, got 192.0.2.1. Delete it, or leave out hostedZoneId.',
      'DNS records: expected no MX of example.com. in the hosted zone, since this deployment creates it, got 10 mail.elsewhere.example.. Delete it, or deploy with -c mxRecords=false until mail is to come here.',
      'DNS records: expected no TXT of example.com. in the hosted zone, since this deployment creates it, got "v=spf1 include:elsewhere.example -all". Delete it, or leave out receiveOnly.',
    ]);
  });

  test('before a deployment without the MX records, the old ones are in nobody’s way', async () => {
    const findings = await checkRecords(
      route53,
      undefined,
      templateOf({ ...context, mxRecords: 'false' }),
      noDns,
    );
    expect(JSON.stringify(findings)).not.toContain('MX of');
    expect(findings).toHaveLength(2);
  });

  test('before a later deployment, the records that the last one made are its own', async () => {
    const last = templateOf({ ...context, receiveOnly: 'false' });
    const findings = await checkRecords(route53, last, templateOf(context), noDns);
    expect(findings).toHaveLength(1);
    expect(JSON.stringify(findings)).toContain('no TXT of example.com.');
  });

  test('before a deployment into a zone that cannot be read, that is said, and the public DNS is asked', async () => {
    const template = templateOf({ ...context, hostedZoneId: 'ZDOESNOTEXIST' });
    const asked: string[] = [];
    const findings = await checkRecords(route53, undefined, template, (name, type) => {
      asked.push(`${type} ${name}`);
      if (type === 'MX' && name === 'example.com') {
        return Promise.resolve([{ exchange: 'mail.elsewhere.example', priority: 10 }]);
      }
      return Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }));
    });
    expect(asked.sort()).toEqual([
      'A mx.example.com',
      'MX example.com',
      'MX in.example.com',
      'TXT _dmarc.example.com',
      'TXT _dmarc.in.example.com',
      'TXT example.com',
      'TXT in.example.com',
      'TXT mx.example.com',
    ]);
    expect(findings).toMatchObject([
      {
        kind: 'unknown',
        says: expect.stringContaining('route53:ListResourceRecordSets') as string,
      },
      {
        kind: 'missing',
        says: expect.stringContaining(
          'no MX of example.com. in the public DNS, since this deployment creates it, got {"exchange":"mail.elsewhere.example","priority":10}',
        ) as string,
      },
    ]);
  });

  test('before a first deployment there is no template to compare with, and one that is there is read', async () => {
    const { service } = stackNames('prod');
    expect(await readLastTemplate(cloudFormation, service)).toBeUndefined();
    const { Metadata } = templateOf({});
    const body = { Metadata, Resources: { Topic: { Type: 'AWS::SNS::Topic' } } };
    await cloudFormation.send(
      new CreateStackCommand({ StackName: service, TemplateBody: JSON.stringify(body) }),
    );
    const last = await readLastTemplate(cloudFormation, service);
    expect(last).toEqual(body);
    expect(checkFixedSettings(service, last, templateOf({ internal: 'true' }))).toMatchObject([
      {
        kind: 'missing',
        says: expect.stringMatching(/^internal: expected "false", as at /) as string,
      },
    ]);
    expect(checkFixedSettings(service, 'unreadable', templateOf({}))).toMatchObject([
      { kind: 'unknown', says: expect.stringContaining('cloudformation:GetTemplate') as string },
    ]);
  });

  test('before a deployment all of it is checked, and the estimate is of these settings', async () => {
    const all = { ...cdkJson.context, ...context, profile: 'small', cidr: '10.8.0.0/16' };
    const { findings, estimate } = await checkDeployment(all, { cloudFormation, route53 });
    const said = findings.map((each) => ('says' in each ? each.says.split(':')[0] : ''));
    expect(said).toEqual(['cidr', 'DNS records', 'DNS records', 'DNS records']);
    expect(estimate).toMatch(/costs about \$34 a month/);
  });
});
