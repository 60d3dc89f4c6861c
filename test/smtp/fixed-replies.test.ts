// Replies that are rendered once for all sessions of a listener are the same as if each session rendered them.
import { expect, test } from 'vitest';
import { Session, type SessionOptions } from '../../src/smtp/index.ts';
import { FixedReplies } from '../../src/smtp/fixed-replies.ts';
import { connection, usualOptions as options } from '../support/session.ts';

const tls = { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' };

/** What a session says to EHLO. */
function ehloOf(of: SessionOptions, isSecured: boolean, said?: string): string {
  const session = new Session(of, connection);
  session.begin(isSecured ? { tls } : {});
  session.receive(Buffer.from('EHLO client.example\r\n'));
  const reply = said === undefined ? {} : { reply: { code: 250, text: said } };
  return session
    .answer({ kind: 'accept', ...reply })
    .map((output) => (output.kind === 'send' ? output.text : ''))
    .join('');
}

test('sessions in the clear and under TLS, with an answer of a hook and without, do not hear one another’s EHLO', () => {
  const shared: SessionOptions = { ...options, tls: 'starttls', auth: 'optional' };
  const turns = [
    [false, undefined],
    [true, undefined],
    [false, 'pleased to meet you'],
    [false, undefined],
    [true, 'hello'],
    [true, undefined],
    [true, undefined],
  ] as const;
  for (const [isSecured, said] of turns) {
    // Options of its own have no reply of another session.
    expect(ehloOf(shared, isSecured, said)).toBe(ehloOf({ ...shared }, isSecured, said));
  }
});

test('listeners with different host names greet and say goodbye with their own', () => {
  for (const hostname of ['a.example', 'b.example']) {
    const replies = FixedReplies.of({ ...options, hostname });
    expect(replies.greeting).toBe(`220 ${hostname} ESMTP\r\n`);
    expect(replies.farewell('quit')).toBe(`221 2.0.0 ${hostname} Closing connection\r\n`);
    expect(replies.farewell('quit')).toBe(replies.farewell('quit'));
  }
});
