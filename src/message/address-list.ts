// Address lists of header fields (RFC 5322 section 3.4, with the obsolete forms of section 4.4), split into mailboxes.
// Lenient: text that is no address is kept, for the subscriber to judge.
import { type AddressToken, tokenizeAddresses } from './address-tokens.ts';
import { trimSpaces } from './clean-text.ts';
import { decodeEncodedWords } from './encoded-words.ts';

export interface ListedMailbox {
  /**
   * The mailbox with its display name, encoded words decoded: `"A B" <a@b.example>`. As received where that is regular.
   * Reading it again gives the same address.
   */
  readonly text: string;
  /** The address alone, without comments. `''` where there is only a name. */
  readonly address: string;
}

/**
 * The mailboxes of one field's value, those in groups included (`undisclosed-recipients:;` has none). The value is that
 * of a `HeaderField`: no control character is in it.
 */
export function parseAddressList(value: string): ListedMailbox[] {
  return parseRegularList(value) ?? new AddressListReader(value).read();
}

/**
 * `Name <address>` or an address, without comments, groups and escapes: what nearly all mail has. Each
 * run in it ends at a character that is not in the run, so that trying is linear.
 */
const REGULAR =
  /(?: *"[^"\\]*" *<([^ "(),:;<>@[\]\\]+@[^ "(),:;<>@[\]\\]+)>| *([^ "(),:;<>@[\]\\]+@[^ "(),:;<>@[\]\\]+)|[^"(),:;<>@[\]\\]*<([^ "(),:;<>@[\]\\]+@[^ "(),:;<>@[\]\\]+)>) *(?:,|$)/y;

function parseRegularList(value: string): ListedMailbox[] | undefined {
  const hasEncodedWords = value.includes('=?');
  const mailboxes: ListedMailbox[] = [];
  REGULAR.lastIndex = 0;
  while (REGULAR.lastIndex < value.length) {
    const from = REGULAR.lastIndex;
    const match = REGULAR.exec(value);
    if (match === null) return undefined;
    const end = value[REGULAR.lastIndex - 1] === ',' ? REGULAR.lastIndex - 1 : REGULAR.lastIndex;
    const address = match[1] ?? match[2] ?? match[3] ?? '';
    const received = trimSpaces(value.slice(from, end));
    const text = hasEncodedWords ? decodeRegular(received, address) : received;
    if (text === undefined) return undefined;
    mailboxes.push({ text, address });
  }
  return mailboxes;
}

/** `undefined` where the encoded words are not simply the name in front of the brackets. */
function decodeRegular(received: string, address: string): string | undefined {
  if (!received.includes('=?')) return received;
  const open = received.indexOf('<');
  if (open === -1 || /["]|  /.test(received) || address.includes('=?')) return undefined;
  const name = showName(received.slice(0, open));
  return name === '' ? undefined : `${name} <${address}>`;
}

/** The name that is written in `bare`, quoted where it needs it. */
function showName(bare: string): string {
  const decoded = decodeEncodedWords(bare).trim();
  if (!/[()<>[\]:;@\\,."]/.test(decoded)) return decoded;
  return `"${decoded.replace(/["\\]/g, '\\$&')}"`;
}

/** What an angle bracket has opened. */
interface AngleAddress {
  readonly address: string;
  readonly isRegular: boolean;
  readonly inner: readonly AddressToken[];
  /** The token behind it. */
  readonly next: number;
  /** Where its `>` ends. */
  readonly end: number;
}

class AddressListReader {
  readonly #value: string;
  readonly #tokens: readonly AddressToken[];
  readonly #lastSemicolon: number;
  readonly #hasEncodedWords: boolean;
  readonly #mailboxes: ListedMailbox[] = [];
  /** Of the mailbox that is being read. */
  #element: AddressToken[] = [];
  /** A mailbox of the same element has been read: `A <a@b.example> and more`. */
  #isBehindMailbox = false;
  /** That mailbox has no name, which may stand in a comment behind it. */
  #isNameless = false;
  #isInGroup = false;

  constructor(value: string) {
    this.#value = value;
    this.#tokens = tokenizeAddresses(value);
    this.#lastSemicolon = this.#tokens.findLastIndex(({ kind }) => kind === ';');
    this.#hasEncodedWords = value.includes('=?');
  }

  read(): ListedMailbox[] {
    let at = 0;
    for (let token = this.#tokens[at]; token !== undefined; token = this.#tokens[at]) {
      if (token.kind === '<') {
        const angle = this.#readAngleAddress(at);
        this.#addNamed(token, angle);
        at = angle.next;
        continue;
      }
      if (token.kind === ',' || token.kind === ';') {
        this.#endElement();
        if (token.kind === ';') this.#isInGroup = false;
      } else if (token.kind === ':' && this.#beginsGroup(at)) {
        this.#isInGroup = true;
        this.#element = [];
      } else {
        this.#element.push(token);
      }
      at += 1;
    }
    this.#endElement();
    return this.#mailboxes;
  }

  /** A colon that no semicolon closes belongs to a name: `Re: hello <a@b.example>`. Groups have no groups in them. */
  #beginsGroup(at: number): boolean {
    if (this.#isInGroup || at > this.#lastSemicolon || this.#isBehindMailbox) return false;
    const isPhrase = this.#element.every((token) => isWord(token) || isComment(token));
    return isPhrase && !this.#element.every(isComment);
  }

  /** The address between angle brackets. Without a `>`, it ends where the next mailbox may begin. */
  #readAngleAddress(open: number): AngleAddress {
    // A source route (RFC 5322 section 4.4, obsolete) has commas and ends with a colon.
    let isInRoute = this.#tokens[open + 1]?.kind === '@';
    let firstComma: number | undefined;
    let start = open + 1;
    let next = start;
    let token = this.#tokens[next];
    for (; token !== undefined; next += 1, token = this.#tokens[next]) {
      if (token.kind === '<' || token.kind === '>' || token.kind === ';') break;
      if (token.kind === ',') {
        if (!isInRoute) break;
        firstComma ??= next;
      } else if (token.kind === ':' && isInRoute) {
        isInRoute = false;
        firstComma = undefined;
        start = next + 1;
      }
    }
    const isClosed = token?.kind === '>';
    if (!isClosed && firstComma !== undefined) next = firstComma;
    const route = this.#tokens.slice(open + 1, start);
    const inner = this.#tokens.slice(start, next);
    const words = wordsOf(inner);
    // What begins with an @ would be a route.
    const isAddress = words[0]?.[0]?.kind !== '@';
    const address = isAddress ? words.map((word) => this.#textOf(word)).join(' ') : '';
    const asReceived = this.#value.slice(this.#tokens[start - 1]?.to, token?.from);
    return {
      address,
      isRegular:
        isClosed && asReceived === address && inner.every(isAddressPart) && !route.some(isComment),
      inner,
      next: isClosed ? next + 1 : next,
      end: token?.to ?? this.#value.length,
    };
  }

  #addNamed(open: AddressToken, angle: AngleAddress): void {
    const element = this.#element;
    this.#element = [];
    this.#isBehindMailbox = true;
    const { address } = angle;
    const name = element.filter((token) => !isComment(token));
    this.#isNameless = element.length === 0 && address !== '' && angle.isRegular;
    if (name.length === 0 && address === '') return;
    if (angle.isRegular && this.#isPhrase(name) && name.length === element.length) {
      const { from } = element[0] ?? open;
      this.#mailboxes.push({ text: this.#value.slice(from, angle.end), address });
      return;
    }
    const phrase = this.#renderPhrase(name, element.filter(isComment));
    if (phrase !== '') {
      this.#mailboxes.push({ text: `${phrase} <${address}>`, address });
    } else if (address !== '') {
      const around = [...element, ...angle.inner];
      this.#mailboxes.push({ text: this.#withComments(`<${address}>`, around), address });
    }
  }

  /** What a separator ends: an address, several that no separator parts, or a name. */
  #endElement(): void {
    const element = this.#element;
    const isBehindMailbox = this.#isBehindMailbox;
    this.#element = [];
    this.#isBehindMailbox = false;
    const comments = element.filter(isComment);
    if (isBehindMailbox && this.#isNameless) this.#nameLast(element);
    let name: AddressToken[] = [];
    let isAlone = !isBehindMailbox;
    for (const word of wordsOf(element)) {
      if (!isAddress(word)) {
        for (const token of word) name.push(token);
        continue;
      }
      const address = this.#textOf(word);
      const phrase = this.#renderPhrase(name, comments);
      const bare = isAlone ? this.#withComments(address, element) : address;
      this.#mailboxes.push({ text: phrase === '' ? bare : `${phrase} <${address}>`, address });
      name = [];
      isAlone = false;
    }
    // Words behind an address are none of their own.
    const text = isAlone ? this.#renderPhrase(name, comments) : '';
    if (text !== '') this.#mailboxes.push({ text, address: '' });
  }

  #nameLast(around: readonly AddressToken[]): void {
    const last = this.#mailboxes.pop();
    if (last === undefined) return;
    this.#mailboxes.push({ ...last, text: this.#withComments(last.text, around) });
  }

  /** A display name as RFC 5322 has it, with nothing to decode. */
  #isPhrase(name: readonly AddressToken[]): boolean {
    return name.every((token) => {
      if (!isWord(token) || token.isIrregular) return false;
      return !this.#hasEncodedWords || !this.#textOf([token]).includes('=?');
    });
  }

  /** The display name: as received if it is a phrase, otherwise decoded, and quoted where it needs it. */
  #renderPhrase(name: readonly AddressToken[], comments: readonly AddressToken[]): string {
    const [first] = name;
    const last = name.at(-1);
    if (first === undefined || last === undefined) return '';
    const isParted = comments.some(({ from }) => from > first.from && from < last.from);
    if (!isParted && this.#isPhrase(name)) return this.#value.slice(first.from, last.to);
    let bare = '';
    for (const token of name) {
      if (token.isApart && token !== first) bare += ' ';
      const text = this.#textOf([token]);
      bare += token.kind === 'quoted' ? unquote(text) : text;
    }
    return showName(bare);
  }

  /** Comments stay where they are the only name: `a@b.example (A)`. Not with characters that they would close. */
  #withComments(address: string, around: readonly AddressToken[]): string {
    let text = address;
    if (around.some(({ isIrregular }) => isIrregular)) return text;
    for (const token of around) {
      if (isComment(token)) text += ` ${decodeComment(this.#textOf([token]))}`;
    }
    return text;
  }

  #textOf(tokens: readonly AddressToken[]): string {
    return tokens.map(({ from, to }) => this.#value.slice(from, to)).join('');
  }
}

function isComment({ kind }: AddressToken): boolean {
  return kind === 'comment';
}

function isWord({ kind }: AddressToken): boolean {
  return kind === 'atom' || kind === 'quoted';
}

function isAddressPart(token: AddressToken): boolean {
  return (isWord(token) && !token.isIrregular) || token.kind === '@' || token.kind === 'literal';
}

/** It has an `@` with something on either side. */
function isAddress(word: readonly AddressToken[]): boolean {
  return (
    word.some(({ kind }) => kind === '@') && word[0]?.kind !== '@' && word.at(-1)?.kind !== '@'
  );
}

/**
 * The words of an element, comments left out. A dot or an `@` holds its neighbors together, blanks and comments
 * around it or not (the obsolete local-part and domain of RFC 5322 section 4.4).
 */
function wordsOf(element: readonly AddressToken[]): AddressToken[][] {
  const words: AddressToken[][] = [];
  let before: AddressToken | undefined;
  for (const token of element) {
    if (isComment(token)) continue;
    if (before !== undefined && isHeldTogether(before, token)) words.at(-1)?.push(token);
    else words.push([token]);
    before = token;
  }
  return words;
}

function isHeldTogether(before: AddressToken, token: AddressToken): boolean {
  if (before.kind === '@') return isWord(token) || token.kind === 'literal' || token.kind === '@';
  if (token.kind === '@') return isWord(before) || before.kind === 'literal';
  return (before.endsWithDot && isWord(token)) || (token.beginsWithDot && isWord(before));
}

function unquote(quoted: string): string {
  return quoted.slice(1, -1).replace(/\\(.)/g, '$1');
}

/** As received unless it has encoded words, which may bring in characters that a comment must escape. */
function decodeComment(comment: string): string {
  if (!comment.includes('=?')) return comment;
  const decoded = decodeEncodedWords(comment.slice(1, -1).replace(/\\(.)/g, '$1'));
  return `(${decoded.replace(/[()\\]/g, '\\$&')})`;
}
