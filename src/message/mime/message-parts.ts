// The parts of a message one after the other, each with its content as a stream, so that a message of any size needs no more
// memory than a small one.
import { isUtf8 } from 'node:buffer';
import { pipeline, Readable, type Transform } from 'node:stream';
import { type MimeNode, type SplitterChunk, Splitter } from '@zone-eu/mailsplit';
import { findCharset } from '../charsets.ts';
import { decodeWindows1252 } from '../windows-1252.ts';
import { cleanString } from './clean.ts';
import { MailUnparsableError } from './errors.ts';
import { limitSplitter, MAX_HEADER_OCTETS, MAX_PARTS } from './limit-splitter.ts';
import { asWindows1252, decodeRawField } from './raw-octets.ts';
import { UU_ENCODINGS, UuDecoder } from './uu-decoder.ts';

/** A part of a message that holds content: not a multipart, but what is in it. */
export interface MessagePart {
  /** Where it is in the message, as in IMAP: `1`, `2.1`. A message that is no multipart is its part `1`. */
  readonly number: string;
  /** Lower-case, without parameters; `text/plain` where the part names none. */
  readonly contentType: string;
  /** As the part names it. Absent where it does not. */
  readonly charset?: string;
  /** `attachment`, `inline`, or what else the part says, lower-case. Absent where it says nothing. */
  readonly disposition?: string;
  /** Decoded, and without meaning: it can be a path. Absent where the part has none, as attached messages often do. */
  readonly filename?: string;
  /** Without angle brackets. */
  readonly contentId?: string;
  /** The header fields of the part, in their order: of a message that is no multipart, those of the message. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  /**
   * `no-boundary`: the part says that it is a multipart and names no boundary, so it cannot be divided; its content is
   * everything in it.
   */
  readonly problem?: 'no-boundary';
  /**
   * The octets without the transfer encoding (base64, quoted-printable, uuencode); text in the charset of the part. Read it
   * before the next part is asked for, which skips what is left of it.
   */
  readonly content: Readable;
  /**
   * Reads the content as text in the charset of the part, or in UTF-8 or windows-1252 where it names none that is known.
   * @throws MailUnparsableError with the reason `text-too-large` beyond `maxOctets`, by default 10 MiB
   */
  text(options?: { readonly maxOctets?: number }): Promise<string>;
}

export interface MessagePartsOptions {
  /** Default 1,000. */
  readonly maxParts?: number;
  /** Of the message, and of each part. Default 1 MiB. */
  readonly maxHeaderOctets?: number;
}

/**
 * Reads the stream part by part. The end of the iteration, also an early one, destroys it.
 * @throws MailUnparsableError where a limit is exceeded; the error of the stream
 */
export async function* readMessageParts(
  source: Readable,
  options: MessagePartsOptions = {},
): AsyncGenerator<MessagePart, void, undefined> {
  const { maxParts = MAX_PARTS, maxHeaderOctets = MAX_HEADER_OCTETS } = options;
  const splitter = new Splitter({
    maxChildNodes: maxParts,
    maxHeadSize: maxHeaderOctets,
    // An attached message is a part with content.
    ignoreEmbedded: true,
  });
  const explain = limitSplitter(splitter, { maxParts, maxHeaderOctets });
  // An error of either reaches the reader by the splitter.
  pipeline(source, splitter, () => undefined);
  const chunks = new Chunks(splitter, explain);
  try {
    for (;;) {
      const node = await chunks.nextNode();
      if (node === undefined) return;
      if (node.multipart) continue;
      const content = new PartContent(chunks, node);
      yield makePart(node, content.stream);
      await content.skip();
    }
  } finally {
    splitter.destroy();
    source.destroy();
  }
}

/** What the splitter gives, read by one at a time: by the iteration, or by the content of the part that it has given. */
class Chunks {
  readonly #iterator: AsyncIterator<SplitterChunk>;
  readonly #explain: (error: unknown) => unknown;
  #next: SplitterChunk | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(splitter: Splitter, explain: (error: unknown) => unknown) {
    this.#iterator = splitter[Symbol.asyncIterator]();
    this.#explain = explain;
  }

  /** The next part, with what is left of the one before skipped. */
  async nextNode(): Promise<MimeNode | undefined> {
    for (;;) {
      const chunk = await this.#take();
      if (chunk === undefined) return undefined;
      if (chunk.type === 'node') return chunk as MimeNode;
    }
  }

  /** The encoded content of the part before the next one. */
  async *body(): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      const chunk = await this.#take();
      if (chunk === undefined) return;
      if (chunk.type === 'node') {
        this.#next = chunk;
        return;
      }
      // Anything else is the lines between parts.
      if (chunk.type === 'body') yield chunk.value;
    }
  }

  async #take(): Promise<SplitterChunk | undefined> {
    // It may have occurred while the content of a part was read, and the reader of that content may have caught it.
    if (this.#failure !== undefined) throw this.#failure.error;
    const chunk = this.#next;
    this.#next = undefined;
    if (chunk !== undefined) return chunk;
    try {
      const { done, value } = await this.#iterator.next();
      return done ? undefined : value;
    } catch (error) {
      this.#failure = { error: this.#explain(error) };
      throw this.#failure.error;
    }
  }
}

class PartContent {
  readonly stream: Readable;
  readonly #body: AsyncGenerator<Buffer, void, undefined>;

  constructor(chunks: Chunks, node: MimeNode) {
    this.#body = chunks.body();
    const decoder = decoderOf(node);
    // Nothing is read before the reader of the content asks for it.
    const decoded = decoder === undefined ? this.#body : decode(this.#body, decoder);
    this.stream = Readable.from(decoded, { objectMode: false });
    // An error ends the iteration too, so that a reader without a listener misses none.
    this.stream.on('error', () => undefined);
  }

  /** Ends the content, so that the next chunk is the iteration's. */
  async skip(): Promise<void> {
    this.stream.destroy();
    await this.#body.return();
  }
}

async function* decode(
  body: AsyncGenerator<Buffer, void, undefined>,
  decoder: Transform,
): AsyncGenerator<Buffer, void, undefined> {
  pipeline(Readable.from(body, { objectMode: false }), decoder, () => undefined);
  yield* decoder as AsyncIterable<Buffer>;
}

/** `undefined`: the content is as it is in the message. */
function decoderOf(node: MimeNode): Transform | undefined {
  const encoding = node.encoding || '';
  if (UU_ENCODINGS.has(encoding)) return new UuDecoder();
  return encoding === 'base64' || encoding === 'quoted-printable' ? node.getDecoder() : undefined;
}

function makePart(node: MimeNode, content: Readable): MessagePart {
  const headers = node.headers ? node.headers.getList().map(({ line }) => readField(line)) : [];
  const contentId = headers.find(({ name }) => name.toLowerCase() === 'content-id')?.value;
  const charset = clean(node.charset);
  const disposition = clean(node.disposition);
  // Octets that are not UTF-8 were read as ISO-8859-1.
  const filename = node.filename ? clean(asWindows1252(node.filename)) : undefined;
  const contentType = clean(node.contentType) ?? 'text/plain';
  const numbers = (node.partNr || []).filter((each) => typeof each === 'number');
  return {
    number: numbers.length === 0 ? '1' : numbers.join('.'),
    contentType,
    ...(charset !== undefined && { charset }),
    ...(disposition !== undefined && { disposition }),
    ...(filename !== undefined && { filename }),
    ...(contentId !== undefined && { contentId: contentId.replace(/^<|>$/g, '') }),
    headers,
    ...(contentType.startsWith('multipart/') && { problem: 'no-boundary' as const }),
    content,
    text: ({ maxOctets = TEXT_OCTETS } = {}) => readText(content, charset, maxOctets),
  };
}

function clean(text: string | false): string | undefined {
  return text ? cleanString(text) : undefined;
}

/** Unfolded: RFC 5322 section 2.2.3. */
function readField(line: string): { readonly name: string; readonly value: string } {
  const colon = line.indexOf(':');
  const text = cleanString(decodeRawField(colon === -1 ? '' : line.slice(colon + 1)));
  return {
    name: cleanString(colon === -1 ? line : line.slice(0, colon)).trim(),
    value: text.replace(/\r?\n/g, '').trim(),
  };
}

const TEXT_OCTETS = 10 * 1024 * 1024;

async function readText(
  content: Readable,
  charset: string | undefined,
  maxOctets: number,
): Promise<string> {
  const read: Buffer[] = [];
  let left = maxOctets;
  for await (const chunk of content as AsyncIterable<Buffer>) {
    left -= chunk.length;
    if (left < 0) {
      throw new MailUnparsableError(
        'text-too-large',
        `expected a text of at most ${maxOctets} octets, got more; read the content as a stream`,
      );
    }
    read.push(chunk);
  }
  return cleanString(decodeText(Buffer.concat(read), charset)).replaceAll('\r\n', '\n');
}

function decodeText(octets: Buffer, label: string | undefined): string {
  const isAscii = label === undefined || /^(?:us-?)?ascii$/i.test(label);
  const charset = isAscii ? undefined : findCharset(label);
  if (charset !== undefined) return charset.decode(octets);
  return isUtf8(octets) ? octets.toString() : decodeWindows1252(octets);
}
