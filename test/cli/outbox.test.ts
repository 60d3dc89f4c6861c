// `mailsluice outbox` on a marker that a bridge wrote because its topic was not there yet.
import { CreateTopicCommand } from '@aws-sdk/client-sns';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createBridge } from '../../src/bridge/index.ts';
import { deliver, facts } from '../bridge/support.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { mailsluice } from '../support/cli.ts';

let aws: TestAws;
const mail = facts();

beforeAll(async () => {
  aws = await startTestAws();
  const topicArn = `${aws.resources.topicArn}-that-comes-later`;
  const { s3, sns } = aws;
  await using bridge = createBridge({
    ...{ s3, sns, topicArn, bucket: aws.resources.bucket, hostname: 'mx.example' },
    outboxSeconds: 3600,
  });
  expect(await deliver(bridge, mail, 'Subject: later\r\n\r\nlater\r\n')).toMatchObject({
    code: 250,
  });
});
afterAll(() => aws.close());

const outbox = (command: string, ...args: readonly string[]) =>
  mailsluice(['outbox', command, '--bucket', aws.resources.bucket, ...args], aws.environment);

test('list shows what waits, for a person and for a program', async () => {
  const table = await outbox('list');
  expect(table.code).toBe(0);
  expect(table.lines[1]).toMatch(new RegExp(`^${mail.messageId}  .+  waiting$`));
  const { code, output } = await outbox('list', '--json');
  expect(code).toBe(0);
  expect(JSON.parse(output)).toMatchObject([{ messageId: mail.messageId, isPoison: false }]);
});

test('drain publishes to a topic that is there, and the outbox is empty then', async () => {
  const other = await aws.sns.send(new CreateTopicCommand({ Name: 'another' }));
  const { code, output } = await outbox('drain', '--json', '--to-topic', other.TopicArn ?? '');
  expect({ code, done: JSON.parse(output) as unknown }).toEqual({
    code: 0,
    done: { published: 1, setAside: 0, refused: 0, skipped: [] },
  });
  expect(await outbox('list', '--json')).toMatchObject({ code: 0, lines: ['[]'] });
});

test('a bucket that is not there is one line, exit 1', async () => {
  const { code, lines } = await outbox('list', '--bucket', 'not-there');
  expect(code).toBe(1);
  expect(lines).toEqual([
    'mailsluice outbox list: bucket "not-there": not found; check --bucket or store.bucket, and AWS_REGION',
  ]);
});
