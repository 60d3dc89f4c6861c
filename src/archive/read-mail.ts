// Reads what the commands need of a mail without its octets: its record, or its record and header section.
import { type MailHead, type MailRecord, readHead, readRecord } from '../bridge/index.ts';
import type { ListedMail, Place } from './list-mail.ts';
import { reading, requireSize, tryTwice } from './unreadable-mail.ts';

/**
 * One HEAD, and one GET where the record is in a sidecar.
 * @throws UnreadableMailError
 */
export async function readListedRecord(
  place: Place,
  { key, sizeInOctets }: ListedMail,
): Promise<MailRecord> {
  const record = await reading(place, key, () => readRecord(place, key));
  requireSize(key, sizeInOctets, record);
  return record;
}

/**
 * One GET, and another one where the record is in a sidecar.
 * @throws UnreadableMailError
 */
export async function readMailHead(place: Place, key: string): Promise<MailHead> {
  const head = await tryTwice(() => reading(place, key, () => readHead(place, key)));
  requireSize(key, head.sizeInOctets, head.record);
  return head;
}
