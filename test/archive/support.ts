// Mail in the archive, put there by the bridge itself at the times that a test asks for.
import { type Bridge, type BridgeOptions, createBridge } from '../../src/bridge/index.ts';
import { deliver, facts, type FactsInput } from '../bridge/support.ts';
import type { TestAws } from '../support/aws.ts';

export interface MailToStore extends FactsInput {
  readonly at: string;
  readonly content?: string | Buffer;
  readonly prefix?: string;
}

/** Where the mail is put. */
export interface ArchiveAws extends Pick<TestAws, 's3' | 'sns'> {
  readonly resources: Pick<TestAws['resources'], 'bucket' | 'topicArn'>;
}

export const CONTENT = 'From: a@client.example\r\nSubject: x\r\n\r\nHello\r\n';

/** A bridge that stores into the archive of the tests. */
export function archiveBridge(
  { s3, sns, resources: { bucket, topicArn } }: ArchiveAws,
  options: Partial<BridgeOptions> = {},
): Bridge {
  return createBridge({
    s3,
    sns,
    bucket,
    topicArn,
    hostname: 'mx.example.com',
    prefix: 'mail/',
    ...options,
  });
}

/** Stores and announces each; gives their keys in that order. */
export async function storeMails(
  aws: ArchiveAws,
  mails: readonly MailToStore[],
): Promise<string[]> {
  const keys: string[] = [];
  for (const { at, content = CONTENT, prefix = 'mail/', ...input } of mails) {
    const bridge = archiveBridge(aws, {
      prefix,
      observe: (event) => {
        if (event.kind === 'message-accepted') keys.push(...event.placements.map(({ key }) => key));
      },
    });
    const reply = await deliver(bridge, facts({ ...input, receivedAt: new Date(at) }), content);
    if (reply.code !== 250) throw new Error(`not stored: ${reply.code}`);
    await bridge.close();
  }
  return keys;
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
