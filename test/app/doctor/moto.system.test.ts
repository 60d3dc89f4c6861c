// CloudFormation and EC2 as moto has them, an engine that nobody here wrote: the signature, the request and the answer
// of the query APIs.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { SNSClient } from '@aws-sdk/client-sns';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkQuotas } from '../../../src/app/doctor/aws/check-quotas.ts';
import { checkAlarmSubscriptions } from '../../../src/app/doctor/aws/check-subscriptions.ts';
import { QueryClient } from '../../../src/app/doctor/aws/query-client.ts';
import { checkStack, readStack } from '../../../src/app/doctor/aws/stack.ts';
import { preparePython } from '../../deploy/python.ts';
import { freePort } from '../../support/free-port.ts';

const python = preparePython();
const signal = new AbortController().signal;
let moto: ChildProcess;
let sns: SNSClient;
let query: QueryClient;

const TEMPLATE = {
  Resources: {
    Address: { Type: 'AWS::EC2::EIP', Properties: { Domain: 'vpc' } },
    Alarms: {
      Type: 'AWS::SNS::Topic',
      Properties: { Subscription: [{ Protocol: 'email', Endpoint: 'oncall@example.com' }] },
    },
  },
  Outputs: {
    SmtpEndpoint: { Value: 'mx.example.com' },
    AlarmTopicArn: { Value: { Ref: 'Alarms' } },
    DnsRecords: {
      Value: 'example.com. MX 10 mx.example.com.\nexample.com. TXT "v=spf1 -all" & <more>',
    },
  },
};

beforeAll(async () => {
  if (!python.ok) return;
  const port = await freePort();
  moto = spawn(`${python.bin}/moto_server`, ['-H', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
  });
  const endpoint = `http://127.0.0.1:${port}`;
  sns = new SNSClient({
    region: 'eu-west-1',
    endpoint,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  query = new QueryClient(sns, { AWS_ENDPOINT_URL: endpoint });
  const until = Date.now() + 20_000;
  const isUp = async (): Promise<boolean> =>
    fetch(`${endpoint}/moto-api/`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await isUp())) {
    if (Date.now() > until) throw new Error('moto did not start within 20 s');
    await sleep(200);
  }
  await query.call(
    'cloudformation',
    { Action: 'CreateStack', StackName: 'Mail', TemplateBody: JSON.stringify(TEMPLATE) },
    signal,
  );
});

afterAll(async () => {
  if (!python.ok) return;
  sns.destroy();
  moto.kill();
  await once(moto, 'exit');
});

test('the state and the outputs of a stack', async ({ skip }) => {
  skip(!python.ok, python.ok ? '' : python.reason);
  const stack = await readStack(query, 'Mail', signal);
  expect(stack).toEqual({
    status: 'CREATE_COMPLETE',
    outputs: {
      SmtpEndpoint: 'mx.example.com',
      AlarmTopicArn: expect.stringMatching(/^arn:aws:sns:eu-west-1:\d{12}:/) as string,
      DnsRecords: TEMPLATE.Outputs.DnsRecords.Value,
    },
  });
  expect(checkStack('Mail', stack ?? { status: '', outputs: {} })).toEqual([
    { level: 'ok', found: 'the stack Mail is deployed (CREATE_COMPLETE)' },
  ]);
});

test('a stack that does not exist', async ({ skip }) => {
  skip(!python.ok, python.ok ? '' : python.reason);
  expect(await readStack(query, 'Other', signal)).toBeUndefined();
});

test('the address of the stack counts against the quota', async ({ skip }) => {
  skip(!python.ok, python.ok ? '' : python.reason);
  expect(await checkQuotas(query, signal)).toEqual([
    { level: 'ok', found: '1 of 5 Elastic IP addresses of the region are in use' },
  ]);
});

test('the subscription to its alarms', async ({ skip }) => {
  skip(!python.ok, python.ok ? '' : python.reason);
  const { outputs = {} } = (await readStack(query, 'Mail', signal)) ?? {};
  const findings = await checkAlarmSubscriptions(sns, outputs['AlarmTopicArn'] ?? '');
  // moto confirms at once what SNS leaves pending.
  expect(findings).toEqual([{ level: 'ok', found: 'alarms notify one subscription' }]);
});
