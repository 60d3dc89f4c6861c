// SMTP smuggling (CVE-2023-51764, -51765, -51766): whatever stands in for CRLF "." CRLF, the commands after
// it stay data, for every split of the octets.
import { expect, test } from 'vitest';
import type { Output, Session, SessionOptions } from '../../src/smtp/index.ts';
import { newSession } from '../support/session.ts';
import { normalizeByReference } from '../support/reference-decoder.ts';
import { everySplit, unescape } from '../support/splits.ts';
import { BARE_NEWLINES, NO_BARE_NEWLINE, SMUGGLED } from './smuggling-shapes.ts';

interface Outcome {
  readonly text: string;
  readonly reversePaths: readonly string[];
  readonly message: string;
  readonly discarded: readonly string[];
}

/** Runs one session of which only the data is cut into pieces. */
function run(bareNewline: SessionOptions['bareNewline'], pieces: readonly Buffer[]): Outcome {
  const session: Session = newSession({ bareNewline });
  const reversePaths: string[] = [];
  const discarded: string[] = [];
  let text = '';
  let message = '';
  const act = (outputs: readonly Output[]): void => {
    for (const output of outputs) {
      if (output.kind === 'send') text += output.text;
      if (output.kind === 'write-message') message += output.span.toString('latin1');
      if (output.kind === 'discard-message') discarded.push(output.cause);
      if (output.kind !== 'ask') continue;
      const { question } = output;
      if (question.kind === 'reverse-path') reversePaths.push(question.reversePath?.address ?? '');
      act(session.answer({ kind: 'accept' }));
    }
  };
  act(session.begin());
  act(session.receive(Buffer.from('HELO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<b@b>\r\nDATA\r\n')));
  text = '';
  for (const piece of pieces) act(session.receive(piece));
  return { text, reversePaths, message, discarded };
}

test.each(BARE_NEWLINES)(
  '%s does not end the data, and is refused after its real end',
  (_, shape, kept) => {
    const data = unescape(`text${shape}${SMUGGLED}.\\r\\n`);
    const stored = unescape(`text${kept}${SMUGGLED}`).toString('latin1');
    for (const pieces of everySplit(data)) {
      const refused = run('reject', pieces);
      expect(refused.text).toBe('550 5.6.11 Message contains a bare CR or LF\r\n');
      expect(refused.reversePaths).toEqual(['a@b']);
      expect(refused.discarded).toEqual(['refused']);
      const accepted = {
        text: '250 2.0.0 Message accepted\r\n',
        reversePaths: ['a@b'],
        discarded: [],
      };
      expect(run('accept', pieces)).toEqual({ ...accepted, message: stored });
      expect(run('normalize', pieces)).toEqual({
        ...accepted,
        message: normalizeByReference(stored),
      });
    }
  },
);

test.each(NO_BARE_NEWLINE)(
  '%s does not end the data, and is stored as it came',
  (_, shape, kept) => {
    const data = unescape(`text${shape}${SMUGGLED}.\\r\\n`);
    const stored = unescape(`text${kept}${SMUGGLED}`).toString('latin1');
    for (const pieces of everySplit(data)) {
      for (const bareNewline of ['reject', 'normalize', 'accept'] as const) {
        expect(run(bareNewline, pieces)).toEqual({
          text: '250 2.0.0 Message accepted\r\n',
          reversePaths: ['a@b'],
          message: stored,
          discarded: [],
        });
      }
    }
  },
);
