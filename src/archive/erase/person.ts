// Whether a mail is one person's, by its envelope, and by its header fields where these are asked for.
import { parseAddressList } from '../../message/address-list.ts';
import type { HeaderField } from '../../message/header-section.ts';

export interface Person {
  /** Whether an address of an envelope or of a header field is one of theirs, in whatever spelling. */
  readonly isTheirs: (address: string) => boolean;
  /** Also mail that names the person only in its header fields. Default false. */
  readonly headers?: boolean;
  /** Keep mail that has other recipients too. Default false: it is this person's mail as well. */
  readonly keepShared?: boolean;
}

export type Role = 'sender' | 'recipient' | 'header';

/** What is known of a mail, from its record, its notification or its row of the index. */
export interface Parties {
  readonly reversePath: string | null;
  readonly recipients: readonly string[];
  /** The addresses of its header fields, where they were read. */
  readonly headerAddresses?: readonly string[];
}

/** How the person takes part; empty where it is not their mail. */
export function rolesOf({ isTheirs, headers = false }: Person, parties: Parties): Role[] {
  const { reversePath, recipients, headerAddresses = [] } = parties;
  const roles: Role[] = [];
  if (reversePath !== null && reversePath !== '' && isTheirs(reversePath)) roles.push('sender');
  if (recipients.some(isTheirs)) roles.push('recipient');
  if (headers && headerAddresses.some(isTheirs)) roles.push('header');
  return roles;
}

/** The recipients of the envelope who are somebody else. */
export function otherRecipients({ isTheirs }: Person, { recipients }: Parties): number {
  return recipients.filter((address) => !isTheirs(address)).length;
}

/** The fields that name who wrote a mail and whom it is for (RFC 5322 sections 3.6.2, 3.6.3 and 3.6.6). */
const ADDRESS_FIELDS = new Set(
  ['from', 'sender', 'reply-to', 'to', 'cc', 'bcc'].flatMap((name) => [name, `resent-${name}`]),
);

export function headerAddressesOf(fields: readonly HeaderField[]): string[] {
  return fields
    .filter(({ name }) => ADDRESS_FIELDS.has(name.toLowerCase()))
    .flatMap(({ value }) => parseAddressList(value))
    .map(({ address }) => address)
    .filter((address) => address !== '');
}
