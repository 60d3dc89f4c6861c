// Logs the subject and the attachments of each mail: the example that `cdk deploy -c exampleSubscriber=true`
// deploys. In your project the import is 'mailsluice/subscriber'.
import { defineMailHandler, parseMail } from '../index.ts';

export const handler = defineMailHandler(async (mail) => {
  const { subject, attachments } = await parseMail(await mail.fetch());
  process.stdout.write(
    `${JSON.stringify({
      event: 'mail-seen',
      messageId: mail.messageId,
      subject: subject?.slice(0, 200),
      attachments: attachments.map(({ contentType, size }) => ({ contentType, size })),
    })}\n`,
  );
});
