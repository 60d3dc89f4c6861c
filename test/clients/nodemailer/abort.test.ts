// What goes wrong in the middle: on the client's side and on the server's. No mail arrives that was not sent to its end, the mail
// hook learns of it, and the server takes the next mail.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { createTransport } from 'nodemailer';
import type { SendMailOptions } from 'nodemailer/lib/mailer';
import type { SMTPTransportOptions } from 'nodemailer/lib/smtp-transport';
import { describe, expect, test } from 'vitest';
import {
  type Mail,
  MailGoneError,
  type ServerOptions,
  type SmtpServer,
} from '../../../src/index.ts';
import { MAIL, outcome, Scene } from './scene.ts';

const envelope = { from: 'a@example.com', to: 'b@example.com' };

/** A message that begins, and then does what the test says. */
function begun(then: (stream: Readable) => void): Readable {
  let hasBegun = false;
  return new Readable({
    read() {
      if (hasBegun) return;
      hasBegun = true;
      this.push('Subject: half\r\n\r\nhalf a mail\r\n');
      // The client has sent this much before what follows.
      setTimeout(() => then(this), 50);
    },
  });
}

interface Case {
  readonly name: string;
  readonly limits?: ServerOptions['limits'];
  readonly transport?: SMTPTransportOptions;
  readonly mail: (abort: () => void) => SendMailOptions;
  readonly outcome: RegExp;
  readonly cause: 'aborted' | 'too-large' | 'refused' | 'closing';
  readonly during?: (scene: Scene) => void;
}

const silent = (): SendMailOptions => ({ envelope, raw: begun(() => {}) });

const cases: readonly Case[] = [
  {
    name: 'the stream of the message fails',
    mail: () => ({ envelope, raw: begun((stream) => stream.destroy(new Error('no more'))) }),
    outcome: /^ESTREAM at API: no more$/,
    cause: 'aborted',
  },
  {
    name: 'the caller aborts by its signal',
    mail: (abort) => ({ envelope, raw: begun(abort) }),
    outcome: /^EABORT at /,
    cause: 'aborted',
  },
  {
    name: 'the client gives up (socketTimeout)',
    transport: { socketTimeout: 300 },
    mail: silent,
    outcome: /^ETIMEDOUT at CONN: Timeout$/,
    cause: 'aborted',
  },
  {
    name: 'the client is silent (dataTimeoutSeconds)',
    limits: { dataTimeoutSeconds: 0.2 },
    mail: silent,
    outcome: /421 4\.4\.2$/,
    cause: 'aborted',
  },
  {
    name: 'the message takes too long (messageSeconds)',
    limits: { messageSeconds: 0.2 },
    mail: () => ({
      envelope,
      raw: begun((stream) => {
        const timer = setInterval(() => stream.push('more\r\n'), 20);
        stream.on('close', () => clearInterval(timer));
      }),
    }),
    outcome: /421 4\.4\.2$/,
    cause: 'aborted',
  },
  {
    name: 'the message is too large',
    limits: { maxMessageSize: 1_000 },
    mail: () => ({
      envelope,
      raw: begun((stream) => {
        stream.push('x'.repeat(10_000));
        stream.push(null);
      }),
    }),
    outcome: /^EMESSAGE at DATA: 552 5\.3\.4$/,
    cause: 'too-large',
  },
  {
    name: 'the server closes at once',
    mail: silent,
    during: ({ server }) => void server.close({ drain: 0 }),
    outcome: /421 4\.3\.2$/,
    cause: 'closing',
  },
];

describe('in the middle of a message', () => {
  test.for(cases)('$name', async ({ limits = {}, transport, mail: make, during, ...expected }) => {
    const mails: Mail[] = [];
    const ends: unknown[] = [];
    const readIt = async (mail: Mail): Promise<void> => {
      mails.push(mail);
      try {
        for await (const _ of mail.content);
      } catch (error) {
        ends.push(error);
        throw error;
      }
    };
    const scene = await Scene.start({
      options: { limits },
      prepare: (server) => void server.onMail(({ mail }) => readIt(mail)),
    });
    const controller = new AbortController();
    const sender = createTransport(scene.to(transport));
    const sending = outcome(
      sender.sendMail({ ...make(() => controller.abort()), signal: controller.signal }),
    );
    if (during) {
      await expect.poll(() => mails.length).toBe(1);
      during(scene);
    }
    expect(await sending).toMatch(expected.outcome);
    const { cause } = await scene.log.next('message-discarded');
    expect(cause).toBe(expected.cause);
    await expect.poll(() => ends).toEqual([expect.any(MailGoneError)]);
    expect(mails[0]?.signal.aborted).toBe(true);
    expect(scene.arrived).toEqual([]);
    if (!during) expect(await scene.send()).toBe('250 2.0.0');
    sender.close();
  });
});

describe('the connection is lost', () => {
  /** A connection of the caller's, for the transport's `connection`. */
  async function open({ port }: Scene): Promise<Socket> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  }

  test.for<{ hook: 'onHelo' | 'onSender' | 'onRecipient' | 'onData'; arrives: number }>([
    { hook: 'onHelo', arrives: 0 },
    { hook: 'onSender', arrives: 0 },
    { hook: 'onRecipient', arrives: 0 },
    { hook: 'onData', arrives: 0 },
  ])('while $hook is asked', async ({ hook, arrives }) => {
    const sockets: Socket[] = [];
    let isAsked = false;
    const scene = await Scene.start({
      prepare: (server) =>
        void server.use({
          [hook]: async () => {
            if (isAsked) return;
            isAsked = true;
            sockets[0]?.resetAndDestroy();
            await new Promise((resolve) => setTimeout(resolve, 50));
          },
        }),
    });
    const connection = await open(scene);
    sockets.push(connection);
    expect(await scene.send({}, { connection })).toMatch(/^(ECONNECTION|ESOCKET) at /);
    expect(await scene.log.next('connection-closed')).toMatchObject({ cause: 'lost' });
    expect(scene.arrived).toHaveLength(arrives);
    expect(await scene.send()).toBe('250 2.0.0');
    expect(scene.arrived).toHaveLength(arrives + 1);
  });

  test('after the final dot: the mail is taken, and the client sends it again', async () => {
    const sockets: Socket[] = [];
    const scene = await Scene.start({
      prepare: (server: SmtpServer) =>
        void server.onMail(async ({ mail }) => {
          for await (const _ of mail.content);
          sockets.pop()?.resetAndDestroy();
        }),
    });
    const connection = await open(scene);
    sockets.push(connection);
    const mail = { ...MAIL, messageId: '<once@example.com>' };
    expect(await scene.send(mail, { connection })).toMatch(/^(ECONNECTION|ESOCKET) at /);
    await expect.poll(() => scene.arrived.length).toBe(1);
    expect(await scene.send(mail)).toBe('250 2.0.0');
    const ids = scene.arrived.map(
      ({ octets }) => /^Message-ID: (.*)\r$/m.exec(octets.toString())?.[1],
    );
    expect(ids).toEqual(['<once@example.com>', '<once@example.com>']);
  });
});

describe('421 in the middle of a session', () => {
  test.for([
    { hook: 'onSender', outcome: 'EENVELOPE at MAIL FROM: 421 4.7.0' },
    { hook: 'onRecipient', outcome: 'ECONNECTION at CONN: 421 4.7.0' },
    { hook: 'onData', outcome: 'EENVELOPE at DATA: 421 4.7.0' },
    { hook: 'onMail', outcome: 'EMESSAGE at DATA: 421 4.7.0' },
  ] as const)('of $hook ends it, and the pool sends the next mail in another one', async (each) => {
    let count = 0;
    const scene = await Scene.start({
      prepare: (server) =>
        void server.use({
          [each.hook]: () => {
            count += 1;
            return count === 1 ? { code: 421, status: '7.0', text: 'Come back later' } : undefined;
          },
        }),
    });
    const pool = scene.pool({ maxConnections: 1, maxRequeues: 0 });
    expect(await outcome(pool.sendMail(MAIL))).toBe(each.outcome);
    expect(await scene.log.next('connection-closed')).toMatchObject({ cause: 'ended' });
    expect(await outcome(pool.sendMail(MAIL))).toBe('250 2.0.0');
    expect(scene.sessions).toBe(2);
    expect(scene.arrived).toHaveLength(1);
  });
});
