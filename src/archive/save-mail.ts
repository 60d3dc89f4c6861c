// Stored mail as files that mail programs read: one file, or many mails in a folder (maildir.ts, mbox.ts).
import { open, rename } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ListedMail, Place } from './list-mail.ts';
import { skipOctets } from './message-stream.ts';
import { type OpenedMail, openMail } from './open-mail.ts';
import { tryTwice } from './unreadable-mail.ts';

export interface SaveOptions {
  /** Leaves out what Mailsluice put in front: the octets as they were sent, or as their line ends were normalized. Default false. */
  readonly asSent?: boolean;
}

/** Where mails are saved. `begin` may run for several mails at once; what it returns is called in their order. */
export interface MailFolder {
  /** @throws UnreadableMailError, as does what it returns: the folder is as it was before. */
  begin(mail: ListedMail): Promise<() => Promise<SavedMail>>;
  /** Writes to the disk what is still in memory, and closes the files. */
  close(): Promise<void>;
}

/** Whether the mail was written now, or was there already. */
export interface SavedMail {
  readonly saved: boolean;
}

/** Opens a mail for its octets in the asked form. */
export async function openAs(
  place: Place,
  key: string,
  { asSent = false }: SaveOptions,
): Promise<OpenedMail> {
  const opened = await openMail(place, key);
  const { stream, record } = opened;
  const octets = asSent ? record.member.traceHeaderSize : 0;
  if (octets === 0) return opened;
  const sent = skipOctets(octets);
  // A pipe does not carry errors on, and does not end its source with its target.
  stream.once('error', (error) => sent.destroy(error));
  sent.once('close', () => stream.destroy());
  return { ...opened, stream: stream.pipe(sent) };
}

/** Writes the octets of one mail; does not end `output`. */
export async function writeMail(
  place: Place,
  key: string,
  output: NodeJS.WritableStream,
  options: SaveOptions = {},
): Promise<void> {
  await pipeline((await openAs(place, key, options)).stream, output, { end: false });
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

/** Writes one mail to a file, and waits until it is on the disk. */
export async function saveAs(
  place: Place,
  key: string,
  file: string,
  options: SaveOptions,
): Promise<void> {
  await tryTwice(async () => {
    const { stream } = await openAs(place, key, options);
    let output;
    try {
      output = await open(file, 'w');
    } catch (error) {
      stream.destroy();
      throw error;
    }
    try {
      await output.writeFile(stream);
      await output.sync();
    } finally {
      stream.destroy();
      await output.close();
    }
  });
}

/** The octets of one mail, all of them in memory. */
export async function readMail(
  place: Place,
  key: string,
  options: SaveOptions,
): Promise<{ readonly octets: Buffer; readonly record: OpenedMail['record'] }> {
  return tryTwice(async () => {
    const { stream, record } = await openAs(place, key, options);
    return { octets: await collect(stream), record };
  });
}

async function collect(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
