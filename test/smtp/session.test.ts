// What of the session a transcript cannot say: facts, questions, bounds, notes and order.
import { expect, test } from 'vitest';
import {
  type Answer,
  type Output,
  type Question,
  type Reply,
  type Session,
  type SessionOptions,
  renderReply,
} from '../../src/smtp/index.ts';
import { GREETED, transactionOf } from '../../src/smtp/state.ts';
import { connection, newSession } from '../support/session.ts';
import { TLS } from '../support/transcript.ts';

function send(session: Session, ...lines: string[]): Output[] {
  return session.receive(Buffer.from(lines.map((line) => `${line}\r\n`).join('')));
}

function questionIn(outputs: readonly Output[]): Question | undefined {
  return outputs.find((output) => output.kind === 'ask')?.question;
}

const accept: Answer = { kind: 'accept' };

/** Says lines and accepts whatever is asked; all the outputs, in order. */
function converse(session: Session, ...lines: string[]): Output[] {
  const all: Output[] = send(session, ...lines);
  for (let turn = all; questionIn(turn) !== undefined; ) {
    turn = session.answer(accept);
    all.push(...turn);
  }
  return all;
}

function started(options: Partial<SessionOptions> = {}): Session {
  const session = newSession(options);
  session.begin();
  return session;
}

function said(outputs: readonly Output[]): string {
  return outputs.map((output) => (output.kind === 'send' ? output.text : '')).join('');
}

const kindsOf = (outputs: readonly Output[]): string[] => outputs.map(({ kind }) => kind);

test('the facts follow the session, and are the same object all the time', () => {
  const session = started({ tls: 'starttls', auth: 'optional' });
  const first = session.facts;
  expect(first).toEqual({
    ...connection,
    clientDomain: '',
    protocol: 'SMTP',
    tls: null,
    identity: null,
  });
  converse(session, 'NOOP');
  expect(session.facts).toBe(first);
  converse(session, 'HELO old.example');
  expect(session.facts).toMatchObject({ clientDomain: 'old.example', protocol: 'SMTP' });
  converse(session, 'EHLO client.example');
  expect(session.facts).toMatchObject({ clientDomain: 'client.example', protocol: 'ESMTP' });
  send(session, 'STARTTLS');
  session.secured(TLS);
  expect(session.facts).toMatchObject({ clientDomain: '', protocol: 'SMTP', tls: TLS });
  converse(session, 'EHLO client.example');
  send(session, `AUTH PLAIN ${Buffer.from('\0user\0pass').toString('base64')}`);
  session.answer({ kind: 'accept', identity: { username: 'user', mechanism: 'PLAIN' } });
  expect(session.facts.identity).toEqual({ username: 'user', mechanism: 'PLAIN' });
  // EHLO again does not sign out (RFC 4954 section 4).
  converse(session, 'EHLO client.example');
  expect(session.facts.identity?.username).toBe('user');
  expect(session.facts).toBe(first);
});

test('a snapshot of the facts is the same object until one changes, and then stays as it was', () => {
  const session = started();
  converse(session, 'EHLO one.example');
  const one = session.snapshot;
  converse(session, 'NOOP');
  expect(session.snapshot).toBe(one);
  converse(session, 'EHLO two.example');
  expect(one.clientDomain).toBe('one.example');
  expect(session.snapshot.clientDomain).toBe('two.example');
});

test('what a PROXY header told is a fact, and stays one', () => {
  const proxy = { address: '10.0.0.1', tlvs: [{ type: 0xea, value: Buffer.from('vpce-1') }] };
  const session = newSession({ tls: 'starttls' }, { proxy });
  session.begin();
  converse(session, 'EHLO client.example', 'STARTTLS');
  session.secured(TLS);
  expect(session.facts.proxy).toEqual(proxy);
});

test('the facts name LMTP as the protocol, in the clear and under TLS', () => {
  const session = started({ protocol: 'lmtp', tls: 'starttls' });
  converse(session, 'LHLO client.example');
  expect(session.facts.protocol).toBe('LMTP');
  send(session, 'STARTTLS');
  expect(session.facts.protocol).toBe('LMTP');
});

test.each([
  ['the sender', '<ä@x.test>', '<b@x.test>', true],
  ['a recipient', '<>', '<b@ä.test>', true],
  ['neither', '<a@x.test>', '<b@x.test>', undefined],
  // A source route is dropped.
  ['a source route', '<@ä.test:a@x.test>', '<b@x.test>', undefined],
  ['the sender, with SMTPUTF8,', '<ä@x.test> SMTPUTF8', '<ä@x.test>', undefined],
])('the envelope says that %s is not ASCII without SMTPUTF8', (_, sender, recipient, noted) => {
  const session = started();
  converse(session, 'EHLO client.example', `MAIL FROM:${sender}`, `RCPT TO:${recipient}`);
  const question = questionIn(send(session, 'DATA'));
  if (question?.kind !== 'open-message') throw new Error('expected a message to be opened');
  expect(question.envelope.undeclaredUtf8).toBe(noted);
});

test('the last parameters of a kind count, and AUTH means <> where nobody can sign in', () => {
  const session = started({ dsn: true });
  converse(session, 'EHLO client.example');
  const mail = 'MAIL FROM:<a@x.test> SIZE=1 SIZE=2 ENVID=a=b+3d AUTH=c@x.test';
  expect(questionIn(send(session, mail))).toMatchObject({
    parameters: { size: 2, envid: 'a=b=', auth: null },
  });
  session.answer(accept);
  const rcpt = 'RCPT TO:<b@x.test> NOTIFY=FAILURE,failure, ORCPT=utf-8;ä+3db=c';
  expect(questionIn(send(session, rcpt))).toMatchObject({
    parameters: { notify: ['FAILURE'], orcpt: { addressType: 'utf-8', address: 'ä=b=c' } },
  });
});

test('the questions of a transaction carry what was parsed', () => {
  const session = started({ dsn: true, auth: 'optional', mtPriority: true });
  converse(session, 'EHLO client.example');
  const mail =
    'MAIL FROM:<"a b"@c> SIZE=9 BODY=8bitmime SMTPUTF8 AUTH=x+2By RET=FULL ENVID=e+3D MT-PRIORITY=-3';
  const reversePath = { localPart: 'a b', domain: 'c', address: '"a b"@c' };
  const parameters = {
    size: 9,
    body: '8BITMIME',
    smtpUtf8: true,
    auth: 'x+y',
    ret: 'FULL',
    envid: 'e=',
    mtPriority: -3,
  };
  expect(questionIn(send(session, mail))).toEqual({
    kind: 'reverse-path',
    reversePath,
    parameters,
  });
  session.answer(accept);

  const rcpt = questionIn(send(session, 'RCPT TO:<b@d> NOTIFY=DELAY,FAILURE ORCPT=rfc822;B+40D'));
  const recipient = {
    forwardPath: { localPart: 'b', domain: 'd', address: 'b@d' },
    parameters: {
      notify: ['DELAY', 'FAILURE'],
      orcpt: { addressType: 'rfc822', address: 'B@D' },
    },
  };
  const envelope = { reversePath, parameters, recipients: [] };
  expect(rcpt).toEqual({ kind: 'forward-path', ...recipient, envelope });
  session.answer(accept);

  const whole = { ...envelope, recipients: [recipient] };
  expect(questionIn(send(session, 'DATA'))).toEqual({ kind: 'open-message', envelope: whole });
  session.answer(accept);
  expect(questionIn(send(session, 'x', '.'))).toEqual({
    kind: 'message',
    envelope: whole,
    sizeInOctets: 3,
  });
});

test('what a proxy says by XCLIENT are the facts from then on', () => {
  const session = newSession({}, { isXclientTrusted: true });
  session.begin();
  converse(
    session,
    'EHLO proxy',
    'XCLIENT ADDR=IPV6:2001:DB8::1 PORT=4711 PROTO=ESMTP HELO=real LOGIN=carol',
  );
  expect(session.facts).toEqual({
    ...connection,
    clientAddress: '2001:db8::1',
    clientPort: 4711,
    clientDomain: 'real',
    protocol: 'ESMTP',
    tls: null,
    identity: { username: 'carol', mechanism: 'XCLIENT' },
  });
  converse(session, 'XCLIENT ADDR=192.0.2.7 LOGIN=');
  expect(session.facts).toMatchObject({
    clientAddress: '192.0.2.7',
    identity: null,
    clientDomain: '',
  });
  converse(session, 'XCLIENT ADDR=IPV6:::ffff:192.0.2.8');
  expect(session.facts.clientAddress).toBe('192.0.2.8');
});

test('input is held while a question is open, and counted', () => {
  const session = started();
  send(session, 'HELO client.example');
  expect(session.expects).toBe('answer');
  expect(send(session, 'NOOP')).toEqual([]);
  expect(session.pendingOctets).toBe('NOOP\r\n'.length);
  expect(kindsOf(session.answer(accept))).toEqual(['send']);
  expect(session.pendingOctets).toBe(0);
});

test('an unfinished line is held, and not the buffer that it came in', () => {
  const session = started();
  const commands = Buffer.from('NOOP\r\n'.repeat(90));
  session.receive(Buffer.concat([commands, Buffer.from('NO')]));
  expect(session.pendingOctets).toBe(2);
  session.receive(Buffer.from('O'));
  expect(session.pendingOctets).toBe(3);
});

test('a line without end is not held', () => {
  const session = started();
  session.receive(Buffer.alloc(12_288, 'x'));
  expect(session.pendingOctets).toBe(12_288);
  session.receive(Buffer.from('x'));
  expect(session.pendingOctets).toBe(0);
  session.receive(Buffer.alloc(10_000, 'x'));
  expect(session.pendingOctets).toBe(0);
});

test('the replies to one packet leave together, before the question if nothing is left to read', () => {
  const session = started();
  converse(session, 'HELO client.example');
  const outputs = send(session, 'NOOP', 'NOOP', 'MAIL FROM:<a@b>');
  expect(kindsOf(outputs)).toEqual(['send', 'ask']);
  expect(kindsOf(session.answer(accept))).toEqual(['send']);
  send(session, 'RSET');
  expect(kindsOf(send(session, 'NOOP', 'MAIL FROM:<a@b>', 'NOOP'))).toEqual(['ask']);
  expect(session.answer(accept)).toEqual([
    { kind: 'send', text: '250 2.0.0 Ok\r\n250 2.1.0 Sender ok\r\n250 2.0.0 Ok\r\n' },
  ]);
});

test('the replies to STARTTLS and QUIT leave before what follows from them', () => {
  const session = started({ tls: 'starttls' });
  expect(kindsOf(send(session, 'NOOP', 'STARTTLS', 'NOOP'))).toEqual(['send', 'upgrade-tls']);
  expect(session.expects).toBe('handshake');
  expect(session.receive(Buffer.from('NOOP\r\n'))).toEqual([]);
  session.secured(TLS);
  expect(session.expects).toBe('input');
  expect(kindsOf(send(session, 'QUIT'))).toEqual(['send', 'note', 'hang-up']);
  expect(session.expects).toBe('nothing');
  expect(session.receive(Buffer.from('NOOP\r\n'))).toEqual([]);
});

test.each([
  ['QUIT and nothing behind it', 'QUIT\r\n', true],
  ['QUIT with a command behind it', 'QUIT\r\nNOOP\r\n', false],
  ['a request of HTTP', 'GET / HTTP/1.1\r\n', false],
])('a client that says %s has agreed to the end or not', (_what, said, isAgreed) => {
  const last = started().receive(Buffer.from(said)).at(-1);
  expect(last).toEqual({ kind: 'hang-up', isAgreed });
});

test('a message is on its way in from the 354 or the first chunk to the end of the data', () => {
  const session = started({ chunking: true });
  converse(session, 'HELO client.example', 'MAIL FROM:<a@b>', 'RCPT TO:<b@b>');
  expect(session.isInMessage).toBe(false);
  send(session, 'DATA');
  expect(session.isInMessage).toBe(false);
  session.answer(accept);
  expect(session.isInMessage).toBe(true);
  send(session, '.');
  expect(session.isInMessage).toBe(false);
  session.answer(accept);
  converse(session, 'MAIL FROM:<a@b>', 'RCPT TO:<b@b>', 'BDAT 3');
  expect(session.isInMessage).toBe(true);
  converse(session, 'x', 'NOOP');
  expect(session.isInMessage).toBe(true);
  converse(session, 'RSET');
  expect(session.isInMessage).toBe(false);
});

test('message octets are views of what was received', () => {
  const session = started();
  converse(session, 'HELO client.example', 'MAIL FROM:<a@b>', 'RCPT TO:<b@b>', 'DATA');
  const chunk = Buffer.from('some data\r\n');
  const [output] = session.receive(chunk);
  expect(output?.kind === 'write-message' && output.span.buffer).toBe(chunk.buffer);
});

test('a connection that is lost while the message is being opened discards what is opened then', () => {
  for (const last of ['DATA', 'BDAT 5']) {
    const session = started({ chunking: true });
    converse(session, 'HELO client.example', 'MAIL FROM:<a@b>', 'RCPT TO:<b@b>');
    send(session, last);
    expect(kindsOf(session.lost())).toEqual(['note']);
    expect(session.answer(accept)).toEqual([{ kind: 'discard-message', cause: 'aborted' }]);
    expect(session.answer(accept)).toEqual([]);
  }
});

test('a connection that is lost while a refusal is on its way discards nothing', () => {
  const session = started();
  converse(session, 'HELO client.example', 'MAIL FROM:<a@b>', 'RCPT TO:<b@b>');
  send(session, 'DATA');
  session.lost();
  const reply: Reply = { code: 452, status: '3.1', text: 'Later' };
  expect(session.answer({ kind: 'refuse', reply })).toEqual([]);
});

test('a connection that is lost during the commit discards nothing: the message was whole', () => {
  const session = started();
  converse(session, 'HELO client.example', 'MAIL FROM:<a@b>', 'RCPT TO:<b@b>', 'DATA');
  send(session, 'x', '.');
  expect(kindsOf(session.lost())).toEqual(['note']);
  expect(session.answer(accept)).toEqual([]);
  expect(session.lost()).toEqual([]);
});

test('a connection that is lost between chunks, while EHLO is asked about, discards the message', () => {
  const session = started({ chunking: true });
  converse(session, 'HELO client.example', 'MAIL FROM:<a@b>', 'RCPT TO:<b@b>', 'BDAT 0');
  send(session, 'HELO again.example');
  expect(session.lost()).toContainEqual({ kind: 'discard-message', cause: 'aborted' });
});

test('a session that expires while a question is open ends with the answer', () => {
  const session = started();
  send(session, 'HELO client.example', 'NOOP');
  expect(session.expire()).toEqual([]);
  const outputs = session.answer(accept);
  expect(outputs).toContainEqual({
    kind: 'send',
    text: '250 mx.example\r\n421 4.4.2 mx.example Idle for too long, closing connection\r\n',
  });
  expect(kindsOf(outputs).at(-1)).toBe('hang-up');
});

test('a session that expires while a message is being opened discards it', () => {
  const session = started();
  converse(session, 'HELO client.example', 'MAIL FROM:<a@b>', 'RCPT TO:<b@b>');
  send(session, 'DATA');
  session.expire();
  expect(session.answer(accept)).toContainEqual({ kind: 'discard-message', cause: 'aborted' });
});

test('a server that closes while a question is open says 421 in place of the answer, and hears it no more', () => {
  const message = ['HELO client.example', 'MAIL FROM:<a@b>', 'RCPT TO:<b@b>'];
  for (const [lines, last] of [
    [[], 'NOOP\r\nHELO client.example\r\nNOOP\r\n'],
    [message, 'NOOP\r\nRCPT TO:<c@b>\r\nNOOP\r\n'],
  ] as const) {
    const session = started();
    converse(session, ...lines);
    expect(kindsOf(session.receive(Buffer.from(last)))).toEqual(['ask']);
    expect(session.drainIdle()).toEqual([]);
    expect(session.close()).toEqual([
      {
        kind: 'send',
        text: '250 2.0.0 Ok\r\n421 4.3.2 mx.example Service closing, try again later\r\n',
      },
      { kind: 'note', note: { kind: 'ended', rule: 'closing' } },
      { kind: 'hang-up', isAgreed: false },
    ]);
    expect(session.answer(accept)).toEqual([]);
  }
});

test('a server that closes during the commit says 421, discards nothing and never says 250', () => {
  const session = started();
  converse(session, 'HELO client.example', 'MAIL FROM:<a@b>', 'RCPT TO:<b@b>', 'DATA');
  send(session, 'x', '.');
  expect(kindsOf(session.close())).toEqual(['send', 'note', 'hang-up']);
  expect(session.answer(accept)).toEqual([]);
  expect(session.close()).toEqual([]);
});

test('a server that closes while a message is being opened discards what is opened then', () => {
  const session = started();
  converse(session, 'HELO client.example', 'MAIL FROM:<a@b>', 'RCPT TO:<b@b>');
  send(session, 'DATA');
  expect(kindsOf(session.close())).toEqual(['send', 'note', 'hang-up']);
  expect(session.close()).toEqual([]);
  expect(session.answer(accept)).toEqual([{ kind: 'discard-message', cause: 'aborted' }]);
});

test('a server that closes between chunks, while EHLO is asked about, discards the message', () => {
  const session = started({ chunking: true });
  converse(session, 'HELO client.example', 'MAIL FROM:<a@b>', 'RCPT TO:<b@b>', 'BDAT 0');
  send(session, 'HELO again.example');
  expect(session.close()).toContainEqual({ kind: 'discard-message', cause: 'closing' });
});

test('the notes name the verb, the rule, the client and what was refused, and nothing that may be a password', () => {
  const session = started({ maxErrors: 3, auth: 'optional', allowInsecureAuth: true });
  const outputs = converse(
    session,
    ...['hunter2', 'MAIL FROM:<a@b>', 'HELO x', 'AUTH PLAIN hunter2', 'RCPT TO:<b@b> hunter'],
  );
  const notes = outputs.flatMap((output) => (output.kind === 'note' ? [output.note] : []));
  expect(notes).toEqual([
    { kind: 'refused', verb: 'unknown', code: 500, rule: 'unknown-command' },
    {
      ...{ kind: 'refused', verb: 'MAIL', code: 503, rule: 'bad-sequence' },
      argument: 'FROM:<a@b>',
    },
    {
      ...{ kind: 'refused', verb: 'AUTH', code: 501, rule: 'invalid-base64' },
      clientDomain: 'x',
    },
    {
      ...{ kind: 'refused', verb: 'RCPT', code: 503, rule: 'bad-sequence' },
      ...{ clientDomain: 'x', argument: 'TO:<b@b> hunter' },
    },
    { kind: 'ended', rule: 'too-many-errors' },
  ]);
});

test.each([
  [['HELO c', 'EHLO c', 'NOOP', 'noop x', 'QUIT'], false],
  [[], false],
  [['HELO c', 'RSET'], true],
  [['MAIL FROM:<a@b>'], true],
  [['GET / HTTP/1.1'], true],
  [['hello'], true],
  [['\u0016\u0003\u0001'], true],
  [['x'.repeat(70_000)], true],
])('a session knows whether %j is more than a health probe says', (lines, hasSaidMore) => {
  const session = started();
  converse(session, ...lines);
  expect(session.hasSaidMore).toBe(hasSaidMore);
});

/** The argument in the note of the last command that is refused. */
function refusedArgument(session: Session, ...lines: readonly string[]): string | undefined {
  const notes = converse(session, ...lines).flatMap((output) =>
    output.kind === 'note' && output.note.kind === 'refused' ? [output.note] : [],
  );
  return notes.at(-1)?.argument;
}

test.each([
  ['EHLO a\u0007b', 'a\u0007b'],
  ['MAIL FROM:<a@b', 'FROM:<a@b'],
  ['MAIL FROM:<\u00fc@b>', 'FROM:<\u00fc@b>'],
  [`MAIL FROM:<${'a'.repeat(3000)}@b>`, `FROM:<${'a'.repeat(1018)}`],
  [`MAIL FROM:<${'a'.repeat(13_000)}@b>`, undefined],
  ['BDAT 9 FIRST', '9 FIRST'],
  ['EXPN list', 'list'],
  ['STARTTLS now', undefined],
])('the note of the refused line %j has its argument', (line, argument) => {
  expect(
    refusedArgument(started({ addressSyntax: 'strict', smtpUtf8: false }), 'HELO c', line),
  ).toBe(argument);
});

test('what a policy refuses is noted as it was sent, also where it answers late', () => {
  const session = started();
  converse(session, 'HELO c', 'MAIL FROM:<a@b>');
  send(session, 'RCPT TO:<nobody@b>\r\nNOOP');
  const reply = { code: 550, status: '1.1', text: 'No such user' };
  expect(session.answer({ kind: 'refuse', reply })).toContainEqual({
    kind: 'note',
    note: {
      ...{ kind: 'refused', verb: 'RCPT', code: 550, rule: 'policy' },
      ...{ clientDomain: 'c', argument: 'TO:<nobody@b>' },
    },
  });
});

test('an answer without its question, and a handshake without STARTTLS, are errors of the caller', () => {
  const session = started();
  expect(() => session.answer(accept)).toThrow('no question is pending');
  expect(() => session.secured(TLS)).toThrow('not upgrading');
  send(session, 'HELO client.example');
  const identity = { username: 'user', mechanism: 'PLAIN' };
  expect(() => session.answer({ kind: 'accept', identity })).toThrow(TypeError);
});

test('one answer for each recipient is an answer to the message question only', () => {
  const session = started();
  send(session, 'HELO client.example');
  expect(() => session.answer({ kind: 'each', replies: [] })).toThrow(TypeError);
});

test('too few answers for each recipient accept nothing, where there is one reply for all', () => {
  const session = started();
  converse(session, 'HELO client.example', 'MAIL FROM:<a@b>', 'RCPT TO:<b@b>', 'DATA');
  send(session, '.');
  expect(session.answer({ kind: 'each', replies: [] })).toContainEqual({
    kind: 'send',
    text: '451 4.3.0 Message not stored, try again later\r\n',
  });
});

test('a state without a transaction gives none', () => {
  expect(() => transactionOf(GREETED)).toThrow('greeted');
});

test.each<[string, Reply, string]>([
  ['one line', { code: 250, status: '1.0', text: 'Ok' }, '250 2.1.0 Ok\r\n'],
  ['no status', { code: 354, text: 'Go' }, '354 Go\r\n'],
  ['two lines', { code: 550, status: '7.1', text: ['a', 'b'] }, '550-5.7.1 a\r\n550 5.7.1 b\r\n'],
  ['no line', { code: 250, status: '0.0', text: [] }, '250 2.0.0 \r\n'],
  ['a second reply', { code: 250, text: 'a\r\n250 b\n' }, '250 a??250 b?\r\n'],
  ['no ASCII', { code: 250, text: 'é\u0000\u007f' }, '250 ???\r\n'],
  ['a long text', { code: 250, text: 'x'.repeat(1000) }, `250 ${'x'.repeat(490)}\r\n`],
])('a reply of %s is rendered as whole lines of ASCII', (_, reply, text) => {
  expect(renderReply(reply)).toBe(text);
});

test('of a thousand commands in one packet a hundred are answered before the session gives way', () => {
  const session = started();
  converse(session, 'HELO client.example');
  let outputs = session.receive(Buffer.from('NOOP\r\n'.repeat(1000)));
  const replies: number[] = [];
  for (;;) {
    replies.push(said(outputs).match(/^250 /gm)?.length ?? 0);
    if (!outputs.some(({ kind }) => kind === 'give-way')) break;
    outputs = session.resume();
  }
  expect(replies).toEqual([100, 100, 100, 100, 100, 100, 100, 100, 100, 100]);
});

/** Sends until the session ends; gives the lines sent, and the last reply. */
function exhaust(
  session: Session,
  lines: readonly string[],
): { readonly sent: number; readonly last: string } {
  for (let sent = 0; ; sent++) {
    const line = lines[sent % lines.length] ?? '';
    const text = said(converse(session, line));
    if (session.expects === 'nothing')
      return { sent: sent + 1, last: text.split('\r\n').at(-2) ?? '' };
  }
}

// The budget with these options is 20,000 + 100 x (100 + 20) = 32,000.
test.each([
  ['NOOP', ['NOOP'], 3200],
  ['RSET', ['RSET'], 3200],
  ['EHLO', ['EHLO client.example'], 3200],
  ['VRFY', ['VRFY someone'], 3200],
  ['HELP', ['HELP'], 3200],
])('a session of nothing but %s ends when its budget is spent', (_, lines, most) => {
  const session = started();
  const { sent, last } = exhaust(session, lines);
  expect(last).toBe('421 4.7.0 mx.example Too many commands in one session');
  expect(sent).toBe(most + 1);
});

test('what the session has cost is not forgiven by RSET, EHLO or a new transaction', () => {
  const session = started({ maxRecipients: 1 });
  converse(session, 'EHLO client.example', 'MAIL FROM:<a@b>', 'RCPT TO:<a@b>');
  let tooMany = 0;
  for (;;) {
    const text = said(converse(session, 'RCPT TO:<a@b>'));
    if (text.startsWith('452')) tooMany++;
    if (session.expects === 'nothing') break;
    if (tooMany % 400 === 0) {
      converse(session, 'RSET', 'EHLO client.example', 'MAIL FROM:<a@b>', 'RCPT TO:<a@b>');
    }
  }
  // A thousand in the session, then twenty errors.
  expect(tooMany).toBe(1021);
});

test('a policy that asks to come back later is not asked without end', () => {
  const session = started();
  converse(session, 'EHLO client.example', 'MAIL FROM:<a@b>');
  let asked = 0;
  while (session.expects !== 'nothing') {
    session.receive(Buffer.from('RCPT TO:<a@b>\r\n'));
    if (session.expects !== 'answer') continue;
    asked++;
    session.answer({ kind: 'refuse', reply: { code: 451, status: '3.0', text: 'Later' } });
  }
  // Each costs 11 of 32,000; EHLO and MAIL before it 11.
  expect(asked).toBe(2909);
});

test('a hundred messages of a hundred recipients are within the budget', () => {
  const session = started();
  converse(session, 'EHLO client.example');
  for (let message = 0; message < 100; message++) {
    converse(session, 'MAIL FROM:<a@b>');
    for (let recipient = 0; recipient < 100; recipient++) converse(session, 'RCPT TO:<a@b>');
    converse(session, 'DATA', '.', 'RSET');
  }
  expect(said(converse(session, 'NOOP'))).toMatch(/^250 /);
});

test('small chunks of one message are cut off when the session has cost too much', () => {
  const session = started({ maxMessages: 1, maxRecipients: 1, chunking: true });
  converse(session, 'EHLO c', 'MAIL FROM:<a@b>', 'RCPT TO:<b@b>');
  // The budget is 20,000 + 1 x (1 + 20). EHLO costs 10, MAIL and RCPT 1 each.
  const { sent, last } = exhaust(session, ['BDAT 0']);
  expect(sent).toBe(20_021 - 12 + 1);
  expect(last).toMatch(/^421 4\.7\.0 /);
});

test('a SASL exchange is under way from its first challenge to its last reply', () => {
  const session = started({ auth: 'optional', mechanisms: ['PLAIN'], allowInsecureAuth: true });
  converse(session, 'EHLO c');
  expect(session.isInExchange).toBe(false);
  converse(session, 'AUTH PLAIN');
  expect(session.isInExchange).toBe(true);
  send(session, Buffer.from('\0user\0pass').toString('base64'));
  expect(session.isInExchange).toBe(true);
  session.answer({ kind: 'accept', identity: { username: 'user', mechanism: 'PLAIN' } });
  expect(session.isInExchange).toBe(false);
});
