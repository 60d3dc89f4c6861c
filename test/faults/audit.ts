// Was the promise kept? Every mail that was answered 250 is in S3 octet by octet and was announced.
import { listKeys, readObject } from '../bridge/support.ts';
import type { TestAws } from '../support/aws.ts';
import { type Acknowledged, sha256 } from './sender.ts';

const READERS = 8;

/** How many of them are not in S3 as they were sent, and how many nobody was told of. */
export async function audit(
  aws: TestAws,
  acknowledged: readonly Acknowledged[],
  announced: Pick<ReadonlyMap<string, number>, 'has'>,
): Promise<{ lost: number; silent: number }> {
  const keys = new Map<string, string>();
  for (const key of await listKeys(aws, 'mail/')) {
    keys.set(key.slice(key.lastIndexOf('/') + 1), key);
  }
  let lost = 0;
  let next = 0;
  const read = async (): Promise<void> => {
    for (let mail = acknowledged[next++]; mail !== undefined; mail = acknowledged[next++]) {
      const key = keys.get(mail.messageId);
      const stored = key && (await readObject(aws.s3, aws.resources.bucket, key)).body;
      // The trace headers stand in front of it.
      if (!stored || sha256(stored.subarray(-mail.octets)) !== mail.sha256) lost += 1;
    }
  };
  await Promise.all(Array.from({ length: READERS }, read));
  return { lost, silent: acknowledged.filter(({ messageId }) => !announced.has(messageId)).length };
}
