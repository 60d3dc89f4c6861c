// What a team writes by hand: smtp-server, and for each mail one PutObject and one Publish by the SDK with its
// defaults (keep-alive, 50 sockets). No checksum of its own, no envelope, no outbox.
import { randomUUID } from 'node:crypto';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { SMTPServer } from 'smtp-server';

const [port, Bucket, TopicArn] = process.argv.slice(2);
const s3 = new S3Client({ forcePathStyle: true });
const sns = new SNSClient({});

async function store(content, { envelope }) {
  const Key = `mail/${randomUUID()}`;
  await s3.send(new PutObjectCommand({ Bucket, Key, Body: content, ContentType: 'message/rfc822' }));
  const Message = JSON.stringify({
    notificationType: 'Received',
    mail: {
      timestamp: new Date().toISOString(),
      messageId: Key,
      source: envelope.mailFrom.address,
      destination: envelope.rcptTo.map(({ address }) => address),
    },
    receipt: { action: { type: 'S3', bucketName: Bucket, objectKey: Key } },
  });
  await sns.send(
    new PublishCommand({ TopicArn, Subject: 'Amazon SES Email Receipt Notification', Message }),
  );
}

const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ['AUTH', 'STARTTLS'],
  disableReverseLookup: true,
  logger: false,
  onData(stream, session, callback) {
    const chunks = [];
    stream.on('data', (chunk) => chunks.push(chunk));
    stream.on('end', () => {
      store(Buffer.concat(chunks), session).then(() => callback(), callback);
    });
  },
});
server.on('error', () => {});
server.listen(Number(port), '127.0.0.1');
process.once('SIGTERM', () => process.exit());
