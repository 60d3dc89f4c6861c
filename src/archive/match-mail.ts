// Whether a mail is selected, by its record and, where the selection asks for it, its header section.
import { BlockList, isIP } from 'node:net';
import { type MailHead, type MailRecord, messageIdMillis } from '../bridge/index.ts';
import { readAuthors, readCommonHeaders } from '../message/common-headers.ts';
import type { Selection, VerdictName } from './selection.ts';

/** Whether the listing alone cannot tell which mails are selected. */
export function needsRecords(selection: Selection): boolean {
  const { sender, recipient, recipientDomain, verdicts, listener, username, client } = selection;
  const asked = [sender, recipient, recipientDomain, verdicts, listener, username, client];
  return needsHeaders(selection) || asked.some((each) => each !== undefined);
}

/** Whether the record alone cannot tell. */
export function needsHeaders({ headerFrom, subject }: Selection): boolean {
  return headerFrom !== undefined || subject !== undefined;
}

/** Whether all that is asked of the record holds. */
export function matchesRecord({ member, verdicts }: MailRecord, selection: Selection): boolean {
  const { sender, recipient, recipientDomain, listener, username, client } = selection;
  const { reversePath, recipients } = member.envelope;
  const forwardPaths = recipients.map(({ forwardPath }) => forwardPath);
  return (
    (sender === undefined || isFrom(reversePath, sender)) &&
    (recipient === undefined || forwardPaths.some((path) => isAddress(path, recipient))) &&
    (recipientDomain === undefined ||
      forwardPaths.some((path) => isAddress(path, `@${recipientDomain.replace(/^@/, '')}`))) &&
    (listener === undefined || member.listener === listener) &&
    (username === undefined || member.authenticated?.username === username) &&
    (client === undefined || isInNetwork(member.client.address, client)) &&
    Object.entries(selection.verdicts ?? {}).every(
      ([name, status]) => verdicts[name as VerdictName] === status,
    )
  );
}

/** Whether all that is asked of the header section holds. */
export function matchesHeader({ header }: MailHead, { headerFrom, subject }: Selection): boolean {
  if (headerFrom !== undefined && !isAuthoredBy(header, headerFrom)) return false;
  if (subject === undefined) return true;
  const { commonHeaders } = readCommonHeaders(header.fields, '');
  return includes(commonHeaders.subject ?? '', subject);
}

function isAuthoredBy({ fields }: MailHead['header'], asked: string): boolean {
  return readAuthors(fields).some(({ address, text }) =>
    asked.includes('@') ? isAddress(address ?? '', asked) : includes(text, asked),
  );
}

function isFrom(reversePath: string | null, sender: string): boolean {
  return sender === '<>' ? reversePath === null : isAddress(reversePath ?? '', sender);
}

/** `asked` is an address, or `@domain`. */
function isAddress(address: string, asked: string): boolean {
  const [one, other] = [address.toLowerCase(), asked.toLowerCase()];
  return other.startsWith('@') ? one.endsWith(other) : one === other;
}

function includes(text: string, asked: string): boolean {
  return text.normalize('NFC').toLowerCase().includes(asked.normalize('NFC').toLowerCase());
}

function isInNetwork(address: string, network: BlockList): boolean {
  const family = isIP(address);
  return family !== 0 && network.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

/**
 * The addresses of a selection: one, or a network as `192.0.2.0/24`. An IPv4 address that is mapped into IPv6 is one of IPv4.
 * `undefined` where the text is neither.
 */
export function networkOf(text: string): BlockList | undefined {
  const [address = '', bits, more] = text.split('/');
  const version = isIP(address);
  const family = version === 6 ? 'ipv6' : 'ipv4';
  const list = new BlockList();
  if (version === 0 || more !== undefined) return undefined;
  if (bits === undefined) list.addAddress(address, family);
  else if (!/^\d{1,3}$/.test(bits) || Number(bits) > (version === 6 ? 128 : 32)) return undefined;
  else list.addSubnet(address, Number(bits), family);
  return list;
}

/** Whether the mail was received after the one with this messageId: ids begin with the time. */
export function isAfter(messageId: string, after: string | undefined): boolean {
  return after === undefined || messageId > after;
}

/** When the mail with this messageId began. */
export function timeOf(messageId: string): Date {
  return new Date(messageIdMillis(messageId));
}

/** From when on a mail can be after this one: the time of an id and of its partition differ by a moment. */
export function timeAfter(messageId: string): Date {
  return new Date(messageIdMillis(messageId) - SKEW_MILLIS);
}

const SKEW_MILLIS = 60_000;
