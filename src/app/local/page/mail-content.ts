// What a stored message contains, read from its object each time: the page keeps no message in memory.
import { Readable } from 'node:stream';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { decodeEncodedWords } from '../../../message/encoded-words.ts';
import { parseFields } from '../../../message/header-section.ts';
import { MailUnparsableError } from '../../../message/mime/errors.ts';
import { type MessagePart, readMessageParts } from '../../../message/mime/message-parts.ts';
import { type PartFacts, readMimeTree } from './mime-tree.ts';
import type { MailDetail, MimePart, StoredObject } from './shapes.ts';

const TEXT_CHARACTERS = 1_000_000;
/** Enough for the search. */
const SEARCHED_OCTETS = 200_000;
const HEADER_OCTETS = 1024 * 1024;

export interface ObjectPlace {
  readonly bucket: string;
  readonly key: string;
}

export interface ReadObject {
  readonly object: StoredObject;
  readonly octets: Buffer;
}

export type MailContent = Pick<
  MailDetail,
  'headers' | 'text' | 'hasHtml' | 'structure' | 'attachments' | 'problem'
>;

/** @throws the SDK's error where there is no such object */
export async function readObject(
  s3: S3Client,
  { bucket, key }: ObjectPlace,
  maxOctets?: number,
): Promise<ReadObject> {
  const answer = await s3.send(
    new GetObjectCommand({
      Bucket: bucket,
      Key: key,
      ...(maxOctets !== undefined && { Range: `bytes=0-${maxOctets - 1}` }),
    }),
  );
  const octets = Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
  const metadata = answer.Metadata ?? {};
  return { object: { bucket, key, sizeInOctets: octets.length, metadata }, octets };
}

export async function readMailContent(octets: Buffer): Promise<MailContent> {
  const facts = new Map<string, PartFacts>();
  const attachments: MimePart[] = [];
  let text: string | null = null;
  let hasHtml = false;
  let problem: string | undefined;
  let structure: MimePart | null = null;
  try {
    for await (const part of readMessageParts(Readable.from([octets]))) {
      const isText = text === null && isBody(part, 'text/plain');
      const known: PartFacts = {
        contentType: part.contentType,
        ...(part.filename !== undefined && { filename: part.filename }),
        ...(part.contentId !== undefined && { contentId: part.contentId }),
        ...(part.disposition !== undefined && { disposition: part.disposition }),
      };
      if (isText) {
        text = (await part.text({ maxOctets: Infinity })).slice(0, TEXT_CHARACTERS);
        facts.set(part.number, { ...known, sizeInOctets: Buffer.byteLength(text) });
        continue;
      }
      const sizeInOctets = await sizeOf(part.content);
      facts.set(part.number, { ...known, sizeInOctets });
      if (!hasHtml && isBody(part, 'text/html')) hasHtml = true;
      else attachments.push({ number: part.number, ...known, sizeInOctets, children: [] });
    }
    structure = await readMimeTree(Readable.from([octets]), facts);
  } catch (error) {
    if (!(error instanceof MailUnparsableError)) throw error;
    problem = error.message;
  }
  return {
    headers: readHeaders(octets),
    ...{ text, hasHtml, structure, attachments },
    ...(problem !== undefined && { problem }),
  };
}

/** The first text/html part; `undefined` where there is none. */
export async function readHtml(octets: Buffer): Promise<string | undefined> {
  for await (const part of readMessageParts(Readable.from([octets]))) {
    // Awaited here: the part is gone once the iteration has ended.
    if (isBody(part, 'text/html')) return await part.text({ maxOctets: Infinity });
  }
  return undefined;
}

export interface PartContent {
  readonly contentType: string;
  readonly filename?: string;
  readonly content: Buffer;
}

export async function readPart(octets: Buffer, number: string): Promise<PartContent | undefined> {
  for await (const part of readMessageParts(Readable.from([octets]))) {
    if (part.number !== number) continue;
    const chunks: Buffer[] = [];
    for await (const chunk of part.content as AsyncIterable<Buffer>) chunks.push(chunk);
    const { contentType, filename } = part;
    return {
      contentType,
      ...(filename !== undefined && { filename }),
      content: Buffer.concat(chunks),
    };
  }
  return undefined;
}

/** The words of the message that the search finds: its text, or the text of its HTML. */
export async function readSearchText(s3: S3Client, place: ObjectPlace): Promise<string> {
  const { octets } = await readObject(s3, place, SEARCHED_OCTETS);
  let html = '';
  try {
    for await (const part of readMessageParts(Readable.from([octets]))) {
      if (isBody(part, 'text/plain')) return await part.text();
      if (html === '' && isBody(part, 'text/html')) html = await part.text();
    }
  } catch (error) {
    if (!(error instanceof MailUnparsableError)) throw error;
  }
  return html.replace(/<(?:style|script)\b[^]*?<\/|<[^>]*>|&nbsp;/gi, ' ').replace(/\s+/g, ' ');
}

function isBody({ contentType, disposition }: MessagePart, type: string): boolean {
  return contentType === type && disposition !== 'attachment';
}

function readHeaders(octets: Buffer): MailContent['headers'] {
  const end = endOfHeaders(octets.subarray(0, HEADER_OCTETS));
  return parseFields(octets.subarray(0, end)).map(({ name, value }) => ({
    name,
    value: decodeEncodedWords(value),
  }));
}

function endOfHeaders(head: Buffer): number {
  const crlf = head.indexOf('\r\n\r\n', 0, 'latin1');
  const lf = head.indexOf('\n\n', 0, 'latin1');
  const ends = [crlf === -1 ? -1 : crlf + 2, lf === -1 ? -1 : lf + 1].filter((end) => end !== -1);
  return ends.length === 0 ? head.length : Math.min(...ends);
}

async function sizeOf(content: Readable): Promise<number> {
  let octets = 0;
  for await (const chunk of content as AsyncIterable<Buffer>) octets += chunk.length;
  return octets;
}
