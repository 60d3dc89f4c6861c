// The tokens of an address list (RFC 5322 section 3.4), in time linear in its length. A parenthesis, a quotation mark
// or a bracket that closes nothing is text, so that it cannot hide the mailboxes behind it.

export type AddressTokenKind =
  | 'atom'
  | 'quoted'
  | 'literal'
  | 'comment'
  | '@'
  | ','
  | ':'
  | ';'
  | '<'
  | '>';

export interface AddressToken {
  readonly kind: AddressTokenKind;
  readonly from: number;
  readonly to: number;
  /** White space or a comment is in front of it. */
  readonly isApart: boolean;
  /** An atom with characters that RFC 5322 allows only within quotes. */
  readonly isIrregular: boolean;
  readonly beginsWithDot: boolean;
  readonly endsWithDot: boolean;
}

/** Where the comments, quoted strings and domain literals end, by their first character. */
interface Closings {
  readonly parentheses: ReadonlyMap<number, number>;
  readonly quotes: ReadonlyMap<number, number>;
  readonly brackets: ReadonlyMap<number, number>;
}

/** Text without a special of RFC 5322 section 3.2.3. Dots belong to it: `J. Doe` and `a.b`. */
const TEXT = /[^ "()<>[\],:;@\\=]+/y;
/**
 * An encoded word is text whatever its payload has: unencoded commas are usual. Angle brackets end it, since readers that
 * know no encoded words would find an address between them.
 */
const ENCODED_WORD = /=\?[\w.:*+-]{1,64}\?[bBqQ]\?[^? <>\\]*\?=/y;

/** `value` has no tab or line end. */
export function tokenizeAddresses(value: string): AddressToken[] {
  const closings = findClosings(value);
  const tokens: AddressToken[] = [];
  let at = 0;
  let isApart = false;
  let atom: { readonly from: number; isIrregular: boolean } | undefined;
  const push = (kind: AddressTokenKind, from: number, isIrregular = false): void => {
    const beginsWithDot = value[from] === '.';
    const endsWithDot = value[at - 1] === '.';
    tokens.push({ kind, from, to: at, isApart, isIrregular, beginsWithDot, endsWithDot });
    isApart = kind === 'comment';
  };
  const endAtom = (): void => {
    if (atom !== undefined) push('atom', atom.from, atom.isIrregular);
    atom = undefined;
  };
  while (at < value.length) {
    const kind = kindAt(value, at, closings, tokens, atom === undefined);
    if (kind === 'atom') {
      atom ??= { from: at, isIrregular: false };
      const end = endOfText(value, at);
      if (end === undefined) atom.isIrregular = true;
      // A backslash has its character with it: a separator that is quoted like this is none.
      at = end ?? Math.min(value.length, at + (value[at] === '\\' ? 2 : 1));
      continue;
    }
    endAtom();
    const from = at;
    at = kind.end;
    if (kind.kind === 'space') isApart = true;
    else push(kind.kind, from);
  }
  endAtom();
  return tokens;
}

type Span = { readonly kind: Exclude<AddressTokenKind, 'atom'> | 'space'; readonly end: number };

/** What begins at `at`. A bracket begins a literal only behind an `@`: `[List] Bob` is a name. */
function kindAt(
  value: string,
  at: number,
  { parentheses, quotes, brackets }: Closings,
  tokens: readonly AddressToken[],
  isBetweenAtoms: boolean,
): Span | 'atom' {
  const char = value.charAt(at);
  switch (char) {
    case ' ':
      return { kind: 'space', end: at + 1 };
    case '@':
    case ',':
    case ':':
    case ';':
    case '<':
    case '>':
      return { kind: char, end: at + 1 };
    case '(':
      return spanOf('comment', parentheses.get(at));
    case '"':
      return spanOf('quoted', quotes.get(at));
    case '[': {
      const isDomain = isBetweenAtoms && tokens.at(-1)?.kind === '@';
      return isDomain ? spanOf('literal', brackets.get(at)) : 'atom';
    }
    case '\\':
      // At the end, it quotes nothing.
      return at + 1 < value.length ? 'atom' : { kind: 'space', end: at + 1 };
    default:
      return 'atom';
  }
}

function spanOf(kind: 'comment' | 'quoted' | 'literal', last: number | undefined): Span | 'atom' {
  return last === undefined ? 'atom' : { kind, end: last + 1 };
}

/** The end of the regular text at `at`, or `undefined` if there is none. */
function endOfText(value: string, at: number): number | undefined {
  if (value[at] === '=') {
    ENCODED_WORD.lastIndex = at;
    return ENCODED_WORD.test(value) ? ENCODED_WORD.lastIndex : at + 1;
  }
  TEXT.lastIndex = at;
  return TEXT.test(value) ? TEXT.lastIndex : undefined;
}

/**
 * One pass over the characters that open or close. The end of a comment depends only on the parentheses behind its start
 * (RFC 5322 section 3.2.2: no quoted strings within), the end of a quoted string only on the next quotation mark.
 */
function findClosings(value: string): Closings {
  const parentheses = new Map<number, number>();
  const quotes = new Map<number, number>();
  const brackets = new Map<number, number>();
  const open: number[] = [];
  let quote: number | undefined;
  let bracket: number | undefined;
  const special = /["()[\]\\]/g;
  for (let match = special.exec(value); match !== null; match = special.exec(value)) {
    const at = match.index;
    switch (match[0]) {
      case '\\':
        special.lastIndex = at + 2;
        break;
      case '"':
        if (quote !== undefined) quotes.set(quote, at);
        quote = at;
        break;
      case '(':
        open.push(at);
        break;
      case ')': {
        const start = open.pop();
        if (start !== undefined) parentheses.set(start, at);
        break;
      }
      case '[':
        bracket = at;
        break;
      default:
        if (bracket !== undefined) brackets.set(bracket, at);
        bracket = undefined;
    }
  }
  return { parentheses, quotes, brackets };
}
