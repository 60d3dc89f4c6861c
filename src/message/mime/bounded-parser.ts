// mailparser's parser with limits, and without four of its faults. The methods that are replaced are not part of its
// published types, so the version is pinned, and the tests of this folder notice when one of them changes.
import { MailParser, type SimpleParserOptions } from 'mailparser';
import { limitSplitter, MAX_HEADER_OCTETS, MAX_PARTS } from './limit-splitter.ts';
import { asWindows1252, decodeRawField } from './raw-octets.ts';
import { UU_ENCODINGS, UuDecoder } from './uu-decoder.ts';

/** A header field; `line` has one character for each octet. */
interface HeaderLine {
  readonly key: string;
  readonly line: string;
}

/** A part of the message. */
interface Node {
  readonly encoding: string | false;
  /** `false` for a multipart without a boundary, too. */
  readonly multipart: string | false;
  contentType: string | false;
  filename: string | false;
  getDecoder(): NodeJS.ReadWriteStream;
}

interface Internals {
  readonly splitter: object;
  processHeaders(lines: readonly HeaderLine[] | false): Map<string, unknown>;
  createNode(node: Node): { contentType: string | false };
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
  const explain = limitSplitter(internals.splitter, { maxParts, maxHeaderOctets });

  const processHeaders = internals.processHeaders.bind(internals);
  internals.processHeaders = (lines) => processHeaders(lines && mendHeader(lines));

  const createNode = internals.createNode.bind(internals);
  internals.createNode = (node) => {
    // Octets that are not UTF-8 were read as ISO-8859-1.
    if (node.filename) node.filename = asWindows1252(node.filename);
    if (node.encoding && UU_ENCODINGS.has(node.encoding)) node.getDecoder = () => new UuDecoder();
    const { contentType } = node;
    if (node.multipart || !contentType || !contentType.startsWith('multipart/')) {
      return createNode(node);
    }
    // A multipart without a boundary: mailparser would drop what is in it, so it is an attachment of that type.
    node.contentType = 'application/octet-stream';
    const created = createNode(node);
    created.contentType = node.contentType = contentType;
    return created;
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
