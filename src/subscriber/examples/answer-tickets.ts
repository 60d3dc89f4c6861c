// Brings mail into a ticket system: a reply to "[#123]" becomes a comment on ticket 123, anything else a new
// ticket. Environment: TICKET_API, TICKET_TOKEN, IDEMPOTENCY_TABLE. In your project the import is
// 'mailsluice/subscriber'.
import { defineMailHandler, dynamoDbIdempotencyStore, parseMail } from '../index.ts';

const { TICKET_API = '', TICKET_TOKEN = '', IDEMPOTENCY_TABLE = '' } = process.env;

export const handler = defineMailHandler(
  async (mail) => {
    const parsed = await parseMail(await mail.fetch());
    // RFC 3834 section 2: what a machine sent gets no answer, or two machines talk for ever.
    const autoSubmitted = parsed.headers.get('auto-submitted') ?? 'no';
    const isNullSender = mail.notification?.mail.source === '';
    if (isNullSender || autoSubmitted !== 'no') return;

    const ticket = /\[#(\d{1,9})\]/.exec(parsed.subject ?? '')?.[1];
    await post(ticket === undefined ? '/tickets' : `/tickets/${ticket}/comments`, {
      externalId: mail.messageId,
      from: parsed.from?.value[0]?.address,
      subject: parsed.subject ?? '(no subject)',
      text: parsed.text ?? '',
      // A forged From may open a ticket, and is shown as what it is.
      isVerified: mail.notification?.receipt.dmarcVerdict.status === 'PASS',
      attachments: parsed.attachments.map(({ filename, contentType, size }) => ({
        filename,
        contentType,
        size,
      })),
    });
  },
  // A second comment would be seen by people: each mail once.
  { idempotency: dynamoDbIdempotencyStore({ table: IDEMPOTENCY_TABLE, scope: 'tickets' }) },
);

async function post(path: string, body: object): Promise<void> {
  const response = await fetch(TICKET_API + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${TICKET_TOKEN}` },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`ticket system: answered ${response.status}`);
}
