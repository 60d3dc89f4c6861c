// Sends one mail and follows it: into the bucket, to the topic, into a queue that is subscribed to it.
import { randomBytes } from 'node:crypto';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { SNSClient } from '@aws-sdk/client-sns';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { findMail, MailNotFoundError } from '../../../archive/index.ts';
import { isMessageId } from '../../../bridge/index.ts';
import { type Finding, ok, shown } from '../finding.ts';
import { mailDomainOf } from '../mail-domain.ts';
import { type Heard, heardText, isPositive, SmtpConnection } from '../smtp/connection.ts';
import { WatchQueue } from './watch-queue.ts';

export interface FollowOptions {
  /** A connection on which EHLO was answered, or why there is none. */
  readonly open: () => Promise<SmtpConnection | Finding>;
  readonly host: string;
  readonly recipient: string;
  readonly bucket: string;
  readonly prefixes: readonly string[];
  readonly topicArn: string;
  readonly clients: { readonly s3: S3Client; readonly sns: SNSClient; readonly sqs: SQSClient };
  /** How long the notification may take. */
  readonly seconds: number;
  readonly signal: AbortSignal;
}

/** Rejects with AWS's error where something could not be asked. */
export async function followMail(options: FollowOptions): Promise<Finding[]> {
  const { topicArn, clients, seconds, signal } = options;
  const token = randomBytes(6).toString('hex');
  // Before the mail: what is subscribed later gets nothing.
  await using queue = await WatchQueue.open(clients, topicArn);
  const sent = await send(options, token);
  if ('level' in sent) return [sent];
  const { messageId } = sent;
  const findings = [ok(`a mail to ${options.recipient} was accepted: ${messageId}`)];
  findings.push(await checkStored(options, messageId, token));
  const announced = await queue.wait(messageId, seconds, signal);
  if (announced === undefined) {
    findings.push({
      level: 'failed',
      found: `the mail ${messageId} was not announced by ${topicArn} within ${seconds} s`,
      why: 'subscribers do not learn of mail, or learn late',
      fix: `mailsluice outbox list --bucket ${options.bucket}`,
    });
  } else {
    findings.push(
      ok(
        `its notification came through ${topicArn} into a queue, and names s3://${announced.bucket}/${announced.key}`,
      ),
    );
  }
  return findings;
}

async function checkStored(
  { clients: { s3 }, bucket, prefixes }: FollowOptions,
  messageId: string,
  token: string,
): Promise<Finding> {
  try {
    const { key } = await findMail({ s3, bucket }, prefixes, messageId);
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    const text = (await Body?.transformToString()) ?? '';
    if (text.includes(token)) return ok(`it is stored as s3://${bucket}/${key}`);
    return {
      level: 'failed',
      found: `s3://${bucket}/${key} is not the mail that was sent`,
      why: 'what was accepted is not what is stored',
      fix: `mailsluice archive show ${messageId} --bucket ${bucket}`,
    };
  } catch (error) {
    if (!(error instanceof MailNotFoundError)) throw error;
    return {
      level: 'failed',
      found: `the mail ${messageId} was accepted and is not in ${bucket} under ${prefixes.join(', ')}`,
      why: 'another service took it, or a route stores it under another prefix or in another bucket',
      fix: 'give the configuration of the service by --config (the output SaveConfigurationCommand saves it)',
    };
  }
}

async function send(
  options: FollowOptions,
  token: string,
): Promise<{ readonly messageId: string } | Finding> {
  const { recipient } = options;
  const connection = await options.open();
  if (!(connection instanceof SmtpConnection)) return connection;
  try {
    for (const line of ['MAIL FROM:<>', `RCPT TO:<${recipient}>`, 'DATA']) {
      const reply = await connection.say(line);
      const isGood = isPositive(reply) || (reply.kind === 'reply' && reply.code === 354);
      if (!isGood) return refused(recipient, line, reply);
    }
    connection.write(render(options, token));
    const reply = await connection.reply();
    if (!isPositive(reply)) return refused(recipient, 'the message', reply);
    const messageId = heardText(reply).split(' ').at(-1) ?? '';
    if (isMessageId(messageId)) return { messageId };
    return {
      level: 'failed',
      found: `another program than Mailsluice took the mail: ${shown(heardText(reply))}`,
      why: 'its mail does not come into the bucket',
      fix: 'check the addresses of the host',
    };
  } finally {
    connection.close();
  }
}

function refused(recipient: string, line: string, reply: Heard): Finding {
  return {
    level: 'failed',
    found: `the test mail to ${recipient} was not accepted: ${shown(heardText(reply))} (after ${line})`,
    why: 'no mail could be followed into S3 and SNS',
    fix: 'give an address that the service accepts by --recipient ADDRESS',
  };
}

function render({ host, recipient }: FollowOptions, token: string): string {
  const domain = mailDomainOf(host);
  return [
    `From: Mailsluice doctor <postmaster@${domain}>`,
    `To: <${recipient}>`,
    `Subject: Mailsluice doctor ${token}`,
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${token}@doctor.mailsluice.invalid>`,
    'Auto-Submitted: auto-generated',
    '',
    'This mail was sent by "mailsluice doctor" and can be deleted.',
    '.',
    '',
  ].join('\r\n');
}
