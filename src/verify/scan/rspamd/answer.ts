// The answer of /checkv2: https://rspamd.com/doc/architecture/protocol.html
import { printable } from '../../printable.ts';
import { failed } from '../failure.ts';
import type { ScanFailure, SpamOutcome } from '../options.ts';

const MAX_SYMBOLS = 50;
const SYMBOL_CHARACTERS = 100;
const ACTION_CHARACTERS = 40;
/** No sum of rules comes near it. */
const MAX_SCORE = 1e6;

/** What the answer says, or why it is none. */
export function parseAnswer(status: number, text: string): SpamOutcome {
  const document = parseJson(text);
  if (!isRecord(document)) {
    return noAnswer(`expected JSON of rspamd, got HTTP ${status} with ${text.length} characters`);
  }
  if (typeof document['error'] === 'string') {
    return noAnswer(`HTTP ${status}, error ${document['error']}`);
  }
  if (status !== 200) return noAnswer(`expected HTTP 200, got ${status}`);
  const { score, action, symbols = {}, is_skipped: isSkipped = false } = document;
  if (typeof score !== 'number' || !(Math.abs(score) <= MAX_SCORE)) {
    return noAnswer('expected a score, got another value');
  }
  if (typeof action !== 'string' || action === '') {
    return noAnswer('expected an action, got another value');
  }
  if (typeof isSkipped !== 'boolean') return noAnswer('expected is_skipped to be true or false');
  if (!isRecord(symbols) || !Object.values(symbols).every(isRecord)) {
    return noAnswer('expected symbols by name, got another value');
  }
  // A test pattern, or a forced action, skips the rules and still has a result.
  if (isSkipped && action === 'no action') return { kind: 'not-scanned', because: 'skipped' };
  return {
    kind: 'scored',
    score: Math.round(score * 1000) / 1000,
    action: printable(action, ACTION_CHARACTERS),
    symbols: heaviest(symbols as Readonly<Record<string, Readonly<Record<string, unknown>>>>),
  };
}

/** The names of those that count most, for or against the mail. */
function heaviest(symbols: Readonly<Record<string, Readonly<Record<string, unknown>>>>): string[] {
  const weight = ({ score }: Readonly<Record<string, unknown>>) =>
    typeof score === 'number' ? Math.abs(score) : 0;
  const names = Object.entries(symbols)
    .toSorted(([, one], [, other]) => weight(other) - weight(one))
    .slice(0, MAX_SYMBOLS)
    .map(([name]) => printable(name, SYMBOL_CHARACTERS));
  return [...new Set(names)];
}

function noAnswer(detail: string): ScanFailure {
  return failed('answer', detail);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
