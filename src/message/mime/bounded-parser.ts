// mailparser's parser with limits, and without four of its faults. The methods that are replaced are not part of its
// published types, so the version is pinned, and the tests of this folder notice when one of them changes.
import { MailParser, type SimpleParserOptions } from 'mailparser';
import { MailUnparsableError } from './errors.ts';
import { asWindows1252, decodeRawField } from './raw-octets.ts';
import { UU_ENCODINGS, UuDecoder } from './uu-decoder.ts';

/** Levels of parts within parts. Postfix (`mime_nesting_limit`) and Dovecot have the same limit. */
const MAX_DEPTH = 100;
/** The defaults of mailparser, set here so that another version of it changes nothing. */
const MAX_PARTS = 1000;
const MAX_HEADER_OCTETS = 1024 * 1024;

/** A header field; `line` has one character for each octet. */
interface HeaderLine {
  readonly key: string;
  readonly line: string;
}

/** A part of the message. */
interface Node {
  readonly encoding: string | false;
  filename: string | false;
  getDecoder(): NodeJS.ReadWriteStream;
}

interface Internals {
  readonly splitter: {
    readonly node: Node;
    readonly nodeCounter: number;
    maxChildNodes: number;
    newNode(parent?: Node | false): void;
  };
  processHeaders(lines: readonly HeaderLine[] | false): Map<string, unknown>;
  createNode(node: Node): unknown;
}

export interface BoundedParser {
  readonly parser: MailParser;
  /** The error that an error of the parser stands for. */
  readonly explain: (error: unknown) => unknown;
}

export function createBoundedParser(options: SimpleParserOptions = {}): BoundedParser {
  const maxParts = options.maxChildNodes ?? MAX_PARTS;
  const maxHeaderOctets = options.maxHeadSize ?? MAX_HEADER_OCTETS;
  const parser = new MailParser({
    ...options,
    maxChildNodes: maxParts,
    maxHeadSize: maxHeaderOctets,
  });
  const internals = parser as unknown as Internals;
  const { splitter } = internals;
  let exceeded: 'too-deep' | 'too-many-parts' | undefined;

  // Each part begins here, before its header is read. Beyond a limit, the splitter fails at the next line.
  const depths = new WeakMap<Node, number>();
  const newNode = splitter.newNode.bind(splitter);
  splitter.newNode = (parent) => {
    newNode(parent);
    const depth = parent ? (depths.get(parent) ?? 0) + 1 : 0;
    depths.set(splitter.node, depth);
    if (depth > MAX_DEPTH) exceeded ??= 'too-deep';
    if (splitter.nodeCounter > maxParts) exceeded ??= 'too-many-parts';
    if (exceeded !== undefined) splitter.maxChildNodes = -1;
  };

  const processHeaders = internals.processHeaders.bind(internals);
  internals.processHeaders = (lines) => processHeaders(lines && mendHeader(lines));

  const createNode = internals.createNode.bind(internals);
  internals.createNode = (node) => {
    // Octets that are not UTF-8 were read as ISO-8859-1.
    if (node.filename) node.filename = asWindows1252(node.filename);
    if (node.encoding && UU_ENCODINGS.has(node.encoding)) node.getDecoder = () => new UuDecoder();
    return createNode(node);
  };

  const explain = (error: unknown): unknown => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EMAXLEN')) return error;
    const [reason, message] =
      exceeded === 'too-deep'
        ? ([exceeded, `expected parts at most ${MAX_DEPTH} levels deep, got more`] as const)
        : exceeded === 'too-many-parts'
          ? ([exceeded, `expected at most ${maxParts} parts, got more`] as const)
          : ([
              'header-too-large',
              `expected a header section of at most ${maxHeaderOctets} octets, got more`,
            ] as const);
    return new MailUnparsableError(reason, message, { cause: error });
  };
  return { parser, explain };
}

/** A time of day, which RFC 5322 section 3.3 demands, or the date of ISO 8601. */
const DATE = /\d:\d\d|^\d{4}-\d\d-\d\d/;
/** The longest line of RFC 5322. */
const DATE_CHARACTERS = 998;

/**
 * A field whose octets are not UTF-8 becomes the UTF-8 of its windows-1252. A Date that is not a date is left out, for
 * which mailparser would give the present time.
 */
function mendHeader(lines: readonly HeaderLine[]): readonly HeaderLine[] {
  return lines.flatMap(({ key, line }) => {
    if (key === 'date' && !isDate(line.slice(line.indexOf(':') + 1))) return [];
    return [{ key, line: Buffer.from(decodeRawField(line)).toString('latin1') }];
  });
}

function isDate(value: string): boolean {
  if (value.length > DATE_CHARACTERS) return false;
  const text = value.replaceAll('\r\n', '').trim();
  return DATE.test(text) && !Number.isNaN(Date.parse(text));
}
