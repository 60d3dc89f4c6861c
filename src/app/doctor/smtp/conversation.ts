// One conversation with one port: greeting, EHLO, TLS, EHLO again, MAIL, RCPT. It never sends a message.
import type { Role } from '../subject.ts';
import { type CertificateFacts, readCertificate } from './certificate.ts';
import {
  type ConnectionOptions,
  type Heard,
  isPositive,
  type Silence,
  SmtpConnection,
  type TlsOptions,
} from './connection.ts';

export interface ConversationOptions extends ConnectionOptions, TlsOptions {
  readonly role: Role;
  /** The forward-paths of RCPT commands, asked one after the other. */
  readonly recipients: readonly string[];
}

/** What was heard, as far as the conversation came. */
export interface Conversation {
  /** No connection at all. */
  readonly refused?: Silence;
  readonly greeting?: Heard;
  /** In the clear; not with implicit TLS. */
  readonly plainEhlo?: Heard;
  readonly startTls?: Heard;
  readonly handshake?: Silence;
  readonly certificate?: CertificateFacts;
  readonly ehlo?: Heard;
  readonly sender?: Heard;
  readonly recipients?: readonly { readonly recipient: string; readonly reply: Heard }[];
}

/** The name in EHLO: the address literal of no host in particular would be refused by some. */
export const EHLO = 'EHLO doctor.mailsluice.invalid';

/** Talks to the port as far as it goes. */
export async function converse(options: ConversationOptions): Promise<Conversation> {
  const heard: { -readonly [K in keyof Conversation]: Conversation[K] } = {};
  const connection = await SmtpConnection.open(options);
  if ('kind' in connection) return { refused: connection };
  try {
    await talk(connection, options, heard);
  } finally {
    connection.close();
  }
  return heard;
}

async function talk(
  connection: SmtpConnection,
  options: ConversationOptions,
  heard: { -readonly [K in keyof Conversation]: Conversation[K] },
): Promise<void> {
  if (options.role === 'smtps' && !(await secure(connection, options, heard))) return;
  heard.greeting = await connection.reply();
  if (!isPositive(heard.greeting)) return;
  if (options.role !== 'smtps') {
    heard.plainEhlo = await connection.say(EHLO);
    if (!isPositive(heard.plainEhlo)) return;
    if (keywordsOf(heard.plainEhlo).includes('STARTTLS')) {
      heard.startTls = await connection.say('STARTTLS');
      if (!isPositive(heard.startTls)) return;
      if (!(await secure(connection, options, heard))) return;
    }
  }
  // Without TLS, the reply in the clear is the one that counts.
  heard.ehlo =
    heard.certificate === undefined && heard.plainEhlo !== undefined
      ? heard.plainEhlo
      : await connection.say(EHLO);
  if (!isPositive(heard.ehlo)) return;
  heard.sender = await connection.say('MAIL FROM:<>');
  if (!isPositive(heard.sender)) return;
  const recipients: { recipient: string; reply: Heard }[] = [];
  heard.recipients = recipients;
  for (const recipient of options.recipients) {
    const reply = await connection.say(`RCPT TO:<${recipient}>`);
    recipients.push({ recipient, reply });
    if (reply.kind === 'silence' || reply.code === 421) return;
  }
  await connection.say('RSET');
}

async function secure(
  connection: SmtpConnection,
  options: ConversationOptions,
  heard: { -readonly [K in keyof Conversation]: Conversation[K] },
): Promise<boolean> {
  const socket = await connection.secure(options);
  if ('kind' in socket) {
    heard.handshake = socket;
    return false;
  }
  const certificate = readCertificate(socket, options.host);
  if (certificate !== undefined) heard.certificate = certificate;
  return true;
}

/** The keywords of a reply to EHLO, in capitals. Its first line is the name of the server. */
export function keywordsOf(heard: Heard | undefined): string[] {
  if (heard?.kind !== 'reply') return [];
  return heard.lines.slice(1).map((line) => (line.split(' ')[0] ?? '').toUpperCase());
}
