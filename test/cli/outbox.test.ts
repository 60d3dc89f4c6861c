// `mailsluice outbox` on a marker that a bridge wrote because its topic was not there yet.
import { CreateTopicCommand } from '@aws-sdk/client-sns';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OutboxLease } from '../../src/bridge/outbox/lease.ts';
import { outboxKeys, writeMarkers } from '../bridge/outbox/support.ts';
import { markerOf } from '../support/outbox-marker.ts';
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

describe('with markers of two topics', () => {
  let tenant: string;
  let ids: string[];
  beforeAll(async () => {
    const { topicArn } = aws.resources;
    tenant = `${topicArn}-tenant`;
    ids = await writeMarkers(aws, [
      ...Array.from({ length: 2 }, () => markerOf({ topicArn: tenant })),
      markerOf({ topicArn }),
    ]);
  });

  test('list --topic shows those of one topic', async () => {
    const { output } = await outbox('list', '--json', '--topic', tenant);
    const listed = JSON.parse(output) as { messageId: string }[];
    expect(listed.map(({ messageId }) => messageId).sort()).toEqual(ids.slice(0, 2).sort());
    expect(await outbox('list', '--topic', `${tenant}-none`)).toMatchObject({
      code: 0,
      lines: [`The outbox has nothing of ${tenant}-none.`],
    });
  });

  test('drain publishes the others, and says what is left and why', async () => {
    const { code, output } = await outbox('drain');
    expect(code).toBe(0);
    expect(output).toContain(`published ${ids[2]}\n`);
    expect(output).toContain(`left 2 of topic ${tenant}: NotFoundException: `);
    expect(output).toContain('1 published, 0 refused for now, 0 set aside\n');
  });

  test('drain --topic --to-topic moves those of one topic, behind a service that is at it', async () => {
    const { topicArn } = aws.resources;
    const [other] = await writeMarkers(aws, [markerOf({ topicArn: `${topicArn}-other` })]);
    const lease = new OutboxLease({ s3: aws.s3, bucket: aws.resources.bucket });
    expect(await lease.acquire()).toBe(true);
    const draining = outbox('drain', '--json', '--topic', tenant, '--to-topic', topicArn);
    await sleep(4000);
    await lease.release();
    const { code, lines } = await draining;
    expect(code).toBe(0);
    expect(lines).toContain('A running service is publishing the outbox; waiting for it …');
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ published: 2, skipped: [] });
    expect(await outboxKeys(aws)).toEqual([`outbox/${other}.json`]);
  });
});

test('a bucket that is not there is one line, exit 1', async () => {
  const { code, lines } = await outbox('list', '--bucket', 'not-there');
  expect(code).toBe(1);
  expect(lines).toEqual([
    'mailsluice outbox list: bucket "not-there": not found; check --bucket or store.bucket, and AWS_REGION',
  ]);
});
