// A DNS that never answers, under many senders: every mail is taken in time, nothing is known of its sender, and the
// questions do not multiply.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { announced } from './bridge-under-faults.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { HostileDnsServer } from '../support/hostile-dns-server.ts';
import { Sender } from './sender.ts';
import { type LoggedEvent, ServeProcess } from './serve-process.ts';

const SENDERS = 50;
const MAILS = 2;
const TIMEOUT_SECONDS = 2;

let aws: TestAws;
beforeAll(async () => {
  aws = await startTestAws();
});
afterAll(() => aws.close());

test(`a DNS that never answers, under ${SENDERS} senders: 250 for every mail within the timeout, nothing known of its sender, no storm of questions`, {
  timeout: 120_000,
}, async () => {
  const dns = await HostileDnsServer.start(() => undefined);
  const accepted: LoggedEvent[] = [];
  await using serve = await ServeProcess.start({
    aws,
    environment: {},
    configuration: () => ({
      verify: {
        spf: 'reject',
        dmarc: 'reject',
        timeout: TIMEOUT_SECONDS,
        resolvers: [dns.address],
        lists: [{ zone: 'list.example', action: 'reject' }],
      },
    }),
    onEvent: (event) => {
      if (event.event === 'message-accepted') accepted.push(event);
    },
  });
  const replies = await Promise.all(
    Array.from({ length: SENDERS }, async (_, at) => {
      const sender = new Sender(serve.port);
      const said: string[] = [];
      for (let mail = 0; mail < MAILS; mail += 1) {
        said.push(await sender.attempt(makeMail(at, mail)));
      }
      sender.close();
      return said;
    }),
  );
  const codes = replies.flat().map((reply) => reply.slice(0, 3));
  expect(codes).toEqual(Array.from({ length: SENDERS * MAILS }, () => '250'));
  expect(await serve.end('SIGTERM')).toBe(0);

  expect(accepted).toHaveLength(SENDERS * MAILS);
  const slowest = Math.max(...accepted.map(({ judgeMillis }) => Number(judgeMillis)));
  // What the checks take after the final dot, on the program's own clock.
  expect(slowest).toBeLessThanOrEqual((TIMEOUT_SECONDS + 1) * 1000);
  for (const { receipt, mailsluice } of await announced(aws, 2)) {
    expect(receipt.spfVerdict.status).toBe('PROCESSING_FAILED');
    expect(receipt.dmarcVerdict.status).toBe('PROCESSING_FAILED');
    expect(mailsluice.sender?.authenticated).toBeNull();
    expect(mailsluice.lists).toMatchObject([{ zone: 'list.example', result: 'unknown' }]);
  }
  // Each mail has its own domain: SPF, its policy and a signature's key, each asked again a few times. The first
  // mails may fall under the bound of their one client, which asks less.
  const bound = SENDERS * MAILS * 3 * 4;
  process.stdout.write(
    `dead DNS: ${dns.asked.length} queries for ${codes.length} mails, the slowest check ${Math.round(slowest)} ms\n`,
  );
  expect(dns.asked.length).toBeGreaterThan(0);
  expect(dns.asked.length).toBeLessThanOrEqual(bound);
});

/** Of a domain of its own, with a signature whose key is asked for. */
function makeMail(sender: number, mail: number): Buffer {
  const domain = `d${sender}-${mail}.example`;
  return Buffer.from(
    [
      `DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=${domain}; s=k; h=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA`,
      `From: ann@${domain}`,
      'Subject: dead DNS',
      '',
      'Hello',
      '',
    ].join('\r\n'),
  );
}
