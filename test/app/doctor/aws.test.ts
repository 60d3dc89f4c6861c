// What the doctor says about the parts in AWS, on the embedded services; CloudFormation and EC2 are a stand-in
// that gives the documented answers of their query APIs; moto answers in moto.system.test.ts.
import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import {
  CreateTopicCommand,
  ListSubscriptionsByTopicCommand,
  SNSClient,
  SubscribeCommand,
} from '@aws-sdk/client-sns';
import { ListQueuesCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { checkOutbox } from '../../../src/app/doctor/aws/check-outbox.ts';
import { checkQuotas, judgeElasticIps } from '../../../src/app/doctor/aws/check-quotas.ts';
import {
  checkAlarmSubscriptions,
  checkMailSubscriptions,
  checkQuarantineSubscriptions,
} from '../../../src/app/doctor/aws/check-subscriptions.ts';
import { QueryClient } from '../../../src/app/doctor/aws/query-client.ts';
import { checkStack, readStack } from '../../../src/app/doctor/aws/stack.ts';
import { WatchQueue } from '../../../src/app/doctor/aws/watch-queue.ts';
import type { Finding } from '../../../src/app/doctor/finding.ts';
import { putText, writeMarkers } from '../../bridge/outbox/support.ts';
import { markerOf } from '../../support/outbox-marker.ts';
import { startTestAws, type TestAws } from '../../support/aws.ts';

let aws: TestAws;
beforeAll(async () => {
  aws = await startTestAws();
});
afterAll(() => aws.close());

function sentencesOf(findings: readonly Finding[]): string[] {
  for (const { level, why, fix } of findings) {
    if (level === 'ok') continue;
    expect(why).toMatch(/\w/);
    expect(fix).toMatch(/\w/);
  }
  return findings.map(({ level, found }) => `${level}: ${found}`);
}

const signal = new AbortController().signal;

describe('the outbox', () => {
  test('is empty, then has a notification that waits, and one that was set aside', async () => {
    const { bucket, topicArn } = aws.resources;
    expect(sentencesOf(await checkOutbox(aws.s3, bucket))).toEqual([
      `ok: the outbox of ${bucket} is empty`,
    ]);
    const [messageId] = await writeMarkers(aws, [markerOf({ topicArn })]);
    expect(sentencesOf(await checkOutbox(aws.s3, bucket))).toEqual([
      expect.stringMatching(
        `^note: a notification is waiting in the outbox of ${bucket}, the oldest since 20\\d\\d-`,
      ),
    ]);
    await putText(aws, `outbox/poison/${messageId}.json`, '{}');
    const inSixMinutes = Date.now() + 6 * 60_000;
    expect(sentencesOf(await checkOutbox(aws.s3, bucket, inSixMinutes))).toEqual([
      `failed: a notification is set aside in the outbox of ${bucket}`,
      expect.stringMatching(`^warning: a notification is waiting in the outbox of ${bucket}, `),
    ]);
  });
});

describe('subscriptions', () => {
  let topicArn: string;
  let count = 0;
  const newTopic = async (): Promise<string> => {
    count += 1;
    const { TopicArn = '' } = await aws.sns.send(
      new CreateTopicCommand({ Name: `alarms-${process.pid}-${count}` }),
    );
    return TopicArn;
  };

  test('of alarms: no topic, no subscription, one', async () => {
    expect(sentencesOf(await checkAlarmSubscriptions(aws.sns, null))).toEqual([
      'warning: the alarms of the stack notify nobody',
    ]);
    topicArn = await newTopic();
    expect(sentencesOf(await checkAlarmSubscriptions(aws.sns, topicArn))).toEqual([
      `failed: the topic of the alarms has no subscription: ${topicArn}`,
    ]);
    await aws.sns.send(
      new SubscribeCommand({
        TopicArn: topicArn,
        Protocol: 'sqs',
        Endpoint: 'arn:aws:sqs:us-east-1:000000000000:pager',
      }),
    );
    expect(sentencesOf(await checkAlarmSubscriptions(aws.sns, topicArn))).toEqual([
      'ok: alarms notify one subscription',
    ]);
  });

  test('of mail: none, one', async () => {
    const none = await newTopic();
    expect(sentencesOf(await checkMailSubscriptions(aws.sns, none))).toEqual([
      `note: mail is announced to nobody: ${none} has no subscription`,
    ]);
    expect(sentencesOf(await checkMailSubscriptions(aws.sns, aws.resources.topicArn))).toEqual([
      'ok: mail is announced to one subscription',
    ]);
  });

  test('of mail in quarantine: none, which the other topic does not make good, one', async () => {
    const none = await newTopic();
    expect(sentencesOf(await checkQuarantineSubscriptions(aws.sns, none))).toEqual([
      `warning: mail in quarantine is announced to nobody: ${none} has no subscription`,
    ]);
    const { topicArn } = aws.resources;
    expect(sentencesOf(await checkQuarantineSubscriptions(aws.sns, topicArn))).toEqual([
      'ok: mail in quarantine is announced to one subscription',
    ]);
  });

  test('the queue of a followed mail is nobody', async () => {
    const arn = await newTopic();
    await using _ = await WatchQueue.open(aws, arn);
    expect(sentencesOf(await checkMailSubscriptions(aws.sns, arn))).toEqual([
      `note: mail is announced to nobody: ${arn} has no subscription`,
    ]);
  });

  test.each<[members: readonly string[], alarms: string, mail: string]>([
    [
      ['PendingConfirmation'],
      'failed: the subscription to alarms is not confirmed: email oncall@example.com',
      'warning: the subscription to mail is not confirmed: email oncall@example.com',
    ],
    [
      ['PendingConfirmation', 'Deleted'],
      'failed: the subscription to alarms is not confirmed: email oncall@example.com',
      'note: mail is announced to nobody: t has no subscription',
    ],
    [
      ['PendingConfirmation', 'arn:aws:sns:us-east-1:111122223333:alarms:1'],
      'warning: the subscription to alarms is not confirmed: email oncall@example.com',
      'warning: the subscription to mail is not confirmed: email oncall@example.com',
    ],
  ])('%j', async (arns, alarms, mail) => {
    // The embedded SNS confirms every subscription at once: this is the answer that SNS documents.
    const members = arns.map(
      (arn) =>
        `<member><TopicArn>t</TopicArn><Protocol>email</Protocol><SubscriptionArn>${arn}</SubscriptionArn><Owner>1</Owner><Endpoint>oncall@example.com</Endpoint></member>`,
    );
    const { sns } = await standIn(
      () =>
        `<ListSubscriptionsByTopicResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><ListSubscriptionsByTopicResult><Subscriptions>${members.join('')}</Subscriptions></ListSubscriptionsByTopicResult></ListSubscriptionsByTopicResponse>`,
    );
    expect(sentencesOf(await checkAlarmSubscriptions(sns, 't'))).toEqual([alarms]);
    expect(sentencesOf(await checkMailSubscriptions(sns, 't'))).toContain(mail);
  });
});

describe('a queue for one mail', () => {
  test('leaves nothing behind', async () => {
    const { topicArn } = aws.resources;
    const queue = await WatchQueue.open(aws, topicArn);
    const queues = () =>
      aws.sqs.send(new ListQueuesCommand({ QueueNamePrefix: 'mailsluice-doctor-' }));
    const subscriptions = () =>
      aws.sns.send(new ListSubscriptionsByTopicCommand({ TopicArn: topicArn }));
    expect((await queues()).QueueUrls).toHaveLength(1);
    expect((await subscriptions()).Subscriptions).toHaveLength(2);
    await queue[Symbol.asyncDispose]();
    expect((await queues()).QueueUrls ?? []).toEqual([]);
    expect((await subscriptions()).Subscriptions).toHaveLength(1);
  });

  test('is deleted where the topic does not exist', async () => {
    await expect(WatchQueue.open(aws, `${aws.resources.topicArn}-gone`)).rejects.toMatchObject({
      name: 'NotFoundException',
    });
    const { QueueUrls = [] } = await aws.sqs.send(
      new ListQueuesCommand({ QueueNamePrefix: 'mailsluice-doctor-' }),
    );
    expect(QueueUrls).toEqual([]);
  });
});

describe('the stack', () => {
  const answer = (status: string): string =>
    `<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks><member><StackName>Mail</StackName><StackStatus>${status}</StackStatus><Outputs><member><OutputKey>SmtpEndpoint</OutputKey><OutputValue>mx.test</OutputValue><Description>a &amp; b</Description></member><member><OutputKey>DnsRecords</OutputKey><OutputValue>mail.test. TXT &quot;v=STSv1&quot;&#10;&lt;x&gt;</OutputValue></member></Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`;

  test('is asked for with a signature for CloudFormation, and its outputs are read', async () => {
    const { query, requests } = await standIn(() => answer('UPDATE_COMPLETE'));
    expect(await readStack(query, 'Mail', signal)).toEqual({
      status: 'UPDATE_COMPLETE',
      outputs: { SmtpEndpoint: 'mx.test', DnsRecords: 'mail.test. TXT "v=STSv1"\n<x>' },
    });
    expect(requests).toEqual([
      {
        scope: 'eu-west-1/cloudformation/aws4_request',
        body: 'Action=DescribeStacks&StackName=Mail&Version=2010-05-15',
        isSigned: true,
      },
    ]);
  });

  test('that does not exist is none', async () => {
    const { query } = await standIn(
      () =>
        '<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack with id Mail does not exist</Message></Error></ErrorResponse>',
      400,
    );
    expect(await readStack(query, 'Mail', signal)).toBeUndefined();
  });

  test('that may not be read rejects as the SDK does', async () => {
    const { query } = await standIn(
      () =>
        '<ErrorResponse><Error><Code>AccessDenied</Code><Message>User: x is not authorized</Message></Error></ErrorResponse>',
      403,
    );
    await expect(readStack(query, 'Mail', signal)).rejects.toMatchObject({
      name: 'AccessDenied',
      message: 'User: x is not authorized',
    });
  });

  test('whose answer has no end is not read to it', async () => {
    const { query } = await standIn(() => '<Outputs>'.padEnd(5_000_000));
    await expect(readStack(query, 'Mail', signal)).rejects.toMatchObject({
      code: 'UND_ERR_RES_EXCEEDED_MAX_SIZE',
    });
  });

  test.each([
    ['CREATE_COMPLETE', 'ok: the stack Mail is deployed (CREATE_COMPLETE)'],
    [
      'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS',
      'ok: the stack Mail is deployed (UPDATE_COMPLETE_CLEANUP_IN_PROGRESS)',
    ],
    ['UPDATE_IN_PROGRESS', 'warning: the stack Mail is being changed (UPDATE_IN_PROGRESS)'],
    [
      'UPDATE_ROLLBACK_COMPLETE',
      'warning: the last deployment of the stack Mail failed (UPDATE_ROLLBACK_COMPLETE)',
    ],
    [
      'UPDATE_ROLLBACK_FAILED',
      'failed: the last deployment of the stack Mail failed (UPDATE_ROLLBACK_FAILED)',
    ],
    [
      'ROLLBACK_COMPLETE',
      'failed: the last deployment of the stack Mail failed (ROLLBACK_COMPLETE)',
    ],
  ])('in the state %s', (status, sentence) => {
    expect(sentencesOf(checkStack('Mail', { status, outputs: {} }))).toEqual([sentence]);
  });
});

describe('Elastic IP addresses', () => {
  test('are counted in the region', async () => {
    const { query, sns, requests } = await standIn((body) =>
      body.includes('DescribeAddresses')
        ? '<DescribeAddressesResponse><addressesSet><item><publicIp>192.0.2.1</publicIp></item><item><publicIp>192.0.2.2</publicIp></item></addressesSet></DescribeAddressesResponse>'
        : '<DescribeAccountAttributesResponse><accountAttributeSet><item><attributeName>vpc-max-elastic-ips</attributeName><attributeValueSet><item><attributeValue>5</attributeValue></item></attributeValueSet></item></accountAttributeSet></DescribeAccountAttributesResponse>',
    );
    await query.call('cloudformation', { Action: 'DescribeStacks' }, signal);
    expect(sentencesOf(await checkQuotas(query, signal))).toEqual([
      'ok: 2 of 5 Elastic IP addresses of the region are in use',
    ]);
    // The client whose signer that is still signs for its own service.
    await sns.send(new CreateTopicCommand({ Name: 'x' })).catch(() => undefined);
    expect(requests.map((each) => each.isSigned)).toEqual([true, true, true, true]);
    expect(requests.map(({ scope }) => scope.split('/')[1])).toEqual([
      'cloudformation',
      'ec2',
      'ec2',
      'sns',
    ]);
  });

  test.each([
    [3, 5, 'ok: 3 of 5 Elastic IP addresses of the region are in use'],
    [4, 5, 'note: 4 of 5 Elastic IP addresses of the region are in use'],
    [5, 5, 'warning: 5 of 5 Elastic IP addresses of the region are in use'],
    [
      2,
      Number.NaN,
      'unknown: 2 Elastic IP addresses are in use; AWS did not say how many are allowed',
    ],
  ])('%j used of %j', (used, quota, sentence) => {
    expect(sentencesOf(judgeElasticIps(used, quota))).toEqual([sentence]);
  });
});

interface StandIn {
  readonly sns: SNSClient;
  readonly query: QueryClient;
  readonly requests: {
    readonly scope: string;
    readonly body: string;
    readonly isSigned: boolean;
  }[];
}

/** Whether a POST to `/` has the signature that AWS computes ("Create a signed AWS API request", by hand). */
function isSigned({ authorization = '', ...headers }: IncomingHttpHeaders, body: string): boolean {
  const [, date = '', region = '', service = '', names = '', signature = ''] =
    /Credential=AKIDEXAMPLE\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=(\w{64})$/.exec(
      authorization,
    ) ?? [];
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
  const hmac = (key: string | Buffer, text: string): Buffer =>
    createHmac('sha256', key).update(text).digest();
  const lines = names.split(';').map((name) => `${name}:${String(headers[name])}\n`);
  const canonical = ['POST', '/', '', lines.join(''), names, sha256(body)].join('\n');
  const scope = `${date}/${region}/${service}/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(canonical)].join('\n');
  const key = [region, service, 'aws4_request'].reduce<Buffer>(hmac, hmac(`AWS4${SECRET}`, date));
  return names.split(';').includes('host') && hmac(key, text).toString('hex') === signature;
}

const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';

/** An endpoint of query APIs for one test. */
async function standIn(answer: (body: string) => string, status = 200): Promise<StandIn> {
  const requests: { scope: string; body: string; isSigned: boolean }[] = [];
  const server: Server = createServer((request: IncomingMessage, response) => {
    void text(request).then((body) => {
      const { authorization = '' } = request.headers;
      const [, scope = ''] = /Credential=[^/]+\/\d{8}\/([^,]+),/.exec(authorization) ?? [];
      requests.push({ scope, body, isSigned: isSigned(request.headers, body) });
      response.writeHead(status, { 'content-type': 'text/xml' }).end(answer(body));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const sns = new SNSClient({
    region: 'eu-west-1',
    endpoint,
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: SECRET },
  });
  onTestFinished(() => {
    sns.destroy();
    server.closeAllConnections();
    server.close();
  });
  return { sns, query: new QueryClient(sns, { AWS_ENDPOINT_URL: endpoint }), requests };
}
