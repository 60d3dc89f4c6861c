// Renames, in the header section of a message that arrives, the fields that claim to be this server's. The new name has as
// many octets, so nothing else of the message changes.
import { claimsToBeOurs, FORMER_NAMES, type TraceFieldName } from '../../message/forged-fields.ts';

/** A field that goes on for so long is judged by what has come of it. */
export const HELD_OCTETS = 16 * 1024;
/** The name of a field with the blanks before its colon, which old syntax allows (RFC 5322 section 4.5). */
const MAX_NAME_OCTETS = 64;

const NOTHING = Buffer.alloc(0);
const NAMES = Object.keys(FORMER_NAMES) as TraceFieldName[];
/**
 * A line begins behind an LF, and behind a CR too: some readers take each as a line end, and the message may have any of
 * them where bare newlines are accepted.
 */
const LINE_START = '(?:\\n|\\r(?!\\n))';
/** Readers skip the mark that some clients put in front of a message. */
const BYTE_ORDER_MARK = '(?:\\xef\\xbb\\xbf)?';
const FIELD = new RegExp(`${LINE_START}${BYTE_ORDER_MARK}(${NAMES.join('|')})[ \\t]*:`, 'gi');
const FIELD_END = new RegExp(`${LINE_START}(?![ \\t])`, 'g');

/** What is stored of a span, and what the client sent in its place. */
type Take = (span: Buffer, received: Buffer) => boolean;

export class ForgedFieldFilter {
  readonly #hostname: string;
  readonly #take: Take;
  /** What cannot be judged yet, to be stored and as received. */
  #held = NOTHING;
  #heldReceived = NOTHING;
  /** Whether the next octet to judge begins a line; else an octet of a line end is held with it. */
  #isLineStart = true;
  /** The header section has ended. */
  isOver = false;
  /** Fields renamed so far. */
  renamed = 0;

  constructor(hostname: string, take: Take) {
    this.#hostname = hostname;
    this.#take = take;
  }

  /** Passes on what can be judged. */
  write(span: Buffer, received: Buffer): boolean {
    const isAsReceived = span === received && this.#held === this.#heldReceived;
    const octets = this.#held.length === 0 ? span : Buffer.concat([this.#held, span]);
    const end = endOfHeader(octets, this.#isLineStart);
    this.isOver = end !== -1;
    const head = end === -1 ? octets : octets.subarray(0, end);
    const { cut, found } = this.#judge(head.toString('latin1'), this.isOver);
    const passed = end === -1 ? octets.subarray(0, cut) : octets;
    const stored = found.length === 0 ? passed : rename(passed, found);
    this.renamed += found.length;

    const heldBefore = this.#heldReceived;
    // A small copy, so that a few octets do not keep the buffer of a socket.
    this.#held = cut < octets.length && !this.isOver ? Buffer.from(octets.subarray(cut)) : NOTHING;
    if (isAsReceived) {
      this.#heldReceived = this.#held;
      if (passed.length === 0) return true;
      return this.#take(stored, found.length === 0 ? stored : passed);
    }
    this.#heldReceived = NOTHING;
    return this.#take(
      stored,
      heldBefore.length === 0 ? received : Buffer.concat([heldBefore, received]),
    );
  }

  /** The message has ended: what is held is all there is. */
  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    const { found } = this.#judge(this.#held.toString('latin1'), true);
    this.renamed += found.length;
    if (this.#held.length === 0) return;
    const stored = found.length === 0 ? this.#held : rename(this.#held, found);
    this.#take(
      stored,
      this.#held === this.#heldReceived && found.length === 0 ? stored : this.#heldReceived,
    );
    this.#held = this.#heldReceived = NOTHING;
  }

  /** How many octets can be passed on, and the fields among them that claim to be ours. */
  #judge(text: string, isWhole: boolean): { readonly cut: number; readonly found: Found[] } {
    const before = this.#isLineStart ? 1 : 0;
    const head = before === 1 ? `\n${text}` : text;
    const found: Found[] = [];
    for (const match of head.matchAll(FIELD)) {
      const [whole, spelled = ''] = match;
      const at = match.index + whole.search(/[a-z]/i);
      const value = match.index + whole.length;
      FIELD_END.lastIndex = value;
      const end = FIELD_END.exec(head);
      // The octet behind a line end says whether the field goes on.
      const isCut = end === null || end.index + end[0].length === head.length;
      if (isCut && !isWhole && head.length - at < HELD_OCTETS) {
        this.#isLineStart = true;
        return { cut: at - before, found };
      }
      const name = spelled.toLowerCase() as TraceFieldName;
      if (claimsToBeOurs(name, head.slice(value, end?.index), this.#hostname)) {
        found.push({ at: at - before, name });
      }
    }
    if (isWhole) return { cut: text.length, found };
    const cut = cutOf(head);
    if (cut > 0 || before === 0) this.#isLineStart = false;
    return { cut: Math.max(0, cut - before), found };
  }
}

interface Found {
  readonly at: number;
  readonly name: TraceFieldName;
}

/** Where the empty line is that ends the header section, or -1. */
function endOfHeader(octets: Buffer, isLineStart: boolean): number {
  if (isLineStart && (octets[0] === 0x0a || (octets[0] === 0x0d && octets[1] === 0x0a))) return 0;
  const crlf = octets.indexOf('\n\r\n', 0, 'latin1');
  const lf = (crlf === -1 ? octets : octets.subarray(0, crlf)).indexOf('\n\n', 0, 'latin1');
  const end = lf === -1 ? crlf : lf;
  return end === -1 ? -1 : end + 1;
}

/** From where on the text may be the beginning of a field that matters, or of an empty line. */
function cutOf(head: string): number {
  if (head.endsWith('\r')) return head.length - (head.endsWith('\n\r') ? 2 : 1);
  const lineEnd = Math.max(head.lastIndexOf('\n'), head.lastIndexOf('\r'));
  const line = head
    .slice(lineEnd + 1)
    .toLowerCase()
    .replace(/^\xef(?:\xbb\xbf?)?/, '');
  if (lineEnd === -1 || line.length > MAX_NAME_OCTETS) return head.length;
  const name = line.trimEnd();
  const mayBe = NAMES.some((each) => (name === line ? each.startsWith(line) : each === name));
  return mayBe ? lineEnd : head.length;
}

function rename(octets: Buffer, found: readonly Found[]): Buffer {
  const renamed = Buffer.from(octets);
  for (const { at, name } of found) renamed.write(FORMER_NAMES[name], at, 'latin1');
  return renamed;
}
