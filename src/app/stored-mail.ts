import type { BridgeEvent } from '../bridge/index.ts';

/** One mail that was stored and announced, as `mailsluice local` shows it. */
export interface StoredMail {
  readonly at: string;
  readonly messageId: string;
  /** `''` for the null reverse-path. */
  readonly reversePath: string;
  readonly recipients: readonly string[];
  readonly sizeInOctets: number;
  /** `s3://bucket/key`; one for each distinct prefix. */
  readonly objects: readonly string[];
}

export function storedMail({
  facts,
  sizeInOctets,
  placements,
}: BridgeEvent & { kind: 'message-accepted' }): StoredMail {
  return {
    at: facts.receivedAt.toISOString(),
    messageId: facts.messageId,
    reversePath: facts.envelope.reversePath?.address ?? '',
    recipients: facts.envelope.recipients.map(({ forwardPath }) => forwardPath.address),
    sizeInOctets,
    objects: placements.map(({ bucket, key }) => `s3://${bucket}/${key}`),
  };
}
