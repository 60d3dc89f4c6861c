// What a credential allows, held in real sessions: a server, a socket, a table.
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  checkRecipient,
  checkSender,
  checkSize,
  createRateLimit,
  type Grants,
  grantsOf,
  limitMessages,
} from '../../src/policy/index.ts';
import { CredentialAdministration, createAuthenticator } from '../../src/credentials/index.ts';
import { issueGrants } from '../../src/policy/index.ts';
import type { DiscardCause, MessageWriter, OpenMessage } from '../../src/smtp/index.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { makeCertificate } from '../support/certificates.ts';
import { TestClient } from '../support/smtp-client.ts';
import { startServer } from '../support/smtp-server.ts';

let aws: TestAws;
let administration: CredentialAdministration;
beforeAll(async () => {
  aws = await startTestAws();
  administration = new CredentialAdministration(aws.dynamoDb, aws.resources.table);
});
afterAll(() => aws.close());

/** Takes every message and remembers what became of it. */
function keeper(): { open: OpenMessage; fates: (number | DiscardCause)[] } {
  const fates: (number | DiscardCause)[] = [];
  const open: OpenMessage = () => {
    let octets = 0;
    const writer: MessageWriter = {
      write: (span) => {
        octets += span.length;
        return true;
      },
      commit: () => {
        fates.push(octets);
        return { code: 250, status: '0.0', text: 'Ok' };
      },
      discard: (cause) => void fates.push(cause),
    };
    return { kind: 'accept', writer };
  };
  return { open, fates };
}

let users = 0;

/** A client that has signed in with a credential of these grants, over TLS. */
async function signedIn(grants: Grants) {
  const username = `user-${users++}`;
  const { generated = '' } = await administration.add({ username, grants });
  const { open, fates } = keeper();
  const rateLimit = createRateLimit();
  const authenticator = createAuthenticator({
    issueGrants,
    client: aws.dynamoDb,
    table: aws.resources.table,
    recordLastUse: false,
  });
  const { port } = await startServer(
    {
      listeners: [{ name: 'smtps', host: '127.0.0.1', port: 0, tls: 'implicit', auth: 'required' }],
      tls: { certificates: [await makeCertificate()] },
      openMessage: limitMessages(open, rateLimit),
    },
    (server) => {
      server.onSignIn(({ attempt, session }) => authenticator.authenticate(attempt, session));
      server.onSender(({ reversePath, session, parameters }) => {
        const held = grantsOf(session.identity);
        return checkSender(held, reversePath, 'mx.example') ?? checkSize(held, parameters.size);
      });
      server.onRecipient(({ forwardPath, session }) =>
        checkRecipient(grantsOf(session.identity), forwardPath, 'mx.example'),
      );
    },
  );
  const client = await TestClient.connectTls(port);
  await client.reply();
  await client.say('EHLO client.example');
  const response = Buffer.from(`\0${username}\0${generated}`).toString('base64');
  expect(await client.say(`AUTH PLAIN ${response}`)).toMatch(/^235 2\.7\.0/);
  const deliver = async (text: string): Promise<string> => {
    await client.sayAll('MAIL FROM:<a@in.example>', 'RCPT TO:<b@out.example>');
    const intermediate = await client.say('DATA');
    return intermediate.startsWith('354') ? client.say(`${text}\r\n.`) : intermediate;
  };
  return { client, deliver, fates };
}

test('a sender that is not allowed is 550 5.7.1, and an allowed one goes on', async () => {
  const { client } = await signedIn({ allowedSenders: ['*@in.example'] });
  expect(await client.say('MAIL FROM:<a@other.example>')).toMatch(/^550 5\.7\.1/);
  expect(await client.say('MAIL FROM:<>')).toMatch(/^550 5\.7\.1/);
  expect(await client.say('MAIL FROM:<a@in.example>')).toMatch(/^250/);
});

test('a recipient that is not allowed is 550 5.7.1, and the others stay', async () => {
  const { client } = await signedIn({ allowedRecipients: ['*@out.example'] });
  await client.say('MAIL FROM:<a@in.example>');
  expect(await client.say('RCPT TO:<b@other.example>')).toMatch(/^550 5\.7\.1/);
  expect(await client.say('RCPT TO:<b@out.example>')).toMatch(/^250/);
});

test('a declared size over the grant is 552 5.3.4 at MAIL', async () => {
  const { client } = await signedIn({ maxMessageSize: 1000 });
  expect(await client.say('MAIL FROM:<a@in.example> SIZE=1001')).toMatch(/^552 5\.3\.4/);
  expect(await client.say('MAIL FROM:<a@in.example> SIZE=1000')).toMatch(/^250/);
});

test('an undeclared size over the grant is 552 5.3.4 after the dot, and nothing is kept', async () => {
  const { deliver, fates } = await signedIn({ maxMessageSize: 1000 });
  expect(await deliver('x'.repeat(998))).toMatch(/^250/);
  expect(await deliver('x'.repeat(999))).toMatch(/^552 5\.3\.4/);
  expect(await deliver(`${'x'.repeat(900)}\r\n`.repeat(2000))).toMatch(/^552 5\.3\.4/);
  expect(await deliver('short')).toMatch(/^250/);
  expect(fates).toEqual([1000, 'too-large', 'too-large', 7]);
});

test('messages beyond the rate are 452 4.7.1 before the data', async () => {
  const { deliver, fates } = await signedIn({ rate: { messages: 2, periodSeconds: 3600 } });
  expect(await deliver('one')).toMatch(/^250/);
  expect(await deliver('two')).toMatch(/^250/);
  expect(await deliver('three')).toMatch(/^452 4\.7\.1/);
  expect(fates).toEqual([5, 5]);
});

test('octets beyond the rate are 452 4.3.1 after the dot, and then before the data', async () => {
  const { deliver, fates } = await signedIn({ rate: { octets: 100, periodSeconds: 3600 } });
  expect(await deliver('x'.repeat(68))).toMatch(/^250/);
  expect(await deliver('x'.repeat(50))).toMatch(/^452 4\.3\.1/);
  expect(await deliver('x'.repeat(28))).toMatch(/^250/);
  expect(await deliver('x')).toMatch(/^452 4\.3\.1/);
  expect(fates).toEqual([70, 'refused', 30]);
});

test('a client that leaves in the middle discards once', async () => {
  const { client, fates } = await signedIn({ maxMessageSize: 1000 });
  await client.sayAll('MAIL FROM:<a@in.example>', 'RCPT TO:<b@out.example>', 'DATA');
  client.send('half a message\r\n');
  client.destroy();
  await expect.poll(() => fates, { timeout: 20_000 }).toEqual(['aborted']);
});
