// Signs in with a credential, over TLS that is verified: a password goes to nobody else.
import { type Finding, ok, shown } from '../finding.ts';
import type { Role } from '../subject.ts';
import { isTrusted, readCertificate } from './certificate.ts';
import {
  type ConnectionOptions,
  type Heard,
  heardText,
  isPositive,
  SmtpConnection,
  type TlsOptions,
} from './connection.ts';
import { EHLO, keywordsOf } from './conversation.ts';

export interface Credential {
  readonly username: string;
  readonly password: string;
}

export interface SignInOptions extends ConnectionOptions, TlsOptions {
  readonly role: Role;
  readonly credential: Credential;
}

/** A connection that is signed in, or why there is none. */
export type SignedIn = SmtpConnection | Finding;

export async function checkSignIn(options: SignInOptions): Promise<Finding[]> {
  const signedIn = await signIn(options);
  if (!(signedIn instanceof SmtpConnection)) return [signedIn];
  signedIn.close();
  return [ok(`${options.credential.username} signs in on port ${options.port}`)];
}

/** The caller closes the connection. */
export async function signIn(options: SignInOptions): Promise<SignedIn> {
  const { port } = options;
  const connection = await SmtpConnection.open(options);
  if ('kind' in connection) {
    return untested(`port ${port} cannot be reached from here: ${shown(connection.reason)}`);
  }
  const failure = await authenticate(connection, options);
  if (failure === undefined) return connection;
  connection.close();
  return failure;
}

async function authenticate(
  connection: SmtpConnection,
  options: SignInOptions,
): Promise<Finding | undefined> {
  const { role, host, port, credential } = options;
  const dialogue = (heard: Heard): Finding =>
    untested(`port ${port} answered: ${shown(heardText(heard))}`);
  if (role !== 'smtps') {
    const greeting = await connection.reply();
    if (!isPositive(greeting)) return dialogue(greeting);
    const plain = await connection.say(EHLO);
    if (!isPositive(plain)) return dialogue(plain);
    const startTls = await connection.say('STARTTLS');
    if (!isPositive(startTls)) return dialogue(startTls);
  }
  const socket = await connection.secure(options);
  if ('kind' in socket) return untested(`TLS fails on port ${port}: ${shown(socket.reason)}`);
  const certificate = readCertificate(socket, host);
  if (certificate === undefined || !isTrusted(certificate)) {
    return untested(
      `the certificate of port ${port} is not trusted, so the password would go to an unknown server`,
      'give the CA, or the self-signed certificate itself, by --ca-file FILE',
    );
  }
  if (role === 'smtps') {
    const greeting = await connection.reply();
    if (!isPositive(greeting)) return dialogue(greeting);
  }
  const ehlo = await connection.say(EHLO);
  if (!keywordsOf(ehlo).includes('AUTH')) {
    return untested(`port ${port} offers no sign-in`);
  }
  const response = Buffer.from(`\0${credential.username}\0${credential.password}`);
  const reply = await connection.say(`AUTH PLAIN ${response.toString('base64')}`);
  if (reply.kind === 'reply' && reply.code === 235) return undefined;
  return refused(credential.username, port, reply);
}

function refused(username: string, port: number, reply: Heard): Finding {
  const isTemporary = reply.kind === 'silence' || reply.code < 500;
  return {
    level: 'failed',
    found: `${username} cannot sign in on port ${port}: ${shown(heardText(reply))}`,
    why: isTemporary
      ? 'nobody can sign in while the credential table does not answer'
      : 'the user name or the password is wrong, the credential is disabled or expired, or may not sign in from here',
    fix: isTemporary
      ? 'look at the alarm AuthBackendErrors in infra/RUNBOOK.md'
      : `mailsluice credentials show ${username} --table TABLE`,
  };
}

function untested(found: string, fix = 'mend what the other checks find first'): Finding {
  return {
    level: 'unknown',
    found: `sign-in was not tested: ${found}`,
    why: 'whether users can sign in is not known',
    fix,
  };
}
