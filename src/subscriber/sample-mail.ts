/** A mail for tests. Every field has a default. */
export interface SampleMail {
  /** Also the reverse-path. Default `sender@example.org`. */
  readonly from?: string;
  /** Also the recipients of the envelope. Default `inbox@example.com`. */
  readonly to?: string | readonly string[];
  /** Default `Sample`. */
  readonly subject?: string;
  /** Default `Hello`. */
  readonly text?: string;
  readonly html?: string;
  readonly attachments?: readonly SampleAttachment[];
  /** More header fields, for example `{ 'Auto-Submitted': 'auto-replied' }`: ASCII, without line ends. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: 2026-01-02T03:04:05Z, so that the same options make the same mail. */
  readonly date?: Date;
}

export interface SampleAttachment {
  /** Text is written as UTF-8. */
  readonly content: string | Uint8Array;
  /** Default: the attachment has no name, as in real mail. */
  readonly filename?: string;
  /** Default: by the extension of the name, or else `application/octet-stream`. */
  readonly contentType?: string;
}

/** A mail as octets, with the parts of it that a notification repeats. */
export interface RenderedMail {
  readonly raw: Buffer;
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly date: Date;
  /** As they are in the mail, unfolded. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
}

const DATE = '2026-01-02T03:04:05.000Z';

/**
 * The raw mail (RFC 5322) of the options, for example to store it where the event of `sampleEvent` says that it is.
 * @throws TypeError where a header field has a line end
 */
export function sampleMail(mail: SampleMail = {}): Buffer {
  return renderSampleMail(mail).raw;
}

export function renderSampleMail(mail: SampleMail): RenderedMail {
  const { from = 'sender@example.org', subject = 'Sample', date = new Date(DATE) } = mail;
  const to = typeof mail.to === 'string' ? [mail.to] : (mail.to ?? ['inbox@example.com']);
  const headers = Object.entries({
    From: encodeMailbox(from),
    To: to.map(encodeMailbox).join(', '),
    Subject: encodeWords(subject),
    Date: date.toUTCString().replace('GMT', '+0000'),
    'Message-ID': `<sample.${date.getTime()}@${from.slice(from.lastIndexOf('@') + 1)}>`,
    'MIME-Version': '1.0',
    ...mail.headers,
  }).map(([name, value]) => ({ name, value }));
  for (const { name, value } of headers) {
    if (/[\r\n]/.test(name + value)) {
      throw new TypeError(`headers.${JSON.stringify(name)}: expected a value without line ends`);
    }
  }
  const fields = headers.map(({ name, value }) => `${name}: ${value}\r\n`).join('');
  return {
    raw: Buffer.from(`${fields}${renderBody(mail)}`),
    from,
    to,
    subject,
    date,
    headers,
  };
}

function renderBody({ text = 'Hello', html, attachments = [] }: SampleMail): string {
  const plain = renderPart('text/plain; charset=utf-8', text);
  const body =
    html === undefined
      ? plain
      : renderMultipart('alternative', [plain, renderPart('text/html; charset=utf-8', html)]);
  if (attachments.length === 0) return body;
  return renderMultipart('mixed', [body, ...attachments.map(renderAttachment)]);
}

/** The content of every part is base64, which has no hyphen: no line of it can be a boundary. */
function renderMultipart(subtype: string, parts: readonly string[]): string {
  const boundary = `--sample-${subtype}`;
  const rendered = parts.map((part) => `--${boundary}\r\n${part}`).join('');
  return `Content-Type: multipart/${subtype}; boundary="${boundary}"\r\n\r\n${rendered}--${boundary}--\r\n`;
}

function renderAttachment({ content, filename, contentType }: SampleAttachment): string {
  const type = contentType ?? TYPES[/\.(\w+)$/.exec(filename ?? '')?.[1] ?? ''] ?? TYPES[''];
  const name = filename === undefined ? '' : `; ${renderFilename(filename)}`;
  return renderPart(`${type}\r\nContent-Disposition: attachment${name}`, content);
}

const TYPES: Readonly<Record<string, string>> = {
  '': 'application/octet-stream',
  csv: 'text/csv',
  html: 'text/html',
  jpg: 'image/jpeg',
  json: 'application/json',
  pdf: 'application/pdf',
  png: 'image/png',
  txt: 'text/plain',
  xml: 'application/xml',
  zip: 'application/zip',
};

function renderPart(contentType: string, content: string | Uint8Array): string {
  const lines = Buffer.from(content).toString('base64').replace(/.{76}/g, '$&\r\n');
  return `Content-Type: ${contentType}\r\nContent-Transfer-Encoding: base64\r\n\r\n${lines}\r\n`;
}

/** RFC 2231 where the name is not plain. */
function renderFilename(name: string): string {
  if (/^[\x20-\x7e]*$/.test(name)) return `filename="${name.replace(/["\\]/g, '\\$&')}"`;
  const encoded = encodeURIComponent(name.toWellFormed()).replace(/['()*]/g, escapeCharacter);
  return `filename*=utf-8''${encoded}`;
}

function escapeCharacter(character: string): string {
  return `%${character.charCodeAt(0).toString(16)}`;
}

/** The display name as encoded words, where it is not plain. */
function encodeMailbox(mailbox: string): string {
  const { name = '', address = mailbox } =
    /^(?<name>.*[^\x20-\x7e].*?)\s*(?<address><.*>)$/s.exec(mailbox)?.groups ?? {};
  return name === '' ? address : `${encodeWords(name)} ${address}`;
}

/** RFC 2047 section 2: an encoded word has at most 75 characters. */
const WORD_OCTETS = 45;

function encodeWords(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text) && !text.includes('=?')) return text;
  const words: string[] = [''];
  for (const character of text) {
    const word = (words.at(-1) ?? '') + character;
    if (Buffer.byteLength(word) > WORD_OCTETS) words.push(character);
    else words[words.length - 1] = word;
  }
  return words.map((word) => `=?utf-8?B?${Buffer.from(word).toString('base64')}?=`).join(' ');
}
