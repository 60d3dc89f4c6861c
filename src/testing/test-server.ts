import {
  type AnyState,
  type ListenerOptions,
  type MailContext,
  type Middleware,
  type ServerEvent,
  type ServerOptions,
  SmtpServer,
} from '../server/index.ts';
import { Mailbox } from './mailbox.ts';
import type { MailFilter, TestMail } from './test-mail.ts';

/** The options of `createTestServer`. */
export interface TestServerOptions<State = AnyState>
  extends Omit<ServerOptions<State>, 'listeners' | 'openMessage'> {
  /**
   * What its one listener does in another way. Default: SMTP on a free port of 127.0.0.1, sign-in offered without TLS. It is for
   * tests on the loopback.
   */
  readonly listener?: Partial<ListenerOptions>;
  /** Hooks that refuse some of the mail. Without one with `onSignIn`, every user name and password is accepted. */
  readonly use?: readonly Middleware<State>[];
}

const DEFAULT_WAIT_SECONDS = 5;
const LISTENER: ListenerOptions = {
  name: 'test',
  host: '127.0.0.1',
  port: 0,
  auth: 'optional',
  allowInsecureAuth: true,
};

/**
 * Starts a server that accepts all mail and keeps it, for the tests of a program that sends mail.
 *
 * @example
 * await using smtp = await createTestServer();
 * await signUp({ email: 'ann@example.com', mailer: createTransport(smtp.url) });
 * const { text } = await smtp.waitForMail({ to: 'ann@example.com', subject: /welcome/i });
 * expect(text).toContain('/confirm/');
 */
export async function createTestServer<State = AnyState>(
  options: TestServerOptions<State> = {},
): Promise<TestServer<State>> {
  const server = new TestServer<State>(options);
  await server.server.listen();
  return server;
}

/** A server that keeps the mail that it accepts: see `createTestServer`. */
export class TestServer<State = AnyState> implements AsyncDisposable {
  /** For more hooks, `sessions`, `replaceCertificates`, … */
  readonly server: SmtpServer<State>;
  readonly #mailbox = new Mailbox();
  /** By their ids, those that were read and are not accepted yet. */
  readonly #read = new Map<string, TestMail>();

  /** @internal */
  constructor(options: TestServerOptions<State>) {
    const { listener, use = [], observe, ...others } = options;
    this.server = new SmtpServer<State>({
      ...others,
      listeners: [{ ...LISTENER, ...listener }],
      observe: (event) => {
        this.#observe(event);
        observe?.(event);
      },
    });
    this.server.use(...use);
    if (use.every(({ onSignIn }) => onSignIn === undefined)) this.server.onSignIn(() => true);
    this.server.onMail(async (context) => {
      const mail = await read(context);
      if (!context.mail.signal.aborted) this.#read.set(mail.messageId, mail);
    });
  }

  get port(): number {
    return this.server.port;
  }

  get host(): string {
    return this.server.addresses[0]?.address ?? '';
  }

  /** As nodemailer's `createTransport` takes it: `smtp://127.0.0.1:40001`. */
  get url(): string {
    const { host } = this;
    return `smtp://${host.includes(':') ? `[${host}]` : host}:${this.port}`;
  }

  /** The mails accepted so far, in their order; each is there before its sender has its 250. */
  get mails(): readonly TestMail[] {
    return this.#mailbox.mails;
  }

  /**
   * The first mail that matches the filter and was not returned by an earlier call. Resolves at once if it has arrived, else when it arrives.
   * Rejects with a `MailTimeoutError`, which lists the mails that came, after `timeout` seconds (default 5) or when the server is closed.
   *
   * @example
   * const mail = await smtp.waitForMail({ to: 'ann@example.com', subject: /reset/i, timeout: 2 });
   */
  async waitForMail(filter: MailFilter & { readonly timeout?: number } = {}): Promise<TestMail> {
    return this.#mailbox.next(filter, filter.timeout ?? DEFAULT_WAIT_SECONDS);
  }

  /** Forgets the mails that came. */
  clear(): void {
    this.#mailbox.clear();
  }

  /** Ends every session, and every wait. */
  async close(): Promise<void> {
    await this.server.close({ drain: 0 });
    this.#mailbox.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #observe(event: ServerEvent): void {
    if (!('message' in event)) return;
    const { messageId } = event.message;
    const mail = this.#read.get(messageId);
    this.#read.delete(messageId);
    if (mail && event.kind === 'message-accepted') this.#mailbox.add(mail);
  }
}

async function read({ mail, session }: MailContext<unknown>): Promise<TestMail> {
  const chunks: Buffer[] = [];
  for await (const chunk of mail.content) chunks.push(chunk);
  const content = Buffer.concat(chunks);
  // Loaded for the first mail: a test that only refuses does not load it.
  const { simpleParser } = await import('mailparser');
  const parsed = await simpleParser(content);
  const { messageId, envelope, receivedAt } = mail;
  return {
    messageId,
    from: envelope.reversePath?.address ?? '',
    to: envelope.recipients.map(({ forwardPath }) => forwardPath.address),
    subject: parsed.subject,
    text: parsed.text,
    content,
    parsed,
    envelope,
    session: { ...session },
    receivedAt,
  };
}
