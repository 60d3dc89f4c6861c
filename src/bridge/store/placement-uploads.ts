import type { MessageFacts } from '../../smtp/index.ts';
import { MESSAGE_TYPE, sidecarMetadata } from '../contract/mail-record.ts';
import type { PlacementUpload } from '../intake/received-mail.ts';
import type { PlanPlacements } from '../placements.ts';
import type { ObjectStore } from './object-store.ts';

/** Begins the multipart uploads of a large mail, one for each placement. */
export class PlacementUploads {
  readonly #store: ObjectStore;
  readonly #planPlacements: PlanPlacements;

  constructor(store: ObjectStore, planPlacements: PlanPlacements) {
    this.#store = store;
    this.#planPlacements = planPlacements;
  }

  /** All uploads or none: rejects with the SDK's error of the first that failed, and aborts the others. */
  async begin(facts: MessageFacts, signal: AbortSignal): Promise<readonly PlacementUpload[]> {
    const metadata = sidecarMetadata(facts);
    const outcomes = await Promise.allSettled(
      this.#planPlacements(facts).map(async (placement): Promise<PlacementUpload> => {
        const object = { key: placement.key, contentType: MESSAGE_TYPE, metadata, signal };
        return { placement, upload: await this.#store.beginUpload(object) };
      }),
    );
    const begun = outcomes.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const failed = outcomes.find((each) => each.status === 'rejected');
    if (failed === undefined) return begun;
    for (const { upload } of begun) upload.abort();
    throw failed.reason;
  }
}
