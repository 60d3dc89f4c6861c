// What each destination of a replay refuses, which fails one mail, and what ends the replay.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  commandDestination,
  type Destination,
  functionDestination,
  MailRefusedError,
  queueDestination,
  topicDestination,
} from '../../../src/archive/index.ts';
import type { ReplayedMail } from '../../../src/archive/destinations/destination.ts';
import { startTestAws, type TestAws } from '../../support/aws.ts';

let aws: TestAws;
beforeAll(async () => {
  aws = await startTestAws();
});
afterAll(() => aws.close());

const NOTIFICATION = {
  mail: { source: 'a@client.example' },
  receipt: { recipients: ['b@x.test'] },
};

function mailOf(message: string): ReplayedMail {
  return {
    key: 'mail/1',
    messageId: '1',
    replayId: 'r1',
    notification: {
      topicArn: aws.resources.topicArn,
      subject: 'Amazon SES Email Receipt Notification',
      message,
      attributes: {},
    },
    open: async () => Readable.from(['Subject: x\r\n\r\n']),
  };
}

/** The error that a delivery rejects with. */
async function faultOf(destination: Destination, message: string): Promise<Error> {
  const fault = await destination.deliver(mailOf(message)).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(fault instanceof Error)) throw new Error('expected a fault, got none');
  return fault;
}

/** Answers every request the same, as a service of AWS would. */
async function startAnswering(
  status: number,
  headers: Readonly<Record<string, string>>,
  body: object,
): Promise<Server & { readonly endpoint: string }> {
  const server = createServer((request, response) => {
    request.resume().once('end', () => {
      response.writeHead(status, headers).end(JSON.stringify(body));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(server, { endpoint });
}

test('a queue refuses a mail that is larger than its MaximumMessageSize', async () => {
  const { QueueUrl = '' } = await aws.sqs.send(
    new CreateQueueCommand({
      QueueName: 'messages-of-1-kib',
      Attributes: { MaximumMessageSize: '1024' },
    }),
  );
  const destination = queueDestination(aws.sqs, QueueUrl, { raw: true });
  await destination.deliver(mailOf('x'.repeat(1024)));
  const fault = await faultOf(destination, 'x'.repeat(1025));
  expect(fault).toBeInstanceOf(MailRefusedError);
  expect(fault.message).toMatch(/^InvalidParameterValue: .* shorter than 1024 bytes\.$/);
});

test('a queue refuses a mail with characters that SQS does not take', async () => {
  const destination = queueDestination(aws.sqs, aws.resources.queueUrl, { raw: true });
  const fault = await faultOf(destination, 'a\uffffb');
  expect(fault).toBeInstanceOf(MailRefusedError);
  expect(fault.message).toMatch(/^InvalidMessageContents: Invalid characters found\. /);
});

test.each([
  ['InvalidMessageContents', 'InvalidMessageContents', true],
  ['InvalidParameterValue', 'InvalidParameterValue', true],
  ['AWS.SimpleQueueService.InvalidMessageContents', 'InvalidMessageContents', true],
  ['AWS.SimpleQueueService.NonExistentQueue', 'QueueDoesNotExist', false],
  ['AccessDenied', 'AccessDenied', false],
  ['KMS.DisabledException', 'KmsDisabled', false],
])('SQS says %s: of this mail alone: %s %s', async (queryError, code, isRefusal) => {
  await using server = await startAnswering(
    400,
    {
      'content-type': 'application/x-amz-json-1.0',
      'x-amzn-query-error': `${queryError};Sender`,
    },
    { __type: `com.amazonaws.sqs#${code}`, message: 'two\nlines' },
  );
  const { region, credentials } = aws;
  const sqs = new SQSClient({ region, credentials, endpoint: server.endpoint, maxAttempts: 1 });
  const fault = await faultOf(queueDestination(sqs, `${server.endpoint}/1/q`), '{}');
  sqs.destroy();
  expect(fault instanceof MailRefusedError).toBe(isRefusal);
  if (isRefusal) expect(fault.message).toBe(`${code}: two lines`);
});

test('a queue that does not exist ends the replay', async () => {
  const destination = queueDestination(aws.sqs, `${aws.resources.queueUrl}-none`);
  expect(await faultOf(destination, '{}')).not.toBeInstanceOf(MailRefusedError);
});

test('a topic refuses a mail that is too large, and one that does not exist ends the replay', async () => {
  const large = 'x'.repeat(300_000);
  const refused = await faultOf(topicDestination(aws.sns, aws.resources.topicArn), large);
  expect(refused).toBeInstanceOf(MailRefusedError);
  expect(refused.message).toMatch(/^InvalidParameter\w*: .*too long/);
  const missing = topicDestination(aws.sns, `${aws.resources.topicArn}-none`);
  expect(await faultOf(missing, 'x')).not.toBeInstanceOf(MailRefusedError);
});

test.each([
  ['RequestEntityTooLargeException', 413, true],
  ['RequestTooLargeException', 413, true],
  ['InvalidRequestContentException', 400, true],
  ['ResourceNotFoundException', 404, false],
  ['AccessDeniedException', 403, false],
])('Lambda answers %s with status %i: of this mail alone: %s', async (code, status, isRefusal) => {
  const headers = { 'content-type': 'application/json', 'x-amzn-errortype': code };
  await using server = await startAnswering(status, headers, { Message: 'no' });
  const { region, credentials } = aws;
  const lambda = new LambdaClient({
    region,
    credentials,
    endpoint: server.endpoint,
    maxAttempts: 1,
  });
  const fault = await faultOf(functionDestination(lambda, 'f'), '{}');
  lambda.destroy();
  expect(fault instanceof MailRefusedError).toBe(isRefusal);
});

test.each([
  ['a NUL in the reverse-path', 'a\0b@client.example', 'ERR_INVALID_ARG_VALUE'],
  ['a reverse-path that no environment holds', 'a'.repeat(200_000), 'E2BIG'],
])(
  'a command cannot be started for %s, and that fails this mail alone',
  async (_, source, code) => {
    const message = JSON.stringify({ ...NOTIFICATION, mail: { source } });
    const fault = await faultOf(commandDestination('cat > /dev/null'), message);
    expect(fault).toBeInstanceOf(MailRefusedError);
    expect(fault.message).toBe(`the command could not be started: ${code}`);
  },
);
