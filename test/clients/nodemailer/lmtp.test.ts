// LMTP as nodemailer speaks it (`lmtp: true`): LHLO, and one reply for each recipient that was accepted at RCPT.
import type { SendMailOptions } from 'nodemailer/lib/mailer';
import type { SMTPTransportOptions } from 'nodemailer/lib/smtp-transport';
import { describe, expect, test } from 'vitest';
import type { Reply, SmtpServer } from '../../../src/index.ts';
import { Scene } from './scene.ts';

const ok: Reply = { code: 250, status: '1.5', text: 'Delivered' };
const full: Reply = { code: 452, status: '2.2', text: 'Mailbox full' };
const gone: Reply = { code: 550, status: '2.1', text: 'Mailbox disabled' };
const byName = new Map([
  ['full', full],
  ['gone', gone],
]);

interface Case {
  readonly name: string;
  readonly to: SendMailOptions['to'];
  readonly transport?: SMTPTransportOptions;
  readonly prepare?: (server: SmtpServer) => void;
  readonly outcome: string;
}

/** The reply of each recipient by its name. */
function answerEach(server: SmtpServer): void {
  server.onMail(({ envelope }) =>
    envelope.recipients.map(({ forwardPath }) => byName.get(forwardPath.localPart) ?? ok),
  );
}

const [b, c, fullBox, goneBox, no] = ['b', 'c', 'full', 'gone', 'no'].map(
  (x) => `${x}@example.com`,
);

const cases: readonly Case[] = [
  { name: 'one recipient', to: [`${b}`], outcome: '250 2.1.5' },
  { name: 'two recipients', to: [`${b}`, `${c}`], outcome: '250 2.1.5' },
  {
    name: 'the first is deferred',
    to: [`${fullBox}`, `${b}`],
    outcome: `250 2.1.5; ${fullBox}: 452 4.2.2`,
  },
  {
    name: 'one in the middle is refused',
    to: [`${b}`, `${goneBox}`, `${c}`],
    outcome: `250 2.1.5; ${goneBox}: 550 5.2.1`,
  },
  {
    name: 'one at RCPT, another after the message',
    to: [`${no}`, `${b}`, `${goneBox}`, `${c}`],
    prepare: (server) => {
      server.onRecipient(({ forwardPath, reply }) =>
        forwardPath.localPart === 'no' ? reply(550, '1.1', 'No such mailbox') : undefined,
      );
      answerEach(server);
    },
    outcome: `250 2.1.5; ${no}: 550 5.1.1; ${goneBox}: 550 5.2.1`,
  },
  {
    name: 'replies by address, as a Map in any order',
    to: [`${b}`, `${fullBox}`, `${goneBox}`],
    prepare: (server) =>
      void server.onMail(
        () =>
          new Map([
            [`${goneBox}`, gone],
            [`${fullBox}`, full],
            [`${b}`, ok],
          ]),
      ),
    outcome: `550 5.2.1; ${fullBox}: 452 4.2.2; ${goneBox}: 550 5.2.1`,
  },
  {
    name: 'replies by address, as an object',
    to: [`${goneBox}`, `${b}`],
    prepare: (server) => void server.onMail(() => ({ [`${b}`]: ok, [`${goneBox}`]: gone })),
    outcome: `250 2.1.5; ${goneBox}: 550 5.2.1`,
  },
  {
    name: 'replies by address, without one of them, defer the mail for all',
    to: [`${goneBox}`, `${b}`],
    prepare: (server) => void server.onMail(() => ({ [`${goneBox}`]: gone })),
    outcome: `451 4.3.0; ${goneBox}: 451 4.3.0; ${b}: 451 4.3.0`,
  },
  {
    name: 'all are refused at RCPT',
    to: [`${no}`, `${b}`],
    prepare: (server) => void server.onRecipient(() => gone),
    outcome: 'EENVELOPE at RCPT TO: 550 5.2.1',
  },
  {
    name: 'one answer is the answer for all',
    to: [`${b}`, `${c}`],
    prepare: (server) => void server.onMail(() => ok),
    outcome: '250 2.1.5',
  },
  {
    name: 'a hook that throws defers the mail for all',
    to: [`${b}`, `${c}`],
    prepare: (server) =>
      void server.onMail(() => {
        throw new Error('the disk is full');
      }),
    outcome: `451 4.3.0; ${b}: 451 4.3.0; ${c}: 451 4.3.0`,
  },
  {
    name: 'fewer replies than recipients defer the mail for all',
    to: [`${b}`, `${c}`],
    prepare: (server) => void server.onMail(() => [ok]),
    outcome: `451 4.3.0; ${b}: 451 4.3.0; ${c}: 451 4.3.0`,
  },
];

describe('LMTP', () => {
  test.for(cases)('$name: $outcome', async ({ to, prepare = answerEach, transport, outcome }) => {
    const scene = await Scene.start({ listener: { protocol: 'lmtp' }, prepare });
    expect(await scene.send({ to }, { lmtp: true, ...transport })).toBe(outcome);
  });

  test('several mails in one session, whose replies do not get mixed up', async () => {
    const scene = await Scene.start({ listener: { protocol: 'lmtp' }, prepare: answerEach });
    const pool = scene.pool({ lmtp: true, maxConnections: 1 });
    for (const to of [[fullBox, b], [b], [goneBox, c, fullBox], [b, c]]) {
      const info = await pool.sendMail({ from: 'a@example.com', to: to.map(String), text: 'x' });
      expect(info.accepted).toEqual(to.filter((each) => each === b || each === c));
      expect(info.rejected).toEqual(to.filter((each) => each === fullBox || each === goneBox));
    }
    expect(scene.sessions).toBe(1);
  });

  test('in TLS and signed in', async () => {
    const scene = await Scene.start({
      listener: { protocol: 'lmtp', tls: 'starttls', auth: 'required' },
      prepare: (server) => {
        server.onSignIn(() => true);
        answerEach(server);
      },
    });
    const transport = { lmtp: true, requireTLS: true, auth: { user: 'ann', pass: 'right' } };
    expect(await scene.send({ to: [`${fullBox}`, `${b}`] }, transport)).toBe(
      `250 2.1.5; ${fullBox}: 452 4.2.2`,
    );
    expect(scene.arrived[0]?.session).toMatchObject({
      protocol: 'LMTP',
      identity: { username: 'ann' },
    });
  });

  test.for([
    { name: 'an LMTP client at an SMTP server', protocol: 'smtp', lmtp: true },
    { name: 'an SMTP client at an LMTP server', protocol: 'lmtp', lmtp: false },
  ] as const)('$name is refused', async ({ protocol, lmtp }) => {
    const scene = await Scene.start({ listener: { protocol } });
    expect(await scene.send({}, { lmtp })).toBe(
      `EPROTOCOL at ${lmtp ? 'LHLO' : 'HELO'}: 500 5.5.2`,
    );
    expect(scene.arrived).toEqual([]);
  });
});
