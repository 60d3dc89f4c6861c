import type { JSX } from 'preact';

/** Characters that are not seen, or that reorder what stands around them; joiners are part of words and emoji. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const KEPT = new Set(['\n', '\t', '\u200c', '\u200d', '\ufeff']);

/** Text from a mail, with what is not seen made visible. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (char) =>
    KEPT.has(char)
      ? char
      : `[U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`,
  );
}

/** Text from a mail beside other text: its direction is its own. */
export function Said({ text, fallback = '' }: { text: string; fallback?: string }): JSX.Element {
  return text === '' ? <span class="empty">{fallback}</span> : <bdi>{visible(text)}</bdi>;
}

export function size(octets: number): string {
  if (octets < 1000) return `${octets} B`;
  if (octets < 1e6) return `${(octets / 1000).toFixed(1)} kB`;
  return `${(octets / 1e6).toFixed(1)} MB`;
}

const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' });

/** The time, and the date where it is not today. */
export function When({ at, precise = false }: { at: string; precise?: boolean }): JSX.Element {
  const date = new Date(at);
  const isToday = date.toDateString() === new Date().toDateString();
  const millis = precise ? `.${at.slice(20, 23)}` : '';
  const text = `${isToday ? '' : `${day.format(date)}, `}${clock.format(date)}${millis}`;
  return (
    <time dateTime={at} title={at}>
      {text}
    </time>
  );
}
