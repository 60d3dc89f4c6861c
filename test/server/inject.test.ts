// Sessions without a socket: what `inject` says and hears.
import { describe, expect, test } from 'vitest';
import { type ServerOptions, SmtpServer } from '../../src/server/index.ts';
import { makeCertificate } from '../support/certificates.ts';
import { EventLog } from '../support/events.ts';

const on = (more: object): ServerOptions => ({
  listeners: [{ name: 'in', listens: false, ...more }],
});
const TO_DATA = ['EHLO c', 'MAIL FROM:<a@b.example>', 'RCPT TO:<c@d.example>', 'DATA'];

/** A server that does not listen, and the mails that it got. */
function make(options: ServerOptions = {}): { server: SmtpServer; mails: string[]; log: EventLog } {
  const log = new EventLog();
  const server = new SmtpServer({ observe: log.observe, nextMessageId: () => 'id', ...options });
  const mails: string[] = [];
  server.onMail(async ({ mail }) => {
    const chunks: Buffer[] = [];
    for await (const chunk of mail.content) chunks.push(chunk);
    mails.push(Buffer.concat(chunks).toString());
  });
  return { server, mails, log };
}

describe('inject', () => {
  test('a script is said command by command, and each has its reply', async () => {
    const { server, mails, log } = make();
    const closed: string[] = [];
    server
      .onRecipient(({ forwardPath, reply }) =>
        forwardPath.address === 'no@d.example' ? reply(550, '1.1', 'No such mailbox') : undefined,
      )
      .onClose(({ session }) => void closed.push(session.clientDomain));
    const transcript = await server.inject([
      ...TO_DATA.slice(0, 3),
      'RCPT TO:<no@d.example>',
      'DATA',
      'Subject: hi',
      '',
      '..dots',
      '.',
      'QUIT',
    ]);
    expect(transcript.greeting).toEqual({ code: 220, text: 'localhost ESMTP' });
    expect(
      transcript.commands.map(({ command, replies }) => [command, replies.map(({ code }) => code)]),
    ).toEqual([
      ['EHLO c', [250]],
      ['MAIL FROM:<a@b.example>', [250]],
      ['RCPT TO:<c@d.example>', [250]],
      ['RCPT TO:<no@d.example>', [550]],
      ['DATA', [354]],
      ['Subject: hi\r\n\r\n..dots\r\n.', [250]],
      ['QUIT', [221]],
    ]);
    expect(transcript.commands[3]?.replies).toEqual([
      { code: 550, status: '5.1.1', text: 'No such mailbox' },
    ]);
    expect(transcript.replies.length).toBe(8);
    expect(transcript.text).toMatch(/^220 localhost ESMTP\r\n250-localhost\r\n[^]*\r\n221 /);
    expect([mails, closed]).toEqual([['Subject: hi\r\n\r\n.dots\r\n'], ['c']]);
    expect(log.of('connection-closed')).toMatchObject([{ peer: { clientAddress: '127.0.0.1' } }]);
    await server.close();
  });

  test.each([
    ['as one text', `${TO_DATA.join('\n')}\nhi\n.\nQUIT\n`],
    ['in an array, the message as one', [...TO_DATA, 'hi\n.', 'QUIT']],
    ['without its last dot', [...TO_DATA, 'hi\r\n']],
    ['in a chunk', [...TO_DATA.slice(0, 3), 'BDAT 4 LAST\r\nhi\r\n', 'QUIT']],
    ['as octets', Buffer.from(`${TO_DATA.join('\r\n')}\r\nhi\r\n.\r\nQUIT\r\n`)],
  ])('a message may be given %s', async (_, script) => {
    const { server, mails } = make();
    const { replies, commands } = await server.inject(script);
    expect(mails).toEqual(['hi\r\n']);
    expect(replies.some(({ text }) => text === 'Ok: queued as id')).toBe(true);
    if (script instanceof Uint8Array) expect([commands, replies.length]).toEqual([[], 7]);
    await server.close();
  });

  test('a script ends with the session, and a session with its script', async () => {
    const { server, log } = make();
    const { commands } = await server.inject(['QUIT', 'NOOP']);
    expect(commands.map(({ replies }) => replies.length)).toEqual([1, 0]);
    expect((await server.inject('')).replies.length).toBe(1);
    expect((await server.inject(TO_DATA.slice(0, 2))).replies.length).toBe(3);
    expect(log.of('connection-closed').map(({ cause }) => cause)).toEqual([
      'ended',
      'lost',
      'lost',
    ]);
    server.onConnect(({ reply }) => reply(554, '7.1', 'Go away'));
    expect(await server.inject(['EHLO c'])).toEqual({
      greeting: { code: 554, status: '5.7.1', text: 'Go away' },
      commands: [],
      replies: [{ code: 554, status: '5.7.1', text: 'Go away' }],
      text: '554 5.7.1 Go away\r\n',
    });
    await server.close();
    expect(await server.inject(['EHLO c'])).toEqual({ commands: [], replies: [], text: '' });
  });

  test('a message on an LMTP listener has a reply for each recipient', async () => {
    const { server } = make(on({ protocol: 'lmtp' }));
    server.onMail(() => ({
      'c@d.example': { code: 250, text: 'Here' },
      'e@d.example': { code: 452, text: 'Full' },
    }));
    const { commands } = await server.inject([
      ...['LHLO c', 'MAIL FROM:<>', 'RCPT TO:<c@d.example>', 'RCPT TO:<e@d.example>', 'DATA'],
      ...['hi', '.', 'QUIT'],
    ]);
    expect(commands.slice(-2).map(({ replies }) => replies.map(({ text }) => text))).toEqual([
      ['Here', 'Full'],
      ['Closing connection'].map(() => expect.stringContaining('Closing connection')),
    ]);
    await server.close();
  });

  test('sign-in works over several steps, and on a listener with implicit TLS the session is secured', async () => {
    const { server } = make({
      ...on({ tls: 'implicit', auth: 'required', clientAddress: 'proxy', trustedProxies: ['::1'] }),
      tls: { certificates: [await makeCertificate()] },
    });
    const seen: unknown[] = [];
    server
      .onSignIn(({ attempt }) => attempt.kind === 'password' && attempt.password.reveal() === 'pw')
      .onSender(({ session }) => void seen.push([session.clientAddress, session.tls?.version]));
    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    const script = ['EHLO c', 'AUTH LOGIN', base64('ann'), base64('pw'), 'MAIL FROM:<a@b.example>'];
    const { commands } = await server.inject(script, { clientAddress: '192.0.2.9' });
    expect(commands.map(({ replies }) => replies[0]?.code)).toEqual([250, 334, 334, 235, 250]);
    expect(seen).toEqual([['192.0.2.9', 'TLSv1.3']]);
    await server.close();
  });

  test('many sessions at once, while the server listens too', async () => {
    const { server, mails } = make();
    await server.listen();
    const all = await Promise.all(
      Array.from({ length: 50 }, async () => server.inject([...TO_DATA, 'hi', '.', 'QUIT'])),
    );
    expect(all.every(({ replies }) => replies.at(-1)?.code === 221)).toBe(true);
    expect([mails.length, server.connections]).toEqual([50, 0]);
    await server.close();
  });

  test.each<[unknown, unknown, string]>([
    [5, {}, 'inject(): script: expected a text, an array of texts, or octets, got 5'],
    [[5], {}, 'inject(): script: expected a text, an array of texts, or octets, got [5]'],
    ['', { listener: 'mx' }, 'inject(): listener: expected one of smtp, got "mx"'],
    ['', { port: 25 }, 'inject(): options.port: expected no such option, got 25'],
  ])('inject(%j, %j) is refused', async (script, options, message) => {
    const { server } = make();
    await expect(server.inject(script as string, options as object)).rejects.toMatchObject({
      code: 'MAILSLUICE_OPTIONS_INVALID',
      message,
    });
  });
});
