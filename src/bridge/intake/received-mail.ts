// A message whose last octet has come, as the commit takes it over.
import {
  HEADER_SECTION_OCTETS,
  type HeaderSection,
  readHeaderSection,
} from '../../message/header-section.ts';
import type { MessageFacts } from '../../smtp/index.ts';
import type { Judgement } from '../../verify/index.ts';
import type { Placement } from '../placements.ts';
import type { MultipartUpload } from '../store/multipart-upload.ts';

export interface ReceivedMail {
  readonly facts: MessageFacts;
  /** When the last octet came, on the clock of `performance.now`: the budget of the commit begins here. */
  readonly endedAt: number;
  readonly sizeInOctets: number;
  readonly sha256: Buffer;
  /** The same of the octets to store, where line ends were normalized. */
  readonly stored?: {
    readonly sizeInOctets: number;
    readonly sha256: Buffer;
    readonly renamedFields: number;
  };
  readonly header: HeaderSection;
  readonly body: MailBody;
  /** Of the judge, where there is one. */
  readonly judged?: { readonly judgement: Judgement; readonly millis: number };
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

/** `chunks`: the message, or the beginning of it that is larger than a header section may be. */
export function readHeader(chunks: readonly Buffer[], sizeInOctets: number): HeaderSection {
  return readHeaderSection(headOf(chunks), sizeInOctets <= HEADER_SECTION_OCTETS);
}

/** As many octets from the start as the header section may have, or all. */
function headOf(chunks: readonly Buffer[]): Buffer {
  const needed: Buffer[] = [];
  let octets = 0;
  for (const chunk of chunks) {
    needed.push(chunk);
    octets += chunk.length;
    if (octets > HEADER_SECTION_OCTETS) break;
  }
  const [only] = needed;
  return needed.length === 1 && only !== undefined ? only : Buffer.concat(needed);
}

/** The size that the client declared with MAIL; 0 if none. */
export function declaredOctets({ envelope }: MessageFacts): number {
  return envelope.parameters.size ?? 0;
}
