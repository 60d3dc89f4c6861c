// Which mails: by time and size from the listing alone, by envelope and verdict from each mail's record, by From and Subject
// from its header section.
import { type ListedMail, listMail, type Place } from './list-mail.ts';
import { mapInOrder } from './in-order.ts';
import {
  isAfter,
  matchesHeader,
  matchesRecord,
  needsHeaders,
  needsRecords,
  timeAfter,
} from './match-mail.ts';
import type { MailRecord } from '../bridge/index.ts';
import type { Selection } from './selection.ts';
import { readListedRecord, readMailHead } from './read-mail.ts';
import { UnreadableMailError } from './unreadable-mail.ts';

/** A selected mail. */
export interface SelectedMail extends ListedMail {
  readonly prefix: string;
  /** Read when the selection, or the caller, needs it. */
  readonly record?: MailRecord;
  /** Why the mail cannot be read, so that nobody knows whether it is selected. */
  readonly unreadable?: UnreadableMailError;
}

export interface SelectOptions {
  /** Read every record, also where the selection can do without. Default false. */
  readonly withRecords?: boolean;
  /** Called for each mail that was judged, selected or not. */
  readonly onRead?: () => void;
  /** Records read at once. Default 16. */
  readonly concurrency?: number;
  /** Begin behind this place of an earlier run. */
  readonly after?: { readonly prefix: string; readonly key: string };
}

/** The selected mails in a fixed order. Nothing is read ahead but `concurrency` records and a page of keys. */
export async function* selectMail(
  place: Place,
  selection: Selection,
  { withRecords = false, concurrency = 16, after, onRead }: SelectOptions = {},
): AsyncGenerator<SelectedMail> {
  const listed = listAll(place, selection, after);
  if (!withRecords && !needsRecords(selection)) {
    for await (const mail of listed) {
      onRead?.();
      yield mail;
    }
    return;
  }
  const judged = mapInOrder(listed, concurrency, (mail) => judge(place, mail, selection));
  for await (const mail of judged) {
    onRead?.();
    if (mail !== undefined) yield mail;
  }
}

async function* listAll(
  place: Place,
  selection: Selection,
  after: SelectOptions['after'],
): AsyncGenerator<SelectedMail> {
  const { prefixes, to, afterId, minSize = 0, maxSize = Infinity } = selection;
  const from = startOf(selection);
  const begin = after === undefined ? 0 : prefixes.indexOf(after.prefix);
  for (const prefix of prefixes.slice(Math.max(0, begin))) {
    const options = {
      prefix,
      ...(from && { from }),
      ...(to && { to }),
      ...(after?.prefix === prefix && { after: after.key }),
    };
    for await (const mail of listMail(place, options)) {
      const { sizeInOctets, messageId } = mail;
      if (sizeInOctets < minSize || sizeInOctets > maxSize || !isAfter(messageId, afterId))
        continue;
      yield { ...mail, prefix };
    }
  }
}

function startOf({ from, afterId }: Selection): Date | undefined {
  if (afterId === undefined) return from;
  const after = timeAfter(afterId);
  return from === undefined || after > from ? after : from;
}

/** The mail with its record; `undefined` where it is not selected. One that cannot be read is left to the caller. */
async function judge(
  place: Place,
  mail: SelectedMail,
  selection: Selection,
): Promise<SelectedMail | undefined> {
  try {
    if (!needsHeaders(selection)) {
      const record = await readListedRecord(place, mail);
      return matchesRecord(record, selection) ? { ...mail, record } : undefined;
    }
    const head = await readMailHead(place, mail.key);
    const { record } = head;
    const isSelected = matchesRecord(record, selection) && matchesHeader(head, selection);
    return isSelected ? { ...mail, record } : undefined;
  } catch (error) {
    if (error instanceof UnreadableMailError) return { ...mail, unreadable: error };
    throw error;
  }
}
