// Saves the selected mails in a folder: read several at once, written in their order.
import { mapInOrder, untilAborted } from './in-order.ts';
import type { MailFolder } from './save-mail.ts';
import type { SelectedMail } from './select-mail.ts';
import { UnreadableMailError } from './unreadable-mail.ts';

export interface SaveMailsOptions {
  /** Mails read at once. Default 10. */
  readonly concurrency?: number;
  /** Begins no further mail; what is in progress is finished. */
  readonly signal?: AbortSignal;
}

export interface SaveOutcome {
  readonly mail: SelectedMail;
  /** `there`: saved by an earlier run. */
  readonly result: 'saved' | 'there' | UnreadableMailError;
}

/**
 * Gives the outcome of each mail in the order of the selection.
 * @throws the error of the disk or of S3, where it does not concern one mail.
 */
export async function* saveMails(
  mails: AsyncIterable<SelectedMail>,
  folder: MailFolder,
  { concurrency = 10, signal }: SaveMailsOptions = {},
): AsyncGenerator<SaveOutcome> {
  const prepared = mapInOrder(untilAborted(mails, signal), concurrency, async (mail) => {
    if (mail.unreadable !== undefined) return { mail, finish: mail.unreadable };
    return { mail, finish: await orUnreadable(folder.begin(mail)) };
  });
  for await (const { mail, finish } of prepared) {
    if (finish instanceof UnreadableMailError) {
      yield { mail, result: finish };
      continue;
    }
    const done = await orUnreadable(finish());
    if (done instanceof UnreadableMailError) yield { mail, result: done };
    else yield { mail, result: done.saved ? 'saved' : 'there' };
  }
}

async function orUnreadable<T>(work: Promise<T>): Promise<T | UnreadableMailError> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof UnreadableMailError) return error;
    throw error;
  }
}
