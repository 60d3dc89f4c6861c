// A whole message as mailparser's object. It does what mailparser's `simpleParser` does, which cannot be given another
// parser. Loaded by those who parse mail, when they do.
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Attachment, AttachmentStream, MailParser, ParsedMail } from 'mailparser';
import type { SimpleParserOptions } from 'mailparser';
import { createBoundedParser } from './bounded-parser.ts';
import { cleanStrings } from './clean.ts';

/**
 * Reads the stream to its end and parses it. No string of the result has a NUL or a surrogate without its pair.
 * @throws MailUnparsableError where a limit is exceeded; the error of the stream
 */
export async function parseMessage(
  source: Readable,
  options: SimpleParserOptions = {},
): Promise<ParsedMail> {
  const { parser, explain } = createBoundedParser(options);
  const failed = new Promise<never>((_resolve, reject) => {
    parser.once('error', reject);
    source.once('error', reject);
  });
  const mail = collect(source.pipe(parser), options);
  // One of the two is awaited; an error of the other that comes later is of no use.
  for (const each of [failed, mail]) each.catch(() => undefined);
  try {
    return cleanStrings(await Promise.race([failed, mail]));
  } catch (error) {
    throw explain(error);
  } finally {
    source.destroy();
    parser.destroy();
  }
}

const FIELDS = [
  ['subject', 'subject'],
  ['references', 'references'],
  ['date', 'date'],
  ['to', 'to'],
  ['from', 'from'],
  ['cc', 'cc'],
  ['bcc', 'bcc'],
  ['message-id', 'messageId'],
  ['in-reply-to', 'inReplyTo'],
  ['reply-to', 'replyTo'],
] as const;

async function collect(parser: MailParser, options: SimpleParserOptions): Promise<ParsedMail> {
  const attachments: Attachment[] = [];
  const mail: Record<string, unknown> = { attachments };
  for await (const part of parser) {
    if (part.type === 'text') {
      const { type: _, ...texts } = part;
      Object.assign(mail, texts);
    } else attachments.push(await readAttachment(part));
  }
  const { headers, headerLines, otp } = parser;
  Object.assign(mail, { headers, headerLines, ...(otp && { otp }) });
  if (headers) {
    for (const [field, name] of FIELDS) {
      if (headers.has(field)) mail[name] = headers.get(field);
    }
  }
  if (!options.keepCidLinks) mail['html'] = await withImages(parser);
  return mail as unknown as ParsedMail;
}

/** The parser goes on when the attachment is released. */
async function readAttachment(part: AttachmentStream): Promise<Attachment> {
  const content = await buffer(part.content);
  part.release?.();
  return Object.assign(part, { content }) as unknown as Attachment;
}

/** The HTML with its attached images in place of the `cid:` links; `false` where there is no HTML. */
function withImages(parser: MailParser): Promise<string | false> {
  return new Promise((resolve, reject) => {
    parser.updateImageLinks(
      ({ contentType, content }, done) => {
        const octets = content as unknown as Buffer;
        done(false, `data:${contentType};base64,${octets.toString('base64')}`);
      },
      (error, html) => {
        if (error) reject(error);
        else resolve(html ?? false);
      },
    );
  });
}
