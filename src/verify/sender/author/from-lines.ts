// The From fields of a header section, searched in its octets: what any reader may take for one, so that no reader shows an
// author whom the checks did not see.
import { isUtf8 } from 'node:buffer';

export interface FromLines {
  /**
   * Lines that some reader takes for a From field, in their order: with blanks, controls or other octets in the name, behind a
   * bare CR, or with the colon on the next line. Their values, unfolded.
   */
  readonly values: readonly string[];
  /** Why not all readers find the same From field; `undefined` where they do. */
  readonly problem?: string;
  /** Why some readers may misread the one field. */
  readonly doubt?: string;
}

interface Field {
  readonly isExact: boolean;
  readonly lines: string[];
}

/** `section`: the octets of a header section, from the first octet of the message. */
export function findFromLines(section: Buffer): FromLines {
  const found: Field[] = [];
  let field: Field | undefined;
  let isBroken = false;
  let isBrokenBefore = false;
  let isFirst = true;
  let isBehindEmpty = false;
  for (const { line, isBehindCr } of linesOf(section)) {
    if (line === '') {
      // Within the section it stands behind a bare CR, and some readers end the section there.
      isBehindEmpty = true;
      continue;
    }
    isBroken ||= isBehindEmpty;
    if (isBehindEmpty) field?.lines.push('');
    isBehindEmpty = false;
    if (isBlank(line.charCodeAt(0))) {
      // Some readers end the section at a line of blanks, and some take one at the top for its end.
      isBroken ||= isFirst || /^[ \t]+$/.test(line);
      field?.lines.push(line);
    } else {
      const colon = line.indexOf(':');
      const name = colon === -1 ? line : line.slice(0, colon);
      const isRegular = colon !== -1 && /^[!-9;-~]+$/.test(name);
      field = undefined;
      if (isFromName(name)) {
        isBrokenBefore ||= isBroken;
        const isExact = isRegular && !isBehindCr && name.length === 4;
        field = { isExact, lines: [colon === -1 ? '' : line.slice(colon + 1)] };
        found.push(field);
      } else {
        isBroken ||= !isRegular || isBehindCr;
      }
    }
    isFirst = false;
  }
  const values = found.map(({ lines }) => trimBlanks(lines.map(trimBlanks).join(' ')));
  const problem = problemOf(found, isBrokenBefore);
  const doubt = found[0] && doubtOf(found[0]);
  return {
    values: values.map((value) => Buffer.from(value, 'latin1').toString('utf8')),
    ...(problem !== undefined && { problem }),
    ...(doubt !== undefined && { doubt }),
  };
}

function problemOf(found: readonly Field[], isBrokenBefore: boolean): string | undefined {
  const [first] = found;
  if (first === undefined) return undefined;
  if (found.length > 1) return 'more than one From field';
  if (!first.isExact) return 'the name of the From field is malformed';
  if (isBrokenBefore) return 'a line that is no field stands before the From field';
  if (first.lines.slice(1).some((line) => trimBlanks(line) === '')) {
    return 'the From field has a line of blanks';
  }
  const text = first.lines.join('');
  // oxlint-disable-next-line no-control-regex -- what no address has
  if (/[\0-\x08\x0a-\x1f\x7f]/.test(text)) return 'the From field has control characters';
  return undefined;
}

function doubtOf({ lines }: Field): string | undefined {
  // In some charsets an octet of ASCII is the second half of a character.
  if (!isUtf8(Buffer.from(lines.join(''), 'latin1'))) return 'the From field is not UTF-8';
  return undefined;
}

/** Without what some readers leave out of a name, or do not see. */
function isFromName(name: string): boolean {
  const seen = /^[!-~]+$/.test(name) ? name : name.replace(/[^!-~]/g, '');
  return seen.length === 4 && seen.toLowerCase() === 'from';
}

/** The lines of a section, whatever octets end them. One character for each octet. */
function* linesOf(section: Buffer): Generator<{ line: string; isBehindCr: boolean }> {
  const text = section.toString('latin1');
  const ends = /\r?\n|\r/g;
  let at = 0;
  let isBehindCr = false;
  for (let match = ends.exec(text); match !== null; match = ends.exec(text)) {
    yield { line: text.slice(at, match.index), isBehindCr };
    at = ends.lastIndex;
    isBehindCr = match[0] === '\r';
  }
  yield { line: text.slice(at), isBehindCr };
}

function trimBlanks(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, '');
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
