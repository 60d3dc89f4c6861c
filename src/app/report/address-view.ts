import type { MessageFacts } from '../../smtp/index.ts';
import { type AddressDisplay, type LogValue, showAddress } from '../../telemetry/index.ts';
import type { MAIL_FIELDS } from './events.ts';

/** The fields of one mail in a log line. */
export type MailFields = Readonly<Record<(typeof MAIL_FIELDS)[number], LogValue>>;

/** How one mail and its addresses look in a log line. */
export interface AddressView {
  mail(facts: MessageFacts): MailFields;
}

/** Recipients shown in one line; the rest is counted. */
const SHOWN_RECIPIENTS = 10;

export function createAddressView(display: AddressDisplay): AddressView {
  return {
    mail({ messageId, session, envelope }) {
      const { recipients, reversePath } = envelope;
      return {
        messageId,
        sessionId: session.sessionId,
        listener: session.listener,
        clientAddress: session.clientAddress,
        helo: session.clientDomain,
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
