// A mail for a person to look at: its header fields, its parts and its text. Attachments are counted and
// thrown away as they stream by, so that a large mail needs no more memory than a small one.
import { finished, pipeline } from 'node:stream/promises';
import type { Readable, Writable } from 'node:stream';
import type { AttachmentStream, HeaderLines, MessageText } from 'mailparser';
import type { Place } from './list-mail.ts';
import type { MailRecord } from '../bridge/index.ts';
import { openObject } from './open-mail.ts';
import { MailUnparsableError } from '../message/mime/errors.ts';
import { requireSize, UnreadableMailError } from './unreadable-mail.ts';

export interface DescribedMail {
  readonly key: string;
  readonly sizeInOctets: number;
  /** Absent where the object has none that could be read. */
  readonly record?: MailRecord;
  /** Why the record, or a part of the octets, could not be read. */
  readonly unreadable?: UnreadableMailError;
  /** As they stand in the object, unfolded; encoded words decoded. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly structure?: MimePart;
  /** Why the message was not parsed to its end: it exceeds a limit of the parser. */
  readonly unparsable?: string;
  /** The first characters of the text, or of the text of the HTML. */
  readonly text: string;
  readonly attachments: readonly DescribedAttachment[];
}

export interface MimePart {
  readonly contentType: string;
  readonly children: readonly MimePart[];
}

export interface DescribedAttachment {
  readonly filename?: string;
  readonly contentType: string;
  readonly sizeInOctets: number;
}

const TEXT_CHARACTERS = 100_000;

/** What mailparser's parser has besides its published types. */
interface ParserTree {
  readonly tree?: ParserNode | false;
}
interface ParserNode {
  readonly contentType?: string;
  readonly children?: readonly ParserNode[];
}

/**
 * Reads what a person wants to see of a mail. Where its record cannot be read, or the octets end too early, it describes
 * the rest and says why in `unreadable`.
 * @throws UnreadableMailError where no octet can be read.
 */
export async function describeMail(place: Place, key: string): Promise<DescribedMail> {
  const { createBoundedParser } = await import('../message/mime/bounded-parser.ts');
  const { decodeRawField } = await import('../message/mime/raw-octets.ts');
  const { decodeEncodedWords } = await import('../message/encoded-words.ts');
  const { stream, sizeInOctets, record } = await openObject(place, key);
  const { parser, explain } = createBoundedParser();
  const attachments: DescribedAttachment[] = [];
  let headers: DescribedMail['headers'] = [];
  let text = '';
  parser.on('headerLines', (lines: HeaderLines) => {
    headers = lines.map(({ line }) => readField(decodeRawField(line), decodeEncodedWords));
  });
  parser.on('data', (part: AttachmentStream | MessageText) => {
    if (part.type === 'text') {
      text = (part.text ?? '').slice(0, TEXT_CHARACTERS);
      return;
    }
    void countAttachment(part).then(
      (attachment) => {
        attachments.push(attachment);
        part.release?.();
      },
      (error: Error) => parser.destroy(error),
    );
  });
  let unparsable: string | undefined;
  let unreadable: UnreadableMailError | undefined;
  try {
    await Promise.all([pipeline(stream, parser as unknown as Writable), finished(parser)]);
  } catch (error) {
    const explained = explain(error);
    if (explained instanceof MailUnparsableError) unparsable = explained.message;
    else unreadable = requireUnreadable(explained);
  }
  const { tree } = parser as unknown as ParserTree;
  let known: MailRecord | undefined;
  try {
    known = await record();
    requireSize(key, sizeInOctets, known);
  } catch (error) {
    unreadable = requireUnreadable(error);
  }
  const isWhole = unparsable === undefined && unreadable?.fault !== 'incomplete';
  return {
    key,
    sizeInOctets,
    ...(known && { record: known }),
    ...(unreadable && { unreadable }),
    headers,
    ...(tree && isWhole && { structure: partOf(tree) }),
    ...(unparsable !== undefined && { unparsable }),
    text,
    attachments,
  };
}

function requireUnreadable(error: unknown): UnreadableMailError {
  if (error instanceof UnreadableMailError) return error;
  throw error;
}

async function countAttachment(part: AttachmentStream): Promise<DescribedAttachment> {
  let sizeInOctets = 0;
  for await (const chunk of part.content as Readable) sizeInOctets += (chunk as Buffer).length;
  return {
    ...(part.filename !== undefined && { filename: part.filename }),
    contentType: part.contentType,
    sizeInOctets,
  };
}

function readField(
  line: string,
  decode: (text: string) => string,
): { readonly name: string; readonly value: string } {
  const colon = line.indexOf(':');
  const value = line.slice(colon + 1).replace(/\r?\n[ \t]+/g, ' ');
  return { name: line.slice(0, colon).trim(), value: decode(value.trim()) };
}

function partOf({ contentType, children = [] }: ParserNode): MimePart {
  return {
    contentType: contentType || 'text/plain',
    children: children.map(partOf),
  };
}
