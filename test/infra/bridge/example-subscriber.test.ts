// The example subscriber as it is deployed: the bundle, called with the event that Lambda makes of a queue.
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { Match } from 'aws-cdk-lib/assertions';
import nodemailer from 'nodemailer';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { packageRoot } from '../../../infra/tools/package-root.ts';
import { LocalProcess } from '../../support/local.ts';
import { resourcesOf, synthBridge } from '../support.ts';

interface Handler {
  handler(event: unknown): Promise<{ batchItemFailures: { itemIdentifier: string }[] }>;
}

let local: LocalProcess;
let lambda: Handler;
beforeAll(async () => {
  local = await LocalProcess.start();
  const { region, accessKeyId, secretAccessKey, endpoint } = local.ready.aws;
  vi.stubEnv('AWS_REGION', region);
  vi.stubEnv('AWS_ACCESS_KEY_ID', accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', secretAccessKey);
  vi.stubEnv('AWS_ENDPOINT_URL', endpoint);
  const bundle = join(packageRoot, 'dist/lambda/example-subscriber/index.mjs');
  lambda = (await import(pathToFileURL(bundle).href)) as Handler;
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await local.stop();
});

function record(messageId: string, body: string) {
  return {
    messageId,
    body,
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:mail',
    receiptHandle: 'r',
    attributes: {},
    messageAttributes: {},
    md5OfBody: '',
    awsRegion: 'us-east-1',
  };
}

describe('the example subscriber', () => {
  test('the example subscriber reads a mail that arrived, and gives back only the record that it could not handle', async () => {
    await nodemailer
      .createTransport({
        host: '127.0.0.1',
        port: local.port('mx'),
        tls: { rejectUnauthorized: false },
      })
      .sendMail({
        from: 'a@client.example',
        to: 'b@example.com',
        subject: 'Rechnung für Müller',
        text: 'Hello',
        attachments: [
          { filename: 'a.pdf', content: Buffer.from('%PDF'), contentType: 'application/pdf' },
        ],
      });
    const { Messages = [] } = await local.sqs.send(
      new ReceiveMessageCommand({ QueueUrl: local.ready.queueUrl, WaitTimeSeconds: 10 }),
    );
    const lines: string[] = [];
    const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      lines.push(String(text));
      return true;
    });
    const answer = await lambda.handler({
      Records: [record('good', Messages[0]?.Body ?? ''), record('bad', 'no notification')],
    });
    write.mockRestore();

    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: 'bad' }] });
    const seen = lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .find(({ event }) => event === 'mail-seen');
    expect(seen).toMatchObject({
      subject: 'Rechnung für Müller',
      attachments: [{ contentType: 'application/pdf', size: 4 }],
    });
  });

  test('the example subscriber reports single failures, tries five times, and then leaves the message for a person', () => {
    const { template } = synthBridge(() => ({ exampleSubscriber: true }));
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      FunctionResponseTypes: ['ReportBatchItemFailures'],
    });
    template.hasResourceProperties('AWS::SQS::Queue', {
      RedrivePolicy: { maxReceiveCount: 5, deadLetterTargetArn: Match.anyValue() },
    });
    const [timeout] = Object.values(resourcesOf(template, 'AWS::Lambda::Function'))
      .filter(({ Properties }) => String(Properties['Description']).includes('subject'))
      .map(({ Properties }) => Number(Properties['Timeout']));
    const visibility = Object.values(resourcesOf(template, 'AWS::SQS::Queue')).flatMap(
      ({ Properties }) => Properties['VisibilityTimeout'] ?? [],
    );
    expect(visibility).toEqual([(timeout ?? 0) * 6]);
    // Only the topic may send to the queue.
    template.hasResourceProperties('AWS::SQS::QueuePolicy', {
      PolicyDocument: Match.objectLike({
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: 'sqs:SendMessage',
            Principal: { Service: 'sns.amazonaws.com' },
            Condition: { ArnEquals: { 'aws:SourceArn': Match.anyValue() } },
          }),
        ]),
      }),
    });
  });

  test('the example subscriber may read mail, and write none', () => {
    const { template } = synthBridge(() => ({ exampleSubscriber: true }));
    const policies = Object.entries(resourcesOf(template, 'AWS::IAM::Policy')).filter(([id]) =>
      id.includes('ExampleSubscriber'),
    );
    const actions = policies.flatMap(([, { Properties }]) =>
      (
        Properties['PolicyDocument'] as { Statement: { Action: string | string[] }[] }
      ).Statement.flatMap(({ Action }) => Action),
    );
    expect(actions.filter((action) => action.startsWith('s3:'))).toEqual(['s3:GetObject']);
  });

  test('the example subscriber gets the sources that it may read', () => {
    const { template } = synthBridge(() => ({ exampleSubscriber: true }));
    const functions = Object.entries(resourcesOf(template, 'AWS::Lambda::Function')).filter(
      ([id]) => id.includes('ExampleSubscriber'),
    );
    const environments = functions.map(
      ([, { Properties }]) =>
        Properties['Environment'] as { readonly Variables: Readonly<Record<string, unknown>> },
    );
    expect(
      environments.map(({ Variables }) => JSON.stringify(Variables['MAILSLUICE_MAIL_SOURCES'])),
    ).toEqual([expect.stringMatching(/^\{"Fn::Join":\["",\[\{"Ref":"[^"]*"\},"\/mail\/"\]\]\}$/)]);
  });
});
