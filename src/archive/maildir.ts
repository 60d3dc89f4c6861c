// A Maildir (https://cr.yp.to/proto/maildir.html): a mail is whole in `new/` or not there at all.
import { access, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Place } from './list-mail.ts';
import { type MailFolder, type SaveOptions, saveAs } from './save-mail.ts';

/** Opens or makes a Maildir. A mail that is there, read or unread, is not fetched again. */
export async function openMaildir(
  place: Place,
  folder: string,
  options: SaveOptions = {},
): Promise<MailFolder> {
  for (const part of ['tmp', 'new', 'cur']) await mkdir(join(folder, part), { recursive: true });
  // Readers move a mail to `cur/` and add flags behind a colon. As many names as the folder has mails.
  const read = new Set((await readdir(join(folder, 'cur'))).map((name) => name.split(':', 1)[0]));
  return {
    begin: async ({ key, messageId, receivedAt }) => {
      const name = `${Math.floor(receivedAt.getTime() / 1000)}.${messageId}.mailsluice`;
      const target = join(folder, 'new', name);
      if (read.has(name) || (await exists(target))) return async () => ({ saved: false });
      const temporary = join(folder, 'tmp', name);
      try {
        await saveAs(place, key, temporary, options);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
      await rename(temporary, target);
      return async () => ({ saved: true });
    },
    close: async () => undefined,
  };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
