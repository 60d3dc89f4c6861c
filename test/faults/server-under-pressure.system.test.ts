// The bridge behind the real server and real sockets, with less memory than the mails need: every mail is
// stored octet by octet, or refused with 452.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createBridge, messageId } from '../../src/bridge/index.ts';
import { SmtpServer } from '../../src/server/index.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { TestClient } from '../support/smtp-client.ts';
import { listKeys, readObject } from '../bridge/support.ts';

const MIB = 1024 * 1024;

let aws: TestAws;
beforeAll(async () => {
  aws = await startTestAws();
});
afterAll(() => aws.close());

/** Lines with dots at their beginnings, so that what the client stuffs the server has to take away. */
function makeMail(octets: number): Buffer {
  const line = `..${randomBytes(20).toString('hex')}\r\n`;
  return Buffer.from(`Subject: pressure\r\n\r\n${line.repeat(Math.ceil(octets / line.length))}`);
}

test('stores mails of every size exactly while they compete for memory', {
  timeout: 120_000,
}, async () => {
  await using bridge = createBridge({
    s3: aws.s3,
    sns: aws.sns,
    bucket: aws.resources.bucket,
    topicArn: aws.resources.topicArn,
    hostname: 'mx.in.example',
    traceHeaders: false,
    limits: { memory: 20 * MIB, memoryWaitSeconds: 60, commitSeconds: 60 },
  });
  await using server = new SmtpServer({
    hostname: 'mx.in.example',
    openMessage: bridge.open,
    nextMessageId: messageId,
    limits: { maxMessageSize: 40 * MIB },
  });
  await server.listen();
  const port = server.addresses[0]?.port ?? 0;

  const sizes = [100_000, 300_000, MIB, 3 * MIB, 9 * MIB, 14 * MIB, 21 * MIB, 200_000, 260_000];
  const sent = await Promise.all(
    sizes.map(async (octets, index) => {
      const mail = makeMail(octets);
      const client = await TestClient.connect(port);
      await client.reply();
      // Every other one says its size.
      const size = index % 2 === 0 ? ` SIZE=${mail.length}` : '';
      const codes = await client.sayAll(
        'EHLO client.example',
        `MAIL FROM:<a@sender.example>${size}`,
        'RCPT TO:<b@in.example>',
      );
      expect(codes).toBe('250 250 250');
      expect(await client.say('DATA')).toMatch(/^354/);
      const stuffed = mail.toString('latin1').replaceAll('\r\n.', '\r\n..');
      const reply = await client.send(Buffer.from(`${stuffed}.\r\n`, 'latin1')).reply();
      client.destroy();
      const id = /^250 2\.0\.0 Ok: queued as ([0-9a-v]{40})$/.exec(reply)?.[1];
      return { id, mail, reply };
    }),
  );
  const keys = await listKeys(aws, 'mail/');
  for (const { id, mail, reply } of sent) {
    expect(reply).toMatch(/^250 /);
    const key = keys.find((each) => each.endsWith(`/${id}`)) ?? '';
    const { body } = await readObject(aws.s3, aws.resources.bucket, key);
    expect(body.equals(mail)).toBe(true);
  }
  expect(bridge.memoryInUse).toBe(0);
});
