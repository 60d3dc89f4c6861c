// Stored mail as files that mail programs read: one file, a Maildir, or an mbox.
import { createWriteStream } from 'node:fs';
import { access, appendFile, mkdir, open, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ListedMail, Place } from './list-mail.ts';
import { quoteForMbox, skipOctets } from './message-stream.ts';
import { openMail } from './open-mail.ts';
import { readRecord } from '../bridge/index.ts';

export interface SaveOptions {
  /** Leaves out what Mailsluice put in front: the octets as they were sent, or as their line ends were normalized. Default false. */
  readonly asSent?: boolean;
}

async function openAs(
  place: Place,
  key: string,
  { asSent = false }: SaveOptions,
): Promise<Readable> {
  const octets = asSent ? (await readRecord(place, key)).member.traceHeaderSize : 0;
  const { stream } = await openMail(place, key);
  if (octets === 0) return stream;
  const sent = skipOctets(octets);
  // A pipe does not carry errors on.
  stream.once('error', (error) => sent.destroy(error));
  return stream.pipe(sent);
}

/** Writes the octets of one mail; does not end `output`. */
export async function writeMail(
  place: Place,
  key: string,
  output: NodeJS.WritableStream,
  options: SaveOptions = {},
): Promise<void> {
  await pipeline(await openAs(place, key, options), output, { end: false });
}

/** Writes one mail to a file, which is whole or as it was before. */
export async function saveMail(
  place: Place,
  key: string,
  file: string,
  options: SaveOptions = {},
): Promise<void> {
  const temporary = `${file}.part`;
  await saveAs(place, key, temporary, options);
  await rename(temporary, file);
}

async function saveAs(
  place: Place,
  key: string,
  file: string,
  options: SaveOptions,
): Promise<void> {
  const output = await open(file, 'w');
  try {
    await output.writeFile(await openAs(place, key, options));
    await output.sync();
  } finally {
    await output.close();
  }
}

/** Where `saved` tells whether the mail was written now, or there already. */
export interface MailFolder {
  save(mail: ListedMail): Promise<{ readonly saved: boolean }>;
}

/**
 * A Maildir (https://cr.yp.to/proto/maildir.html): a mail is whole in `new/` or not there at all, and one that
 * is there, read or unread, is not fetched again.
 */
export async function openMaildir(
  place: Place,
  folder: string,
  options: SaveOptions = {},
): Promise<MailFolder> {
  for (const part of ['tmp', 'new', 'cur']) await mkdir(join(folder, part), { recursive: true });
  // Readers move a mail to `cur/` and add flags behind a colon. As many names as the folder has mails.
  const read = new Set((await readdir(join(folder, 'cur'))).map((name) => name.split(':', 1)[0]));
  return {
    save: async ({ key, messageId, receivedAt }) => {
      const name = `${Math.floor(receivedAt.getTime() / 1000)}.${messageId}.mailsluice`;
      const target = join(folder, 'new', name);
      if (read.has(name) || (await exists(target))) return { saved: false };
      const temporary = join(folder, 'tmp', name);
      await saveAs(place, key, temporary, options);
      await rename(temporary, target);
      return { saved: true };
    },
  };
}

/** An mbox file (mboxrd), to which mails are added; one mail at a time. */
export function openMbox(place: Place, file: string, options: SaveOptions = {}): MailFolder {
  return {
    save: async ({ key, receivedAt }) => {
      const { reversePath } = (await readRecord(place, key)).member.envelope;
      const stream = await openAs(place, key, options);
      await appendFile(file, `From ${mboxSender(reversePath)} ${ctime(receivedAt)}\n`);
      await pipeline(stream, quoteForMbox(), createWriteStream(file, { flags: 'a' }));
      return { saved: true };
    },
  };
}

/** RFC 4155: an address without blanks; the null reverse-path is MAILER-DAEMON. */
function mboxSender(reversePath: string | null): string {
  return reversePath === null || reversePath === '' || /\s/.test(reversePath)
    ? 'MAILER-DAEMON'
    : reversePath;
}

/** `Mon Nov 23 13:14:15 2026`, in UTC (RFC 4155 appendix A). */
function ctime(at: Date): string {
  const [day, date, month, year, time] = at.toUTCString().replace(',', '').split(' ');
  return `${day} ${month} ${date} ${time} ${year}`;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
