// Files the PDF attachments of each mail as `invoices/YYYY-MM-DD/<messageId>-<n>-<name>`.
// Environment: INVOICE_BUCKET. In your project the second import is 'mailsluice/subscriber'.
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { defineMailHandler, parseMail } from '../index.ts';

const s3 = new S3Client({ forcePathStyle: process.env['AWS_ENDPOINT_URL'] !== undefined });

export const handler = defineMailHandler(
  async (mail) => {
    const { attachments, from, subject, date } = await parseMail(await mail.fetch());
    const invoices = attachments.filter(({ contentType }) => contentType === 'application/pdf');
    const day = (date ?? new Date()).toISOString().slice(0, 10);

    for (const [at, { content, filename }] of invoices.entries()) {
      // The same key at every try: to handle a mail twice does no harm.
      await s3.send(
        new PutObjectCommand({
          Bucket: process.env['INVOICE_BUCKET'],
          Key: `invoices/${day}/${mail.messageId}-${at}-${safeName(filename)}`,
          Body: content,
          ContentType: 'application/pdf',
          Metadata: {
            from: encodeURIComponent(from?.text ?? '').slice(0, 500),
            subject: encodeURIComponent(subject ?? '').slice(0, 500),
          },
        }),
        { abortSignal: mail.signal },
      );
    }
  },
  { s3 },
);

/** A name from outside never chooses a folder. */
function safeName(filename = 'invoice.pdf'): string {
  return filename.replace(/[^A-Za-z0-9._-]+/g, '_').slice(-100);
}
