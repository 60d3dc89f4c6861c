// The parameters after the path of MAIL and RCPT: esmtp-param of RFC 5321 section 4.1.2. What a keyword and its
// value mean is said by its extension.
import { DELETE, EQUALS, FIRST_NON_ASCII, HYPHEN, LET_DIG, QUOTE, SPACE } from './ascii.ts';
import type { Rule } from '../replies.ts';

/** `KEYWORD` or `KEYWORD=value`, the keyword in capitals. */
export interface Parameter {
  readonly keyword: string;
  /** Absent without `=`; not empty in `strict`. */
  readonly value: string | undefined;
}

/** The result of a parser: the value, or the rule that refuses it. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly rule: Rule };

/** Why the value of a parameter is refused. Made once for each rule, not for each refusal. */
export class Refused {
  readonly rule: Rule;

  constructor(rule: Rule) {
    this.rule = rule;
  }
}

export const PARAMETER_SYNTAX = new Refused('parameter-syntax');

const NO_PARAMETERS: readonly Parameter[] = [];

/**
 * Reads the parameters from `start` to the end of `text`; `undefined` if their syntax is wrong. In `internet`, a
 * value may have any characters or none, and the last of two equal keywords counts.
 */
export function readParameters(
  text: string,
  start: number,
  syntax: 'internet' | 'strict',
): readonly Parameter[] | undefined {
  if (start === text.length) return NO_PARAMETERS;
  const parameters: Parameter[] = [];
  const isStrict = syntax === 'strict';
  let at = start;
  while (at < text.length) {
    if (text.charCodeAt(at) !== SPACE) return undefined;
    while (text.charCodeAt(at) === SPACE) at++;
    const keywordStart = at;
    while (isKeywordCode(text.charCodeAt(at))) at++;
    if (at === keywordStart || text.charCodeAt(keywordStart) === HYPHEN) return undefined;
    const keyword = text.slice(keywordStart, at).toUpperCase();
    let value: string | undefined;
    if (text.charCodeAt(at) === EQUALS) {
      const valueStart = ++at;
      at = isStrict ? skipValue(text, at) : skipLooseValue(text, at);
      if (isStrict && at === valueStart) return undefined;
      value = text.slice(valueStart, at);
    }
    if (isStrict) {
      for (const earlier of parameters) if (earlier.keyword === keyword) return undefined;
    }
    parameters.push({ keyword, value });
  }
  return parameters;
}

function isKeywordCode(code: number): boolean {
  return LET_DIG[code] === 1 || code === HYPHEN;
}

function skipValue(text: string, start: number): number {
  let at = start;
  while (isValueCode(text.charCodeAt(at)) && text.charCodeAt(at) !== EQUALS) at++;
  return at;
}

/** `=` is a character like any other, and so is a blank between quotes. */
function skipLooseValue(text: string, start: number): number {
  let at = start;
  while (isValueCode(text.charCodeAt(at))) {
    const close = text.charCodeAt(at) === QUOTE ? text.indexOf('"', at + 1) : -1;
    at = Math.max(at, close) + 1;
  }
  return at;
}

/** A character of an esmtp-value or `=`, to which RFC 6531 section 3.3 adds what is not ASCII. */
function isValueCode(code: number): boolean {
  return (code > SPACE && code < DELETE) || code >= FIRST_NON_ASCII;
}
