import type { MessageFacts } from '../../smtp/index.ts';
import {
  type AddressDisplay,
  cleanText,
  type LogValue,
  showAddress,
  showArgument,
} from '../../telemetry/index.ts';
import type { MAIL_FIELDS } from './events.ts';

/** The fields of one mail in a log line. */
export type MailFields = Readonly<Record<(typeof MAIL_FIELDS)[number], LogValue>>;

/** How one mail and its addresses look in a log line. */
export interface AddressView {
  mail(facts: MessageFacts): MailFields;
  /** The argument of a refused command. */
  argument(verb: string, argument: string): string;
  /** An address of the envelope; `null`: the null reverse-path. */
  address(address: string | null): string;
  /** The name that a client gave in EHLO. */
  helo(clientDomain: string): string;
}

/** Recipients shown in one line; the rest is counted. */
const SHOWN_RECIPIENTS = 10;
/** A name in EHLO is at most that long (RFC 1035 section 2.3.4). */
const HELO_CHARACTERS = 255;

export function createAddressView(display: AddressDisplay): AddressView {
  const helo = (clientDomain: string): string => cleanText(clientDomain, HELO_CHARACTERS);
  return {
    helo,
    address: (address) => showAddress(address, display),
    argument: (verb, argument) => showArgument(verb, argument, display),
    mail({ messageId, session, envelope }) {
      const { recipients, reversePath } = envelope;
      return {
        messageId,
        sessionId: session.sessionId,
        listener: session.listener,
        clientAddress: session.clientAddress,
        helo: helo(session.clientDomain),
        tls: session.tls?.version,
        cipher: session.tls?.cipher,
        user: session.identity?.username,
        from: showAddress(reversePath?.address ?? null, display),
        to: recipients
          .slice(0, SHOWN_RECIPIENTS)
          .map(({ forwardPath }) => showAddress(forwardPath.address, display)),
        recipients: recipients.length,
      };
    },
  };
}
