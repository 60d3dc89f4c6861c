// A session's commands and replies as notes, for who watches a dialogue: without any credential, and without the message.
import type { CommandLine, Verb } from './grammar/command-line.ts';

/** What stands in the place of what may be a credential. */
export const MASK = '***';
const CHALLENGE = `${334} `;
/** Of a line, or of the argument in a note. */
export const SHOWN_CHARACTERS = 1024;

/** The commands whose argument may be shown or noted. That of another may be a password that came out of turn. */
export const SHOWN: ReadonlySet<string> = new Set<Verb>([
  'EHLO',
  'HELO',
  'LHLO',
  'MAIL',
  'RCPT',
  'VRFY',
  'EXPN',
  'BDAT',
]);

/** One line of the client. Of AUTH only a mechanism that the listener offers is shown, and nothing of a line that is no command. */
export function showCommand(line: CommandLine, mechanisms: readonly string[]): string {
  if (line.kind === 'http' || line.verb === 'unknown') return MASK;
  const { verb, argument } = line;
  if (argument === '') return verb;
  if (SHOWN.has(verb)) return `${verb} ${argument}`.slice(0, SHOWN_CHARACTERS);
  if (verb !== 'AUTH') return `${verb} ${MASK}`;
  const [name = '', ...rest] = argument.split(' ');
  const isOffered = mechanisms.includes(name.toUpperCase());
  return ['AUTH', isOffered ? name : MASK, ...(isOffered && rest.length > 0 ? [MASK] : [])].join(
    ' ',
  );
}

/** Whole lines of a reply without the last line end. A challenge (334) is part of the sign-in. */
export function showReply(text: string): string {
  if (text.startsWith(CHALLENGE)) return CHALLENGE + MASK;
  return text.endsWith('\r\n') ? text.slice(0, -2) : text;
}
