// The mails that the page sends on request, through the server's own ports as any client would.
import { isPositive, heardText, SmtpConnection, type Heard } from '../../doctor/smtp/connection.ts';
import { TEST_MAILS, type TestMailKind } from './shapes.ts';

export { TEST_MAILS };

export interface TestMail {
  readonly kind: TestMailKind;
  readonly from: string;
  readonly to: string;
  readonly subject: string;
}

/** A port of the server. */
export interface Door {
  readonly host: string;
  readonly port: number;
  readonly tls: 'none' | 'starttls' | 'implicit';
  readonly auth: 'none' | 'optional' | 'required';
}

export interface Credential {
  readonly username: string;
  readonly password: string;
}

export type SendOutcome =
  | { readonly ok: true; readonly reply: string; readonly messageId?: string }
  /** What the server said, or why there is nothing that it said. */
  | { readonly ok: false; readonly reply: string };

const TIMEOUT_MILLIS = 30_000;
/** More than one part of a multipart upload. */
const LARGE_OCTETS = 12 * 1024 * 1024;

/** Sends it by the first port that takes it. */
export async function sendTestMail(
  mail: TestMail,
  doors: readonly Door[],
  credential: Credential,
): Promise<SendOutcome> {
  const signsIn = mail.kind === 'signed-in';
  const door = doors.find(({ auth, tls }) =>
    signsIn ? auth !== 'none' : auth !== 'required' && tls !== 'implicit',
  );
  if (door === undefined) {
    const wanted = signsIn ? 'where clients can sign in' : 'without sign-in';
    return { ok: false, reply: `no listener ${wanted} is configured` };
  }
  const controller = new AbortController();
  const connection = await SmtpConnection.open({
    address: door.host === '0.0.0.0' || door.host === '::' ? '127.0.0.1' : door.host,
    port: door.port,
    timeoutMillis: TIMEOUT_MILLIS,
    signal: controller.signal,
  });
  if ('kind' in connection) return { ok: false, reply: connection.reason };
  try {
    return await send(connection, mail, door, signsIn ? credential : undefined);
  } finally {
    connection.close();
  }
}

const EHLO = 'EHLO page.mailsluice.invalid';

async function send(
  connection: SmtpConnection,
  mail: TestMail,
  door: Door,
  credential: Credential | undefined,
): Promise<SendOutcome> {
  const secure = async (): Promise<Heard | undefined> => {
    const secured = await connection.secure({ host: 'localhost' });
    return 'kind' in secured ? secured : undefined;
  };
  const steps: (() => Promise<Heard | undefined>)[] = [
    async () => (door.tls === 'implicit' ? secure() : undefined),
    () => connection.reply(),
    () => connection.say(EHLO),
  ];
  if (credential !== undefined) {
    if (door.tls === 'starttls') {
      steps.push(
        () => connection.say('STARTTLS'),
        secure,
        () => connection.say(EHLO),
      );
    }
    const { username, password } = credential;
    const response = Buffer.from(`\0${username}\0${password}`).toString('base64');
    steps.push(() => connection.say(`AUTH PLAIN ${response}`));
  }
  steps.push(
    () => connection.say(`MAIL FROM:<${mail.from}>`),
    () => connection.say(`RCPT TO:<${mail.to}>`),
  );
  for (const step of steps) {
    const heard = await step();
    if (heard !== undefined && !isPositive(heard)) return { ok: false, reply: heardText(heard) };
  }
  const go = await connection.say('DATA');
  if (go.kind !== 'reply' || go.code !== 354) return { ok: false, reply: heardText(go) };
  connection.write(`${stuff(compose(mail))}.\r\n`);
  const heard = await connection.reply();
  const reply = heardText(heard);
  if (!isPositive(heard)) return { ok: false, reply };
  const [, messageId] = /queued as (\w+)/.exec(reply) ?? [];
  return { ok: true, reply, ...(messageId !== undefined && { messageId }) };
}

/** RFC 5321 section 4.5.2. */
function stuff(message: string): string {
  return message.replace(/^\./gm, '..');
}

const TEXT = 'This is a test mail from the page of mailsluice local.\r\n\r\nGrüße, 你好, שלום.\r\n';
const HTML = `<!doctype html><html><body style="font-family:sans-serif">
<h1 style="color:#0b6bcb">A test mail</h1><p>This is the <b>HTML</b> of a test mail. <a href="https://example.com/">A link</a>.</p>
<table border="1" cellpadding="6"><tr><th>Part</th><th>What it is</th></tr><tr><td>1</td><td>text</td></tr><tr><td>2</td><td>HTML</td></tr></table>
</body></html>`.replaceAll('\n', '\r\n');

function compose({ kind, from, to, subject }: TestMail): string {
  const head = [
    `From: <${from}>`,
    `To: <${to}>`,
    `Subject: =?utf-8?B?${Buffer.from(subject).toString('base64')}?=`,
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${crypto.randomUUID()}@page.mailsluice.invalid>`,
    'MIME-Version: 1.0',
  ];
  const text = part('text/plain; charset=utf-8', Buffer.from(TEXT));
  switch (kind) {
    case 'plain':
    case 'signed-in':
      return [...head, text].join('\r\n');
    case 'html':
      return multipart(head, 'alternative', [
        text,
        part('text/html; charset=utf-8', Buffer.from(HTML)),
      ]);
    case 'attachment':
      return multipart(head, 'mixed', [
        text,
        part('text/csv; charset=utf-8', Buffer.from('item,count\r\npears,3\r\n'), 'fruit.csv'),
        part('image/png', PNG, 'square.png'),
      ]);
    case 'large':
      return multipart(head, 'mixed', [
        text,
        part('application/octet-stream', Buffer.alloc(LARGE_OCTETS, 'mail'), 'large.bin'),
      ]);
  }
}

const BOUNDARY = 'mailsluice-test-boundary';

function multipart(head: readonly string[], subtype: string, parts: readonly string[]): string {
  return [
    ...head,
    `Content-Type: multipart/${subtype}; boundary="${BOUNDARY}"`,
    '',
    ...parts.flatMap((each) => [`--${BOUNDARY}`, each]),
    `--${BOUNDARY}--`,
    '',
  ].join('\r\n');
}

function part(contentType: string, content: Buffer, filename?: string): string {
  const lines = content.toString('base64').replace(/.{76}/g, '$&\r\n');
  return [
    `Content-Type: ${contentType}`,
    'Content-Transfer-Encoding: base64',
    ...(filename === undefined ? [] : [`Content-Disposition: attachment; filename="${filename}"`]),
    '',
    lines,
    '',
  ].join('\r\n');
}

/** Eight by eight, blue. */
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mPgzj6NFTEMLQkAK5lQQXEQr6kAAAAASUVORK5CYII=',
  'base64',
);
