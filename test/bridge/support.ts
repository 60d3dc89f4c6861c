// One mail put through the bridge as the server would, and what it left behind.
import { GetObjectCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { DeleteMessageCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import type { Bridge } from '../../src/bridge/index.ts';
import { messageId } from '../../src/bridge/contract/message-id.ts';
import type {
  Envelope,
  Mailbox,
  MessageFacts,
  Recipient,
  Reply,
  SessionFacts,
} from '../../src/smtp/index.ts';
import type { NewlineNormalizer } from '../../src/smtp/data/newline-normalizer.ts';
import type { TestAws } from '../support/aws.ts';

export function mailbox(address: string): Mailbox {
  const at = address.lastIndexOf('@');
  return {
    localPart: at === -1 ? address : address.slice(0, at),
    domain: at === -1 ? '' : address.slice(at + 1),
    address,
  };
}

export function recipient(address: string, parameters: Recipient['parameters'] = {}): Recipient {
  return { forwardPath: mailbox(address), parameters };
}

export interface FactsInput {
  readonly messageId?: string;
  readonly receivedAt?: Date;
  readonly session?: Partial<SessionFacts>;
  readonly from?: string | null;
  readonly to?: readonly string[];
  readonly parameters?: Envelope['parameters'];
  readonly undeclaredUtf8?: true;
  readonly recipients?: readonly Recipient[];
}

export function facts(input: FactsInput = {}): MessageFacts {
  const { from = 'ann@sender.example', to = ['bob@in.example'] } = input;
  const receivedAt = input.receivedAt ?? new Date();
  return {
    messageId: input.messageId ?? messageId(receivedAt),
    receivedAt,
    session: {
      sessionId: 'session-1',
      listener: 'mx',
      clientAddress: '192.0.2.7',
      clientPort: 40_000,
      clientDomain: 'client.example',
      protocol: 'ESMTP',
      tls: null,
      identity: null,
      ...input.session,
    },
    envelope: {
      reversePath: from === null ? null : mailbox(from),
      parameters: input.parameters ?? {},
      ...(input.undeclaredUtf8 && { undeclaredUtf8: true }),
      recipients: input.recipients ?? to.map((address) => recipient(address)),
    },
  };
}

/** Opens, writes and commits one message; obeys the writer's pauses. With `normalizer` as a listener that normalizes does. */
export async function deliver(
  bridge: Pick<Bridge, 'open'>,
  of: MessageFacts,
  content: Buffer | string,
  chunkOctets = 64 * 1024,
  normalizer?: NewlineNormalizer,
): Promise<Reply> {
  const octets = Buffer.from(content);
  let wake: () => void = () => undefined;
  const opened = await bridge.open(of, () => wake());
  if (opened.kind === 'refuse') return opened.reply;
  const { writer } = opened;
  for (let at = 0; at < octets.length; at += chunkOctets) {
    const drained = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const received = octets.subarray(at, at + chunkOctets);
    const span = normalizer?.normalize(received) ?? received;
    if (!writer.write(span, received)) await drained;
  }
  const reply = await writer.commit();
  if (!('code' in reply)) throw new Error('one reply was expected');
  return reply;
}

export async function readObject(
  s3: S3Client,
  Bucket: string,
  Key: string,
): Promise<{ body: Buffer; metadata: Record<string, string>; contentType: string | undefined }> {
  const { Body, Metadata, ContentType } = await s3.send(new GetObjectCommand({ Bucket, Key }));
  const body = Buffer.from((await Body?.transformToByteArray()) ?? []);
  return { body, metadata: Metadata ?? {}, contentType: ContentType };
}

export async function listKeys(aws: TestAws, Prefix = ''): Promise<string[]> {
  const keys: string[] = [];
  let token: string | undefined;
  do {
    const page = await aws.s3.send(
      new ListObjectsV2Command({
        Bucket: aws.resources.bucket,
        Prefix,
        ...(token !== undefined && { ContinuationToken: token }),
      }),
    );
    keys.push(...(page.Contents ?? []).flatMap(({ Key }) => (Key === undefined ? [] : [Key])));
    token = page.NextContinuationToken;
  } while (token !== undefined);
  return keys;
}

/** What SNS delivered to the queue. */
export interface Delivered {
  readonly Subject: string;
  readonly Message: string;
  readonly MessageAttributes: Record<string, { readonly Type: string; readonly Value: string }>;
}

/** Takes all notifications that are in the queue; waits for the first one if asked to. */
export async function takeNotifications(aws: TestAws, waitSeconds = 0): Promise<Delivered[]> {
  const { queueUrl: QueueUrl } = aws.resources;
  const taken: Delivered[] = [];
  for (;;) {
    const { Messages = [] } = await aws.sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: 10,
        WaitTimeSeconds: taken.length === 0 ? waitSeconds : 0,
      }),
    );
    if (Messages.length === 0) return taken;
    for (const { Body, ReceiptHandle } of Messages) {
      taken.push(JSON.parse(Body ?? '{}') as Delivered);
      await aws.sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    }
  }
}
