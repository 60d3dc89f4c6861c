// For end-to-end tests of programs that send mail to `mailsluice local`: three functions over the API of its page.
import { MailTimeoutError } from './errors.ts';

/** Where the page is. */
export interface LocalPage {
  /** Default: the environment variable `MAILSLUICE_PAGE`, or `http://127.0.0.1:8025`. */
  readonly page?: string;
}

/** Which mail `waitForMail` waits for. */
export interface LocalMailFilter extends LocalPage {
  /** An address of the envelope, without regard to case. */
  readonly to: string;
  /** A part of the subject, without regard to case. */
  readonly subject?: string;
  /** The id of a mail: only mails that came later. */
  readonly after?: string;
  /** Whole seconds, 0 to 300. Default 30. */
  readonly timeout?: number;
}

/** An attachment, or another part that is not shown as the text of the mail. */
export interface LocalAttachment {
  /** As the sender named it: it can be a path. Absent where it has no name. */
  readonly filename?: string;
  readonly contentType: string;
  readonly sizeInOctets: number;
  /** Its octets, decoded. */
  read(): Promise<Buffer>;
}

/** A mail that `mailsluice local` has stored and announced. */
export interface LocalMail {
  /** The messageId. */
  readonly id: string;
  readonly receivedAt: Date;
  /** The reverse-path; `''` for the null reverse-path. */
  readonly source: string;
  /** The From field as it is shown; `''` where there is none. */
  readonly from: string;
  /** The forward-paths of the envelope. */
  readonly recipients: readonly string[];
  readonly subject: string;
  /** `''` where the mail has no text/plain part. */
  readonly text: string;
  /** `''` where the mail has no text/html part. */
  readonly html: string;
  /** In their order, the trace headers first; encoded words are decoded. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly attachments: readonly LocalAttachment[];
  /** What the subscribers of the topic got: Amazon SES's notification. */
  readonly notification: unknown;
}

/**
 * Waits for a mail to an address, and reads it: one that is there, or else the first that comes. Throws a
 * `MailTimeoutError` where none comes in time.
 *
 * @example
 * await signUp('ann@example.com');
 * const { text } = await waitForMail({ to: 'ann@example.com', subject: 'Welcome' });
 */
export async function waitForMail(filter: LocalMailFilter): Promise<LocalMail> {
  const { to, subject, after, timeout = 30, page } = filter;
  const query = new URLSearchParams({ to, timeout: String(timeout) });
  if (subject !== undefined) query.set('subject', subject);
  if (after !== undefined) query.set('after', after);
  const response = await fetch(`${addressOf(page)}/api/wait?${query.toString()}`);
  if (response.status === 408) {
    await response.body?.cancel();
    const meant = subject === undefined ? '' : `, subject "${subject}"`;
    throw new MailTimeoutError(`expected a mail to "${to}"${meant} within ${timeout} s, got none`);
  }
  const { id } = await bodyOf<{ readonly id: string }>(response);
  return readMail(id, { ...(page !== undefined && { page }) });
}

/**
 * Reads one mail by its id. Throws where there is none.
 *
 * @example
 * const { attachments } = await readMail(id);
 */
export async function readMail(id: string, { page }: LocalPage = {}): Promise<LocalMail> {
  const mail = `${addressOf(page)}/api/mails/${encodeURIComponent(id)}`;
  const { text, hasHtml, receivedAt, attachments, ...rest } = await bodyOf<Detail>(
    await fetch(mail),
  );
  const { source, from, recipients, subject, headers, notification } = rest;
  return {
    ...{ id, source, from, recipients, subject, headers, notification },
    receivedAt: new Date(receivedAt),
    text: text ?? '',
    html: hasHtml ? await (await checked(await fetch(`${mail}/html`))).text() : '',
    attachments: attachments.map(({ number, filename, contentType, sizeInOctets }) => ({
      ...(filename !== undefined && { filename }),
      ...{ contentType, sizeInOctets },
      read: async () => {
        const part = await checked(await fetch(`${mail}/parts/${encodeURIComponent(number)}?save`));
        return Buffer.from(await part.arrayBuffer());
      },
    })),
  };
}

/**
 * Deletes all mails and their objects, between two tests.
 *
 * @example
 * beforeEach(() => clearMails());
 */
export async function clearMails({ page }: LocalPage = {}): Promise<void> {
  await bodyOf(await fetch(`${addressOf(page)}/api/mails`, { method: 'DELETE' }));
}

/** What is read of the API's answer. */
interface Detail extends Omit<LocalMail, 'receivedAt' | 'text' | 'html' | 'attachments'> {
  readonly receivedAt: string;
  readonly text: string | null;
  readonly hasHtml: boolean;
  readonly attachments: readonly {
    readonly number: string;
    readonly filename?: string;
    readonly contentType: string;
    readonly sizeInOctets: number;
  }[];
}

function addressOf(page: string | undefined): string {
  const address = page ?? process.env['MAILSLUICE_PAGE'] ?? 'http://127.0.0.1:8025';
  return address.replace(/\/+$/, '');
}

async function bodyOf<T>(response: Response): Promise<T> {
  return (await (await checked(response)).json()) as T;
}

async function checked(response: Response): Promise<Response> {
  if (response.ok) return response;
  const { error } = (await response.json()) as { readonly error: string };
  throw new Error(`the page answered ${response.status}: ${error}`);
}
