// Programs that hand mail on: what they make of a message is theirs, and its text must arrive. Exim is the one of a
// package that is only unpacked, since two mail servers cannot be installed side by side (see .ci/run).
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { missing, runProgram } from '../support/programs.ts';

export interface Mailer {
  readonly name: string;
  /** Why it cannot run here. */
  readonly absence: () => string | undefined;
  /** Sends a mail with this subject and text; the text has LF line ends, as programs on Unix have it. */
  readonly send: (mail: MailerMail) => Promise<void>;
}

export interface MailerMail {
  readonly port: number;
  readonly tls: 'none' | 'starttls' | 'implicit';
  readonly auth?: { readonly username: string; readonly password: string };
  readonly from: string;
  readonly to: string;
  readonly text: string;
}

const EXIM = '/usr/local/lib/exim4/usr/sbin/exim4';
/** The user that Debian's Exim runs as, by the name that is compiled in. */
const EXIM_USER = 'Debian-exim';

async function run(program: string, args: readonly string[], input: string): Promise<void> {
  const { code, output } = await runProgram(program, args, input);
  if (code !== 0) throw new Error(`${program} ended with ${code}:\n${output.slice(-3000)}`);
}

const messageOf = ({ from, to, text }: MailerMail): string =>
  `From: <${from}>\nTo: <${to}>\nSubject: from a program\n\n${text}`;

const msmtp: Mailer = {
  name: 'msmtp',
  absence: () => missing('msmtp'),
  send: (mail) =>
    run(
      'msmtp',
      [
        ...['--host=127.0.0.1', `--port=${mail.port}`, '--domain=client.example', '--timeout=60'],
        ...(mail.tls === 'none' ? ['--tls=off'] : ['--tls=on', '--tls-certcheck=off']),
        ...(mail.tls === 'implicit' ? ['--tls-starttls=off'] : []),
        ...(mail.auth
          ? [
              ...['--auth=plain', `--user=${mail.auth.username}`],
              `--passwordeval=echo '${mail.auth.password}'`,
            ]
          : ['--auth=off']),
        ...[`--from=${mail.from}`, '--', mail.to],
      ],
      messageOf(mail),
    ),
};

const sNail: Mailer = {
  name: 's-nail',
  absence: () => missing('s-nail'),
  send: ({ port, tls, auth, from, to, text }) => {
    const user = auth
      ? `${encodeURIComponent(auth.username)}:${encodeURIComponent(auth.password)}@`
      : '';
    const settings = [
      ...[
        'v15-compat',
        'sendwait',
        'tls-verify=ignore',
        'hostname=client.example',
        'DEAD=/dev/null',
      ],
      `mta=${tls === 'implicit' ? 'smtps' : 'smtp'}://${user}127.0.0.1:${port}`,
      `smtp-auth=${auth ? 'plain' : 'none'}`,
      ...(tls === 'starttls' ? ['smtp-use-starttls'] : []),
    ];
    return run(
      's-nail',
      [
        '-:/',
        ...settings.flatMap((setting) => ['-S', setting]),
        ...['-r', from, '-s', 'from a program', to],
      ],
      text,
    );
  },
};

const exim: Mailer = {
  name: 'exim4',
  absence: () => missing(EXIM) ?? withoutUser(),
  async send(mail) {
    const folder = mkdtempSync(join(tmpdir(), 'mailsluice-exim-'));
    try {
      const spool = join(folder, 'spool');
      mkdirSync(spool);
      const configuration = join(folder, 'exim.conf');
      writeFileSync(configuration, eximConfiguration(spool, mail));
      execFileSync('chown', ['-R', `${EXIM_USER}:${EXIM_USER}`, spool]);
      execFileSync('chmod', ['755', folder]);
      await run(
        EXIM,
        ['-C', configuration, '-odf', '-i', '-f', mail.from, mail.to],
        messageOf(mail),
      );
      // Exim ends with 0 when it has the mail, and keeps what it could not deliver.
      const log = readFileSync(join(spool, 'mainlog'), 'utf8');
      if (!log.includes('Completed')) throw new Error(`Exim did not deliver:\n${log}`);
      if (readdirSync(join(spool, 'input')).length > 0) throw new Error('Exim kept the mail');
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

function withoutUser(): string | undefined {
  try {
    execFileSync('getent', ['passwd', EXIM_USER]);
    return process.getuid?.() === 0 ? undefined : 'Exim needs root';
  } catch {
    return `no user ${EXIM_USER}`;
  }
}

function eximConfiguration(spool: string, { port, tls, auth }: MailerMail): string {
  const secured = {
    none: '  hosts_avoid_tls = *',
    starttls: '  hosts_require_tls = *',
    implicit: '  protocol = smtps',
  }[tls];
  return `primary_hostname = client.example
exim_path = ${EXIM}
exim_user = ${EXIM_USER}
exim_group = ${EXIM_USER}
never_users =
spool_directory = ${spool}
log_file_path = ${spool}/%slog
keep_environment =

begin routers
all:
  driver = manualroute
  transport = out
  route_list = * 127.0.0.1 byname
  self = send

begin transports
out:
  driver = smtp
  port = ${port}
  allow_localhost
  tls_verify_hosts =
  tls_try_verify_hosts =
${secured}
${auth ? '  hosts_require_auth = *' : ''}

begin retry

begin authenticators
${
  auth
    ? `plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^${auth.username}^${auth.password}`
    : ''
}
`;
}

export const mailers: readonly Mailer[] = [msmtp, sNail, exim];
