// Reads the values of the options that select mails. Each reader answers `undefined` where the option was not given, and
// throws a `UsageError` where no mail can have the value.
import type { BlockList } from 'node:net';
import {
  isMessageId,
  networkOf,
  parseMailKey,
  type Selection,
  VERDICT_NAMES,
  type VerdictName,
} from '../../archive/index.ts';
import { UsageError } from '../../app/operator-error.ts';
import { parseDuration, parseSize } from '../../config/units.ts';

/** UTC where the text names no zone: the keys are in UTC. */
export function readTime(
  option: string,
  text: string | undefined,
  now = Date.now(),
): Date | undefined {
  if (text === undefined) return undefined;
  const [, day, time = '', zone] =
    /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)?(Z|[+-]\d\d:\d\d)?$/.exec(text) ?? [];
  const ago = /^(.*?)( ago)?$/.exec(text)?.[1] ?? '';
  const seconds = day === undefined ? parseDuration(ago) : undefined;
  const at =
    seconds === undefined
      ? new Date(time === '' ? `${day}` : `${day}${time}${zone ?? 'Z'}`)
      : new Date(now - seconds * 1000);
  // JavaScript takes February 30 for March 2.
  const isOther = (): boolean => day !== undefined && !new Date(day).toISOString().startsWith(day);
  if (!Number.isNaN(at.getTime()) && !isOther()) return at;
  throw new UsageError(
    `${option}: expected a time like 2026-11-23, 2026-11-23T13:00Z or 2h (ago), got "${text}"`,
  );
}

export function readSize(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const octets = /^\d{1,15}$/.test(text) ? Number(text) : parseSize(text);
  if (octets !== undefined) return octets;
  throw new UsageError(
    `${option}: expected a size like 10KB (B, KB, MB, GB, KiB, MiB, GiB), got "${text}"`,
  );
}

/** A messageId, or the one at the end of a key. */
export function readId(option: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const id = parseMailKey(text)?.messageId ?? text;
  if (isMessageId(id)) return id;
  throw new UsageError(
    `${option}: expected a messageId (40 characters of 0-9a-v) or the key of a mail, got "${text}"`,
  );
}

/** An address or `@domain`; with `orNone` also `<>`, the null reverse-path. Angle brackets around an address are taken. */
export function readAddress(
  option: string,
  text: string | undefined,
  { orNone = false }: { readonly orNone?: boolean } = {},
): string | undefined {
  if (text === undefined) return undefined;
  if (orNone && text === '<>') return text;
  const address = /^<(.+)>$/.exec(text)?.[1] ?? text;
  // A quoted local part may have blanks and an @.
  // RFC 5321 section 4.1.1.3 has a recipient without a domain.
  if (!orNone && /^postmaster$/i.test(address)) return address;
  if (/^(?:"(?:[^"\\]|\\.)*"|[^\s@"]*)@[^\s@]+$/.test(address)) return address;
  throw new UsageError(
    `${option}: expected an address${orNone ? ', @domain or <>' : ' or @domain'}, got "${text}"`,
  );
}

export function readDomain(option: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const domain = text.replace(/^@/, '');
  if (/^[^\s@]+$/.test(domain)) return domain;
  throw new UsageError(`${option}: expected a domain like example.com, got "${text}"`);
}

export function readText(option: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const trimmed = text.trim();
  if (trimmed !== '') return trimmed;
  throw new UsageError(`${option}: expected a text, got "${text}"`);
}

export function readNetwork(option: string, text: string | undefined): BlockList | undefined {
  if (text === undefined) return undefined;
  const network = networkOf(text);
  if (network !== undefined) return network;
  throw new UsageError(
    `${option}: expected an address or a network like 192.0.2.0/24, got "${text}"`,
  );
}

export function readVerdicts(
  option: string,
  texts: readonly string[] | undefined,
): Selection['verdicts'] {
  if (texts === undefined) return undefined;
  const verdicts: Partial<Record<VerdictName, string>> = {};
  for (const text of texts) {
    const [name = '', status = ''] = text.split('=', 2);
    const known = VERDICT_NAMES.find((each) => each === name);
    if (known === undefined || !/^(PASS|FAIL|GRAY|PROCESSING_FAILED)$/i.test(status)) {
      throw new UsageError(
        `${option}: expected ${VERDICT_NAMES.join(', ')} = PASS, FAIL, GRAY or PROCESSING_FAILED, got "${text}"`,
      );
    }
    const before = verdicts[known];
    if (before !== undefined && before !== status.toUpperCase()) {
      throw new UsageError(
        `${option}: expected one status for ${known}, got ${before} and ${status.toUpperCase()}`,
      );
    }
    verdicts[known] = status.toUpperCase();
  }
  return verdicts;
}
