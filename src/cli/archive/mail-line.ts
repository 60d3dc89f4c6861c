// One mail in one line, for a person or for a program.
import { type SelectedMail, VERDICT_NAMES } from '../../archive/index.ts';
import { printable } from '../../app/printable.ts';
import { csvRecord } from './csv.ts';
import { renderSize } from './output.ts';

/** The members that `archive list --json` prints. */
export function mailObject(mail: SelectedMail): object {
  const { key, messageId, receivedAt, sizeInOctets, record } = mail;
  if (record === undefined) {
    return { key, messageId, receivedAt: receivedAt.toISOString(), sizeInOctets };
  }
  const { member, verdicts } = record;
  return {
    key,
    messageId,
    receivedAt: record.receivedAt,
    sizeInOctets,
    reversePath: member.envelope.reversePath,
    recipients: member.envelope.recipients.map(({ forwardPath }) => forwardPath),
    listener: member.listener,
    username: member.authenticated?.username ?? null,
    clientAddress: member.client.address,
    verdicts,
    sha256: member.sha256,
    // Where it is not as received: what `archive fetch --as-sent` gives.
    ...(member.storedSha256 !== undefined && { storedSha256: member.storedSha256 }),
  };
}

export const CSV_HEADER = csvRecord([
  ...['receivedAt', 'messageId', 'key', 'sizeInOctets', 'reversePath', 'recipients', 'listener'],
  ...['username', 'clientAddress', ...VERDICT_NAMES, 'sha256'],
]);

/** What `archive list --csv` prints of a mail. Several recipients are in one field, each but the first behind `; `. */
export function csvLine(mail: SelectedMail): string {
  const { key, messageId, receivedAt, sizeInOctets, record } = mail;
  const listed = [receivedAt.toISOString(), messageId, key, sizeInOctets];
  if (record === undefined) return csvRecord(listed);
  const { member, verdicts } = record;
  const recipients = member.envelope.recipients.map(({ forwardPath }) => printable(forwardPath));
  return csvRecord([
    ...listed,
    printable(member.envelope.reversePath ?? '<>'),
    recipients.join('; '),
    member.listener,
    member.authenticated?.username ?? null,
    member.client.address,
    ...VERDICT_NAMES.map((name) => verdicts[name]),
    member.sha256,
  ]);
}

/** `2026-11-23 13:14:15    12.3 kB  1jb2…  a@x.example → b@y.example +2` */
export function mailLine(mail: SelectedMail, columns: number | undefined): string {
  const { messageId, receivedAt, sizeInOctets, record } = mail;
  const time = receivedAt.toISOString().slice(0, 19).replace('T', ' ');
  const parts = [time, renderSize(sizeInOctets).padStart(9), messageId];
  if (record !== undefined) {
    const { reversePath, recipients } = record.member.envelope;
    const [first] = recipients;
    const more = recipients.length > 1 ? ` +${recipients.length - 1}` : '';
    parts.push(`${reversePath ?? '<>'} → ${first?.forwardPath ?? ''}${more}`);
  }
  const line = printable(parts.join('  '));
  return columns === undefined || line.length <= columns ? line : `${line.slice(0, columns - 1)}…`;
}
