import type { ParsedMail } from 'mailparser';
import type { Envelope, SessionFacts } from '../smtp/index.ts';

/** One mail that a test server accepted. */
export interface TestMail {
  readonly messageId: string;
  /** The address of the reverse-path; `''` for a bounce. */
  readonly from: string;
  /** The addresses of the recipients, as the client wrote them. */
  readonly to: readonly string[];
  readonly subject: string | undefined;
  readonly text: string | undefined;
  /** The message, octet for octet. */
  readonly content: Buffer;
  /** All that mailparser found in it. */
  readonly parsed: ParsedMail;
  readonly envelope: Envelope;
  /** As it was when the mail came. */
  readonly session: SessionFacts;
  readonly receivedAt: Date;
}

/** Selects a mail. A string must be equal (addresses: ignoring case), a regular expression must match. Default: any mail. */
export interface MailFilter {
  /** One of the recipients. */
  readonly to?: string | RegExp;
  readonly from?: string | RegExp;
  readonly subject?: string | RegExp;
}

export function isMeant(mail: TestMail, { to, from, subject }: MailFilter): boolean {
  return (
    (to === undefined || mail.to.some((address) => isAddress(address, to))) &&
    (from === undefined || isAddress(mail.from, from)) &&
    (subject === undefined || isText(mail.subject ?? '', subject))
  );
}

function isAddress(address: string, wanted: string | RegExp): boolean {
  return typeof wanted === 'string'
    ? address.toLowerCase() === wanted.toLowerCase()
    : isText(address, wanted);
}

/** Not `test`, which remembers in a pattern with the flag g where it was. */
function isText(text: string, wanted: string | RegExp): boolean {
  return typeof wanted === 'string' ? text === wanted : text.search(wanted) !== -1;
}

export function renderFilter(filter: MailFilter): string {
  const parts = (['from', 'to', 'subject'] as const).flatMap((name) => {
    const wanted = filter[name];
    return wanted === undefined ? [] : [` ${name} ${render(wanted)}`];
  });
  return `a mail${parts.join(',')}`;
}

export function renderMail({ from, to, subject }: TestMail): string {
  return `from ${render(from)} to ${to.map(render).join(', ')}, subject ${render(subject ?? '')}`;
}

function render(value: string | RegExp): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
