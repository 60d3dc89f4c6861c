// Parses a message that streams by, as a subscriber would, and keeps nothing of it.
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { AttachmentStream, MessageText } from 'mailparser';
import { MailUnparsableError } from '../message/mime/errors.ts';

export interface ParseProbe {
  /** Settles when more may be written. */
  write(chunk: Buffer): Promise<void>;
  /** Why the message cannot be parsed; `undefined` if it can. */
  end(): Promise<string | undefined>;
}

/** The parser makes nothing of a text: HTML of it and links in it take far longer than to parse it. */
const NOTHING_MADE = {
  skipHtmlToText: true,
  skipImageLinks: true,
  skipTextToHtml: true,
  skipTextLinks: true,
};

export async function createParseProbe(): Promise<ParseProbe> {
  const { createBoundedParser } = await import('../message/mime/bounded-parser.ts');
  const { parser, explain } = createBoundedParser(NOTHING_MADE);
  let failure: unknown;
  parser.on('data', (part: AttachmentStream | MessageText) => {
    if (part.type === 'text') return;
    const content = part.content as Readable;
    content.once('end', () => part.release?.());
    content.resume();
  });
  const parsed = finished(parser).catch((error: unknown) => {
    failure = error;
  });
  return {
    write: async (chunk) => {
      if (failure !== undefined || parser.destroyed || parser.write(chunk)) return;
      await Promise.race([once(parser, 'drain'), parsed]).catch(() => undefined);
    },
    end: async () => {
      if (!parser.destroyed) parser.end();
      await parsed;
      if (failure === undefined) return undefined;
      const explained = explain(failure);
      if (explained instanceof MailUnparsableError) return explained.message;
      throw explained;
    },
  };
}
