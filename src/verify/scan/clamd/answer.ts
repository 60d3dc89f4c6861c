// The answer to INSTREAM (clamd(8)): `stream: OK`, `stream: NAME FOUND`, or an error.
import { printable } from '../../printable.ts';
import { failed } from '../failure.ts';
import type { VirusOutcome } from '../options.ts';

const SIGNATURE_CHARACTERS = 100;

/** What the answer says, without the NUL at its end. */
export function parseAnswer(answer: string): VirusOutcome {
  if (answer === 'stream: OK') return { kind: 'clean' };
  const [, signature] = /^stream: (\S.*) FOUND$/s.exec(answer) ?? [];
  if (signature !== undefined) {
    return { kind: 'found', signature: printable(signature, SIGNATURE_CHARACTERS) };
  }
  if (answer === 'INSTREAM size limit exceeded. ERROR') {
    return { kind: 'not-scanned', because: 'too-large' };
  }
  return failed('answer', answer);
}
