// An mbox file (mboxrd), to which mails are added in their order.
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { ListedMail, Place } from './list-mail.ts';
import { quoteForMbox } from './message-stream.ts';
import { type MailFolder, openAs, readMail, type SaveOptions } from './save-mail.ts';
import { tryTwice } from './unreadable-mail.ts';

/** A mail up to this size waits in memory for its turn; a larger one is read when its turn has come. */
const AHEAD_OCTETS = 1024 * 1024;

/** Makes an mbox file. A mail that cannot be read to its end leaves nothing in it. */
export async function openMbox(
  place: Place,
  file: string,
  options: SaveOptions = {},
): Promise<MailFolder> {
  const output = await open(file, 'wx');
  let end = 0;
  const append = async (
    { receivedAt }: ListedMail,
    reversePath: string | null,
    stream: Readable,
  ): Promise<void> => {
    const start = end;
    try {
      end += await write(output, separator(reversePath, receivedAt), end);
      const quoted = stream.pipe(quoteForMbox());
      stream.once('error', (error) => quoted.destroy(error));
      for await (const chunk of quoted as AsyncIterable<Buffer>) {
        end += await write(output, chunk, end);
      }
    } catch (error) {
      stream.destroy();
      end = start;
      await output.truncate(start);
      throw error;
    }
  };
  return {
    begin: async (mail) => {
      const { key, sizeInOctets } = mail;
      if (sizeInOctets <= AHEAD_OCTETS) {
        const { octets, record } = await readMail(place, key, options);
        return async () => {
          await append(mail, record.member.envelope.reversePath, Readable.from([octets]));
          return { saved: true };
        };
      }
      return () =>
        tryTwice(async () => {
          const { stream, record } = await openAs(place, key, options);
          await append(mail, record.member.envelope.reversePath, stream);
          return { saved: true };
        });
    },
    close: async () => {
      try {
        await output.sync();
      } finally {
        await output.close();
      }
    },
  };
}

async function write(output: FileHandle, data: Buffer | string, at: number): Promise<number> {
  const octets = typeof data === 'string' ? Buffer.from(data) : data;
  let written = 0;
  while (written < octets.length) {
    const { bytesWritten } = await output.write(
      octets,
      written,
      octets.length - written,
      at + written,
    );
    written += bytesWritten;
  }
  return octets.length;
}

/** The line in front of a mail. */
function separator(reversePath: string | null, receivedAt: Date): string {
  return `From ${mboxSender(reversePath)} ${ctime(receivedAt)}\n`;
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
