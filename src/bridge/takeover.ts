// What a mail becomes when an earlier commit of it was not finished. The rule is one object for each recipient, under the
// earlier messageId wherever its object is there or can be made.
import { abortUploads, type ReceivedMail } from './intake/received-mail.ts';
import type { PlannedObject } from './planned-objects.ts';
import type { ObjectStore } from './store/object-store.ts';

export interface Takeover {
  readonly objects: readonly PlannedObject[];
  /** Those that are in S3 already. */
  readonly stored: ReadonlySet<PlannedObject>;
}

/**
 * A mail held whole becomes the earlier objects, which are written again under their keys: whichever write is first, the
 * octets are the same. The octets of a large mail went up under its own keys, so an earlier object is kept where it is
 * there; where it is not, its upload is ended, so that it will not be there later, and our own object takes its place.
 * Where the own objects have other recipients, since the routes have changed, all objects are our own: none of the
 * earlier was announced, as that is done when all are stored. Rejects with the SDK's error.
 */
export async function takeOver(
  store: ObjectStore,
  mail: ReceivedMail,
  earlier: readonly PlannedObject[],
  own: readonly PlannedObject[],
  signal: AbortSignal,
): Promise<Takeover> {
  if (mail.body.kind === 'whole') return { objects: earlier, stored: new Set() };
  const isThere = await Promise.all(
    earlier.map(({ key, upload, record: { member } }) =>
      store.endUpload(
        key,
        upload?.uploadId,
        (member.storedSize ?? member.size) + member.traceHeaderSize,
        signal,
      ),
    ),
  );
  const stored = new Set(earlier.filter((_, index) => isThere[index]));
  if (stored.size === earlier.length) {
    abortUploads(mail);
    return { objects: earlier, stored };
  }
  const objects = earlier.flatMap(
    (object) =>
      (stored.has(object) ? object : own.find((each) => haveSameRecipients(each, object))) ?? [],
  );
  if (objects.length !== earlier.length) return { objects: own, stored: new Set() };
  for (const { placement, upload } of mail.body.uploads) {
    if (!objects.some(({ key }) => key === placement.key)) upload.abort();
  }
  return { objects, stored };
}

function haveSameRecipients(one: PlannedObject, other: PlannedObject): boolean {
  return recipientsOf(one) === recipientsOf(other);
}

function recipientsOf({ record }: PlannedObject): string {
  const paths = record.member.envelope.recipients.map(({ forwardPath }) => forwardPath);
  return JSON.stringify([...new Set(paths)].sort());
}
