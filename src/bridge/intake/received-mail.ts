// A message whose last octet has come, as the commit takes it over.
import type { HeaderSection } from '../../message/header-section.ts';
import type { MessageFacts } from '../../smtp/index.ts';
import type { Placement } from '../placements.ts';
import type { MultipartUpload } from '../store/multipart-upload.ts';

export interface ReceivedMail {
  readonly facts: MessageFacts;
  /** When the last octet came, on the clock of `performance.now`: the budget of the commit begins here. */
  readonly endedAt: number;
  readonly sizeInOctets: number;
  readonly sha256: Buffer;
  /** The same of the octets to store, where line ends were normalized. */
  readonly stored?: { readonly sizeInOctets: number; readonly sha256: Buffer };
  readonly header: HeaderSection;
  readonly body: MailBody;
}

/** `parts`: everything between the first part and the last is in S3 already, in one upload for each placement. */
export type MailBody =
  | { readonly kind: 'whole'; readonly chunks: readonly Buffer[] }
  | {
      readonly kind: 'parts';
      readonly first: readonly Buffer[];
      readonly last: readonly Buffer[];
      readonly lastNumber: number;
      readonly uploads: readonly PlacementUpload[];
    };

/** The multipart upload of one placement. */
export interface PlacementUpload {
  readonly placement: Placement;
  readonly upload: MultipartUpload;
}

/** Aborts the uploads of a mail that does not become an object. */
export function abortUploads({ body }: ReceivedMail): void {
  if (body.kind === 'parts') for (const { upload } of body.uploads) upload.abort();
}
