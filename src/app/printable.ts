// Text from outside (addresses, notes, subjects, keys) as a terminal may show it: nothing in it can steer the terminal, or
// reorder or hide what stands around it.

/** Controls, marks of direction and other format characters, line and paragraph separators, half a character. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** One line: a `?` in the place of each such character. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, '?');
}

/** Several lines: the same, but for line ends and tabs. */
export function printableLines(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replace(UNPRINTABLE, (char) => (char === '\n' || char === '\t' ? char : '?'));
}

/** JSON, with such characters escaped: a program reads the same, and a terminal shows the escapes. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(UNPRINTABLE, (char) =>
    Array.from({ length: char.length }, (_, at) => char.charCodeAt(at))
      .map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
