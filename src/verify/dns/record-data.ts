// The data of records as text (RFC 1035 section 3.3, RFC 3596 section 2.2).
import { canonicalIpv6 } from '../../net/addresses.ts';
import type { ResourceRecord } from './message.ts';
import { nameText, readName, skipName } from './name.ts';
import type { RecordType } from './resolver.ts';

/** `undefined`: the data are not of that type. */
export function recordText(
  type: RecordType,
  message: Buffer,
  { dataAt, dataEnd }: ResourceRecord,
): string | undefined {
  switch (type) {
    case 'A':
      return dataEnd - dataAt === 4 ? message.subarray(dataAt, dataEnd).join('.') : undefined;
    case 'AAAA':
      return dataEnd - dataAt === 16 ? ipv6Text(message.subarray(dataAt, dataEnd)) : undefined;
    case 'TXT':
      return joinedStrings(message, dataAt, dataEnd);
    case 'MX': {
      const exchange = nameIn(message, dataAt + 2, dataEnd);
      return exchange?.end === dataEnd
        ? `${message.readUInt16BE(dataAt)} ${exchange.text}`
        : undefined;
    }
    case 'SOA':
      return soaText(message, dataAt, dataEnd);
    case 'PTR':
    case 'CNAME':
    case 'NS': {
      const name = nameIn(message, dataAt, dataEnd);
      return name?.end === dataEnd ? name.text : undefined;
    }
  }
}

/** SOA: how long a name may be known not to exist (RFC 2308 section 4). */
export function soaMinimum(message: Buffer, { dataAt, dataEnd }: ResourceRecord): number {
  return dataEnd - dataAt < 22 ? 0 : message.readUInt32BE(dataEnd - 4);
}

function ipv6Text(octets: Buffer): string {
  const groups: string[] = [];
  for (let at = 0; at < 16; at += 2) groups.push(octets.readUInt16BE(at).toString(16));
  return canonicalIpv6(groups.join(':'));
}

function joinedStrings(message: Buffer, dataAt: number, dataEnd: number): string | undefined {
  let text = '';
  for (let at = dataAt; at < dataEnd; ) {
    const end = at + 1 + message.readUInt8(at);
    if (end > dataEnd) return undefined;
    text += message.toString('latin1', at + 1, end);
    at = end;
  }
  return text;
}

function nameIn(
  message: Buffer,
  at: number,
  dataEnd: number,
): { readonly text: string; readonly end: number } | undefined {
  const end = skipName(message, at);
  if (end === undefined || end > dataEnd) return undefined;
  const wire = readName(message, at);
  return wire === undefined ? undefined : { text: nameText(wire), end };
}

function soaText(message: Buffer, dataAt: number, dataEnd: number): string | undefined {
  const primary = nameIn(message, dataAt, dataEnd);
  const mailbox = primary && nameIn(message, primary.end, dataEnd);
  if (mailbox === undefined || dataEnd - mailbox.end !== 20) return undefined;
  const numbers = [0, 4, 8, 12, 16].map((at) => message.readUInt32BE(mailbox.end + at));
  return [primary?.text, mailbox.text, ...numbers].join(' ');
}
