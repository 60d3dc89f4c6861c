// One mail, followed: what the operator reads where it gets lost on its way.
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { CreateTopicCommand, SNSClient } from '@aws-sdk/client-sns';
import { ListQueuesCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FollowOptions, followMail } from '../../../src/app/doctor/aws/follow-mail.ts';
import { openForMail } from '../../../src/app/doctor/smtp/open-for-mail.ts';
import type { Subject } from '../../../src/app/doctor/subject.ts';
import { makeCertificate, type TestCertificate } from '../../support/certificates.ts';
import { LocalProcess } from '../../support/local.ts';
import { startScriptedServer } from '../../support/scripted-server.ts';

let authority: TestCertificate;
let local: LocalProcess;
let sns: SNSClient;

beforeAll(async () => {
  authority = await makeCertificate({ names: ['Test CA'], isAuthority: true });
  const { cert, key } = await makeCertificate({ names: ['mx.test'], authority });
  local = await LocalProcess.start({
    hostname: 'mx.test',
    tls: { certificates: [{ cert, key }] },
    routes: [{ recipients: ['ann@mail.test'] }],
  });
  const { region, endpoint, accessKeyId, secretAccessKey } = local.ready.aws;
  sns = new SNSClient({ region, endpoint, credentials: { accessKeyId, secretAccessKey } });
  await local.s3.send(new CreateBucketCommand({ Bucket: 'another-bucket' }));
});
afterAll(async () => {
  sns.destroy();
  await local.stop();
});

interface Scene extends Partial<FollowOptions> {
  readonly ports?: Subject['ports'];
  readonly password?: string;
}

async function follow({ ports, password, ...scene }: Scene = {}): Promise<string[]> {
  const signal = new AbortController().signal;
  const open = () =>
    openForMail({
      host: 'mx.test',
      address: '127.0.0.1',
      ports: ports ?? { mx: local.port('mx') },
      authorities: [authority.cert],
      timeoutMillis: 2000,
      signal,
      ...(password !== undefined && { credential: { username: local.ready.username, password } }),
    });
  const findings = await followMail({
    open,
    host: 'mx.test',
    recipient: 'ann@mail.test',
    bucket: local.ready.bucket,
    prefixes: ['mail/'],
    topicArn: local.ready.topicArn,
    clients: { s3: local.s3, sns, sqs: local.sqs },
    seconds: 10,
    signal,
    ...scene,
  });
  for (const { level, why, fix } of findings) {
    if (level !== 'ok') expect(`${why} ${fix}`).toMatch(/\w \w/);
  }
  return findings.map(({ level, found }) =>
    `${level}: ${found}`.replaceAll(/[0-9a-v]{40}/g, 'ID').replaceAll(/dt=\S+hr=\d\d/g, 'HOUR'),
  );
}

const ACCEPTED = 'ok: a mail to ann@mail.test was accepted: ID';
const STORED = 'ok: it is stored as s3://mailsluice-mail/mail/HOUR/ID';
const ANNOUNCED =
  'ok: its notification came through arn:aws:sns:us-east-1:000000000000:mailsluice-mail into a queue, and names s3://mailsluice-mail/mail/HOUR/ID';

test('as another server on the port of the MX', async () => {
  expect(await follow()).toEqual([ACCEPTED, STORED, ANNOUNCED]);
});

test.each(['smtps', 'submission'] as const)('signed in on the port of %s', async (role) => {
  const { password } = local.ready;
  expect(await follow({ ports: { [role]: local.port(role) }, password })).toEqual([
    ACCEPTED,
    STORED,
    ANNOUNCED,
  ]);
});

test('signed in, where the port of the MX cannot be reached from here', async () => {
  const ports = { mx: 1, smtps: local.port('smtps') };
  expect(await follow({ ports, password: local.ready.password })).toEqual([
    ACCEPTED,
    STORED,
    ANNOUNCED,
  ]);
});

describe('lost on its way', () => {
  test('no port and no credential', async () => {
    expect(await follow({ ports: { mx: 1, smtps: local.port('smtps') } })).toEqual([
      'unknown: no test mail could be sent from here: port 1: ECONNREFUSED',
    ]);
  });

  test('the recipient is refused', async () => {
    expect(await follow({ recipient: 'bob@mail.test' })).toEqual([
      'failed: the test mail to bob@mail.test was not accepted: 550 5.1.1 No such mailbox here (after RCPT TO:<bob@mail.test>)',
    ]);
  });

  test('another bucket', async () => {
    expect(await follow({ bucket: 'another-bucket' })).toEqual([
      ACCEPTED,
      'failed: the mail ID was accepted and is not in another-bucket under mail/',
      ANNOUNCED,
    ]);
  });

  test('another topic', async () => {
    const { TopicArn = '' } = await sns.send(new CreateTopicCommand({ Name: 'another-topic' }));
    expect(await follow({ topicArn: TopicArn, seconds: 1 })).toEqual([
      ACCEPTED,
      STORED,
      `failed: the mail ID was not announced by ${TopicArn} within 1 s`,
    ]);
  });

  test('another program', async () => {
    const port = await startScriptedServer({
      replies: { EHLO: ['250 mx.test'], DATA: ['354 Go ahead'] },
    });
    expect(await follow({ ports: { mx: port } })).toEqual([
      'failed: another program than Mailsluice took the mail: 250 OK',
    ]);
  });
});

test('none of the queues is left', async () => {
  const { QueueUrls = [] } = await local.sqs.send(
    new ListQueuesCommand({ QueueNamePrefix: 'mailsluice-doctor-' }),
  );
  expect(QueueUrls).toEqual([]);
});
