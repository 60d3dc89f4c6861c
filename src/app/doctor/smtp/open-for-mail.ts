import { type Finding, shown } from '../finding.ts';
import type { Subject } from '../subject.ts';
import { type Credential, signIn } from './check-sign-in.ts';
import { heardText, isPositive, SmtpConnection, type TlsOptions } from './connection.ts';
import { EHLO, keywordsOf } from './conversation.ts';

export interface OpenForMailOptions extends TlsOptions {
  readonly address: string;
  readonly ports: Subject['ports'];
  readonly credential?: Credential;
  readonly timeoutMillis: number;
  readonly signal: AbortSignal;
}

/** A connection on which a mail can begin: as another server on the port of the MX, else signed in. */
export async function openForMail(options: OpenForMailOptions): Promise<SmtpConnection | Finding> {
  const { ports, credential } = options;
  const reasons: string[] = [];
  if (ports.mx !== undefined) {
    const connection = await openAsServer(options, ports.mx);
    if (connection instanceof SmtpConnection) return connection;
    reasons.push(`port ${ports.mx}: ${connection}`);
  }
  const role = ports.smtps === undefined ? 'submission' : 'smtps';
  const port = ports[role];
  if (credential !== undefined && port !== undefined) {
    const signedIn = await signIn({ ...options, role, port, credential });
    if (signedIn instanceof SmtpConnection) return signedIn;
    reasons.push(signedIn.found);
  }
  return {
    level: 'unknown',
    found: `no test mail could be sent from here: ${reasons.join('; ') || 'there is no port for it'}`,
    why: 'no mail could be followed into S3 and SNS',
    fix: 'give a credential by --user NAME --password-file FILE, or run the same command in another network',
  };
}

async function openAsServer(
  options: OpenForMailOptions,
  port: number,
): Promise<SmtpConnection | string> {
  const connection = await SmtpConnection.open({ ...options, port });
  if ('kind' in connection) return shown(connection.reason);
  const fault = await greet(connection, options);
  if (fault === undefined) return connection;
  connection.close();
  return shown(fault);
}

/** What went wrong, if anything did. TLS is used where it is offered, on whatever certificate. */
async function greet(connection: SmtpConnection, tls: TlsOptions): Promise<string | undefined> {
  const greeting = await connection.reply();
  if (!isPositive(greeting)) return heardText(greeting);
  const plain = await connection.say(EHLO);
  if (!isPositive(plain)) return heardText(plain);
  if (!keywordsOf(plain).includes('STARTTLS')) return undefined;
  const startTls = await connection.say('STARTTLS');
  if (!isPositive(startTls)) return heardText(startTls);
  const socket = await connection.secure(tls);
  if ('kind' in socket) return socket.reason;
  const ehlo = await connection.say(EHLO);
  return isPositive(ehlo) ? undefined : heardText(ehlo);
}
