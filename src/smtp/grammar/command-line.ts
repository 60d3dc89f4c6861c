// One line of the client as a command: its verb and its argument, or the rule that refuses it.
import { isUtf8 } from 'node:buffer';
import { CR, DELETE, SPACE, TAB } from './ascii.ts';
import { AUTH_LINE_OCTETS, type Input } from '../input.ts';
import type { Rule } from '../replies.ts';

/** RFC 5321 section 4.5.3.1.4, the CRLF counted. */
const COMMAND_LINE_OCTETS = 512;
/**
 * MAIL and RCPT with every extension's addition (RFC 1870, 3461, 4954, 6152, 6531), rounded up. Postfix takes as much
 * for any command.
 */
const PATH_COMMAND_LINE_OCTETS = 2048;

/** The commands that the session knows. */
export const VERBS = [
  'EHLO',
  'HELO',
  'LHLO',
  'STARTTLS',
  'XCLIENT',
  'AUTH',
  'MAIL',
  'RCPT',
  'DATA',
  'BDAT',
  'RSET',
  'NOOP',
  'VRFY',
  'EXPN',
  'HELP',
  'QUIT',
] as const;

export type Verb = (typeof VERBS)[number];

/**
 * What a line is. The verb of a refusal is for the log: never a word of the client's. Its argument is as much as is held
 * of it, its octets as characters where it is not UTF-8.
 */
export type CommandLine =
  | { readonly kind: 'command'; readonly verb: Verb; readonly argument: string }
  | {
      readonly kind: 'refused';
      readonly verb: Verb | 'unknown';
      readonly rule: Rule;
      readonly argument: string;
    }
  | { readonly kind: 'http' };

const HTTP: CommandLine = { kind: 'http' };

const verbs: ReadonlyMap<string, Verb> = new Map(VERBS.map((verb) => [verb, verb]));
/** Obsolete commands and those of other extensions: known, not implemented (RFC 5321 appendix F, RFC 1985). */
const notImplemented: ReadonlySet<string> = new Set([
  'ATRN',
  'BURL',
  'ETRN',
  'SAML',
  'SEND',
  'SOML',
  'TURN',
]);
/** First words of an HTTP request: cross-protocol request forgery through a browser. */
const httpMethods: ReadonlySet<string> = new Set([
  'CONNECT',
  'DELETE',
  'GET',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'POST',
  'PRI',
  'PUT',
  'TRACE',
]);

/**
 * Parses the line that `input` has just read. In `internet`, words may have more blanks around them than one space, tabs
 * among them.
 */
export function parseCommandLine(
  { chunk, lineStart: lineBegin, lineEnd, lineOctets }: Input,
  syntax: 'internet' | 'strict',
): CommandLine {
  const isStrict = syntax === 'strict';
  let lineStart = lineBegin;
  // Its beginning was thrown away.
  if (lineOctets > AUTH_LINE_OCTETS) return refused('unknown', 'line-too-long', '');
  const isWhole = lineEnd > lineStart && chunk[lineEnd - 1] === CR;
  let end = isWhole ? lineEnd - 1 : lineEnd;
  // Trailing white space is tolerated (RFC 5321 section 4.1.1).
  while (end > lineStart && isBlank(chunk[end - 1])) end--;
  if (!isStrict) while (lineStart < end && isBlank(chunk[lineStart])) lineStart++;
  let line = chunk.toString('latin1', lineStart, end);
  const hasTabs = !isStrict && line.includes('\t') && !hasQuotedTab(line);
  if (hasTabs) line = line.replaceAll('\t', ' ');
  const space = line.indexOf(' ');
  const said = space === -1 ? line : line.slice(0, space);
  // Most clients write verbs in capitals.
  const asSaid = verbs.get(said);
  const word = asSaid ?? said.toUpperCase();
  const verb = asSaid ?? verbs.get(word);
  const noted = verb ?? 'unknown';
  let argumentStart = space === -1 ? line.length : space + 1;
  if (!isStrict) while (line.charCodeAt(argumentStart) === SPACE) argumentStart++;
  const argument = line.slice(argumentStart);

  if (verb === undefined && httpMethods.has(word)) return HTTP;
  // Only CRLF ends a line (section 2.3.8). It is answered, because the client waits, and never obeyed.
  if (!isWhole) return refused(noted, 'bare-newline-in-command', argument);
  if (lineOctets > lineLimit(verb, isStrict)) return refused(noted, 'line-too-long', argument);
  const highest = highestCode(line);
  if (highest === -1) return refused(noted, 'control-character', argument);
  if (highest > DELETE && !isUtf8(chunk.subarray(lineStart, end))) {
    return refused(noted, 'invalid-utf8', argument);
  }
  if (verb === undefined) {
    const rule = notImplemented.has(word) ? 'not-implemented' : 'unknown-command';
    return refused(noted, rule, argument);
  }
  if (highest <= DELETE || space === -1) return { kind: 'command', verb, argument };
  const text = chunk.toString('utf8', lineStart, end);
  // What stands before the argument is ASCII, so that its index is the same.
  const utf8 = hasTabs ? text.replaceAll('\t', ' ') : text;
  return { kind: 'command', verb, argument: utf8.slice(argumentStart) };
}

/** Whether a tab may be part of an address: there it is a control character like any other. */
function hasQuotedTab(line: string): boolean {
  return line.includes('"') && line.lastIndexOf('\t') > line.indexOf('"');
}

function refused(verb: Verb | 'unknown', rule: Rule, argument: string): CommandLine {
  return { kind: 'refused', verb, rule, argument };
}

function isBlank(octet: number | undefined): boolean {
  return octet === SPACE || octet === TAB;
}

function lineLimit(verb: Verb | undefined, isStrict: boolean): number {
  if (verb === 'AUTH') return AUTH_LINE_OCTETS;
  const isPath = verb === 'MAIL' || verb === 'RCPT' || verb === 'XCLIENT';
  return isPath || !isStrict ? PATH_COMMAND_LINE_OCTETS : COMMAND_LINE_OCTETS;
}

/** The highest character code of `line`; -1 if it holds a control character. */
function highestCode(line: string): number {
  let highest = 0;
  for (let at = 0; at < line.length; at++) {
    const code = line.charCodeAt(at);
    if (code < SPACE || code === DELETE) return -1;
    if (code > highest) highest = code;
  }
  return highest;
}
