// Which mails: by time and size from the listing alone, by envelope and verdict from each mail's record.
import { type ListedMail, listMail, type Place } from './list-mail.ts';
import { mapInOrder } from './in-order.ts';
import type { MailRecord } from '../bridge/index.ts';
import { readListedRecord } from './read-mail.ts';
import { UnreadableMailError } from './unreadable-mail.ts';

/** All that is given must hold. */
export interface Selection {
  /** In front of the time partitions, as `mail/`; read one after the other. */
  readonly prefixes: readonly string[];
  /** Received from then on. */
  readonly from?: Date;
  /** Received before. */
  readonly to?: Date;
  /** Octets of the object, its trace header block included. */
  readonly minSize?: number;
  readonly maxSize?: number;
  /** The reverse-path: an address, `@domain`, or `<>` for the null reverse-path. */
  readonly sender?: string;
  /** Of any recipient of the envelope. */
  readonly recipientDomain?: string;
  /** `dmarc=FAIL`: every one of these. */
  readonly verdicts?: Readonly<Partial<Record<VerdictName, string>>>;
}

export const VERDICT_NAMES = ['spam', 'virus', 'spf', 'dkim', 'dmarc'] as const;
export type VerdictName = (typeof VERDICT_NAMES)[number];

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
  for await (const mail of mapInOrder(listed, concurrency, (each) => withRecord(place, each))) {
    onRead?.();
    // One that cannot be judged is not dropped silently: the caller reports it.
    if (mail.record === undefined || matches(mail.record, selection)) yield mail;
  }
}

/** Whether the listing alone cannot tell which mails are selected. */
export function needsRecords({ sender, recipientDomain, verdicts }: Selection): boolean {
  return sender !== undefined || recipientDomain !== undefined || verdicts !== undefined;
}

async function* listAll(
  place: Place,
  selection: Selection,
  after: SelectOptions['after'],
): AsyncGenerator<SelectedMail> {
  const { prefixes, from, to, minSize = 0, maxSize = Infinity } = selection;
  const begin = after === undefined ? 0 : prefixes.indexOf(after.prefix);
  for (const prefix of prefixes.slice(Math.max(0, begin))) {
    const options = {
      prefix,
      ...(from && { from }),
      ...(to && { to }),
      ...(after?.prefix === prefix && { after: after.key }),
    };
    for await (const mail of listMail(place, options)) {
      if (mail.sizeInOctets >= minSize && mail.sizeInOctets <= maxSize) yield { ...mail, prefix };
    }
  }
}

async function withRecord(place: Place, mail: SelectedMail): Promise<SelectedMail> {
  try {
    return { ...mail, record: await readListedRecord(place, mail) };
  } catch (error) {
    if (error instanceof UnreadableMailError) return { ...mail, unreadable: error };
    throw error;
  }
}

export function matches({ member, verdicts }: MailRecord, selection: Selection): boolean {
  const { sender, recipientDomain } = selection;
  const { reversePath, recipients } = member.envelope;
  if (sender !== undefined && !isFrom(reversePath, sender.toLowerCase())) return false;
  if (recipientDomain !== undefined) {
    const end = `@${recipientDomain.toLowerCase().replace(/^@/, '')}`;
    if (!recipients.some(({ forwardPath }) => forwardPath.toLowerCase().endsWith(end)))
      return false;
  }
  return Object.entries(selection.verdicts ?? {}).every(
    ([name, status]) => verdicts[name as VerdictName] === status,
  );
}

function isFrom(reversePath: string | null, sender: string): boolean {
  if (sender === '<>') return reversePath === null;
  const address = reversePath?.toLowerCase() ?? '';
  return sender.startsWith('@') ? address.endsWith(sender) : address === sender;
}
