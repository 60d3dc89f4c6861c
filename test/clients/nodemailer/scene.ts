// nodemailer's published client against a server that is made with the library: what the client made of it, in one line, and what
// arrived at the server.
import { buffer } from 'node:stream/consumers';
import { createTransport } from 'nodemailer';
import type { NodemailerError } from 'nodemailer/lib/errors';
import type { SendMailOptions } from 'nodemailer/lib/mailer';
import type { SMTPPoolOptions } from 'nodemailer/lib/smtp-pool';
import type { SMTPSentMessageInfo, SMTPTransportOptions } from 'nodemailer/lib/smtp-transport';
import { onTestFinished } from 'vitest';
import {
  type Envelope,
  type ListenerOptions,
  type ServerOptions,
  type SessionFacts,
  SmtpServer,
} from '../../../src/index.ts';
import { makeCertificate } from '../../support/certificates.ts';
import { EventLog } from '../../support/events.ts';

/** A mail that the server accepted. */
export interface Arrived {
  readonly session: SessionFacts;
  readonly envelope: Envelope;
  readonly octets: Buffer;
}

/** How the server of a case differs from one that takes every mail in the clear. */
export interface Serving {
  readonly listener?: Partial<ListenerOptions>;
  readonly options?: Omit<ServerOptions, 'listeners' | 'observe'>;
  /** Adds hooks before the one that keeps the mails. */
  readonly prepare?: (server: SmtpServer) => void;
}

export const MAIL: SendMailOptions = {
  from: 'a@example.com',
  to: 'b@example.com',
  subject: 'A test',
  text: 'hi',
};

const addressOf = ({ path, listens }: Partial<ListenerOptions>) =>
  path === undefined && listens !== false ? { host: '127.0.0.1', port: 0 } : {};

export class Scene {
  readonly server: SmtpServer;
  readonly log: EventLog;
  readonly arrived: readonly Arrived[];

  private constructor(server: SmtpServer, log: EventLog, arrived: readonly Arrived[]) {
    this.server = server;
    this.log = log;
    this.arrived = arrived;
  }

  static async start({ listener = {}, options = {}, prepare }: Serving = {}): Promise<Scene> {
    const log = new EventLog();
    const arrived: Arrived[] = [];
    const needsTls = listener.tls !== undefined && listener.tls !== 'none';
    const server = new SmtpServer({
      hostname: 'mx.example.com',
      ...(needsTls && { tls: { certificates: [await certificate()] } }),
      ...options,
      listeners: [{ name: 'mx', ...addressOf(listener), ...listener }],
      observe: log.observe,
    });
    onTestFinished(async () => void (await server.close({ drain: 0 })));
    prepare?.(server);
    server.onMail(async ({ mail, session, envelope }) => {
      const octets = await buffer(mail.content);
      arrived.push({ session: { ...session }, envelope, octets });
    });
    await server.listen();
    return new Scene(server, log, arrived);
  }

  get port(): number {
    return this.server.addresses[0]?.port ?? 0;
  }

  /** The options of a transport to this server, whose certificate it does not verify. */
  to(options: SMTPTransportOptions = {}): SMTPTransportOptions {
    const { tls, ...others } = options;
    return {
      host: '127.0.0.1',
      port: this.port,
      tls: { rejectUnauthorized: false, ...tls },
      ...others,
    };
  }

  /** Sends one mail; gives its outcome. */
  async send(mail: SendMailOptions = {}, options: SMTPTransportOptions = {}): Promise<string> {
    const transport = createTransport(this.to(options));
    try {
      return await outcome(transport.sendMail({ ...MAIL, ...mail }));
    } finally {
      transport.close();
    }
  }

  /** `ok`, or the error of `verify()`. */
  async verify(options: SMTPTransportOptions = {}): Promise<string> {
    const transport = createTransport(this.to(options));
    try {
      await transport.verify();
      return 'ok';
    } catch (error) {
      return describeError(error);
    } finally {
      transport.close();
    }
  }

  /** A pool of connections, closed at the end of the test. */
  pool(options: SMTPPoolOptions = {}) {
    const pool = createTransport({ ...this.to(options), pool: true });
    onTestFinished(() => {
      pool.close();
    });
    return pool;
  }

  /** How many sessions there were. */
  get sessions(): number {
    return this.log.of('connection-opened').length;
  }
}

/** The certificate of all servers, for `localhost`. */
let made: ReturnType<typeof makeCertificate> | undefined;
export async function certificate(): ReturnType<typeof makeCertificate> {
  made ??= makeCertificate({ names: ['localhost'] });
  return made;
}

/**
 * One line: `250 2.0.0`, `250 2.0.0; c@example.com: 550 5.1.1`, `EENVELOPE at RCPT TO: 550 5.1.1`, `ETIMEDOUT at CONN: Greeting
 * never received`.
 */
export async function outcome(sending: Promise<SMTPSentMessageInfo>): Promise<string> {
  try {
    const { response, rejectedErrors = [] } = await sending;
    const refused = rejectedErrors.map((each) => `${each.recipient}: ${codes(each.response)}`);
    return [codes(response), ...refused].join('; ');
  } catch (error) {
    return describeError(error);
  }
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) throw error;
  const { code, command, response, message } = error as NodemailerError;
  return `${code} at ${command}: ${response ? codes(response) : message}`;
}

/** Reply code and enhanced status code of the last line of a reply. */
function codes(reply = ''): string {
  const last = reply.trim().split('\n').at(-1) ?? '';
  return /^\d{3}(?:[ -]\d\.\d+\.\d+)?/.exec(last)?.[0].replace('-', ' ') ?? last;
}
