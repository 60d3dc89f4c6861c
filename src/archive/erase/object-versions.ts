// What S3 holds under a prefix: in a bucket that keeps versions, the older versions and the delete markers too.
import {
  GetBucketVersioningCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
} from '@aws-sdk/client-s3';
import { OUTBOX_PREFIX, proven, provesListing } from '../../bridge/index.ts';
import type { Place } from '../list-mail.ts';

/** A bucket of which it is known whether it keeps versions. */
export interface VersionedPlace extends Place {
  /** It does, or did once: older versions may be there. */
  readonly keepsVersions: boolean;
  /** A version can be deleted only with a code of the owner's MFA device. */
  readonly requiresMfa: boolean;
}

export interface ObjectVersion {
  readonly key: string;
  /** Absent in a bucket that never kept versions. */
  readonly versionId?: string;
  readonly isDeleteMarker: boolean;
  readonly isLatest: boolean;
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketVersioning.html Rejects with the SDK's error. */
export async function readVersioning(place: Place): Promise<VersionedPlace> {
  const { Status, MFADelete } = await place.s3.send(
    new GetBucketVersioningCommand({ Bucket: place.bucket }),
    sendOptions(place),
  );
  return { ...place, keepsVersions: Status !== undefined, requiresMfa: MFADelete === 'Enabled' };
}

export interface KeyRange {
  readonly prefix: string;
  /** Keys behind this one. */
  readonly after?: string;
  /** Keys before this one. */
  readonly until?: string;
}

/** Everything in the order of the keys, a page at a time. The versions of one key follow each other. */
export async function* listVersions(
  place: VersionedPlace,
  { prefix, after, until }: KeyRange,
): AsyncGenerator<ObjectVersion> {
  const pages = place.keepsVersions ? versionPages : objectPages;
  for await (const { versions } of pages(place, prefix, undefined, after)) {
    for (const version of versions) {
      if (until !== undefined && version.key >= until) return;
      yield version;
    }
  }
}

/** A folder that is a day of stored mail, or of an index. */
const DAY_FOLDER = /(?:^|\/)dt=\d{4}-\d\d-\d\d\/$/;

/**
 * The prefixes that have folders of days: those of the mail, whichever routes and credentials named them, and that of
 * the index. Also where only older versions are left of it.
 */
export async function findDayPrefixes(place: VersionedPlace): Promise<string[]> {
  const found: string[] = [];
  const waiting = [''];
  for (let prefix = waiting.shift(); prefix !== undefined; prefix = waiting.shift()) {
    let hasDays = false;
    const pages = place.keepsVersions ? versionPages : objectPages;
    for await (const { folders } of pages(place, prefix, '/', undefined)) {
      for (const folder of folders) {
        if (DAY_FOLDER.test(folder)) hasDays = true;
        else if (folder !== OUTBOX_PREFIX) waiting.push(folder);
      }
    }
    if (hasDays) found.push(prefix);
  }
  return found.sort();
}

interface Page {
  readonly versions: readonly ObjectVersion[];
  readonly folders: readonly string[];
}

async function* objectPages(
  place: Place,
  prefix: string,
  delimiter: string | undefined,
  after: string | undefined,
): AsyncGenerator<Page> {
  let token: string | undefined;
  do {
    const page = await place.s3.send(
      // An empty list is the proof that nothing is left: it must be S3's, and this bucket's.
      proven(
        new ListObjectsV2Command({
          Bucket: place.bucket,
          Prefix: prefix,
          ...(delimiter !== undefined && { Delimiter: delimiter }),
          ...(after !== undefined && { StartAfter: after }),
          ...(token !== undefined && { ContinuationToken: token }),
        }),
        provesListing(place.bucket),
      ),
      sendOptions(place),
    );
    yield {
      versions: (page.Contents ?? []).map(({ Key = '' }) => ({
        key: Key,
        isDeleteMarker: false,
        isLatest: true,
      })),
      folders: (page.CommonPrefixes ?? []).map(({ Prefix = '' }) => Prefix),
    };
    token = page.NextContinuationToken;
  } while (token !== undefined);
}

async function* versionPages(
  place: Place,
  prefix: string,
  delimiter: string | undefined,
  after: string | undefined,
): AsyncGenerator<Page> {
  let keyMarker = after;
  let versionIdMarker: string | undefined;
  let isLast: boolean;
  do {
    const page = await place.s3.send(
      proven(
        new ListObjectVersionsCommand({
          Bucket: place.bucket,
          Prefix: prefix,
          ...(delimiter !== undefined && { Delimiter: delimiter }),
          ...(keyMarker !== undefined && { KeyMarker: keyMarker }),
          ...(versionIdMarker !== undefined && { VersionIdMarker: versionIdMarker }),
        }),
        // Its answer has the same name of the bucket, and no count.
        ({ Name }) => provesListing(place.bucket)({ Name, KeyCount: 0 }),
      ),
      sendOptions(place),
    );
    const listed = (entries: typeof page.DeleteMarkers, isDeleteMarker: boolean): ObjectVersion[] =>
      (entries ?? []).map(({ Key = '', VersionId = 'null', IsLatest = false }) => ({
        key: Key,
        versionId: VersionId,
        isDeleteMarker,
        isLatest: IsLatest,
      }));
    yield {
      versions: mergeByKey(listed(page.Versions, false), listed(page.DeleteMarkers, true)),
      folders: (page.CommonPrefixes ?? []).map(({ Prefix = '' }) => Prefix),
    };
    keyMarker = page.NextKeyMarker;
    versionIdMarker = page.NextVersionIdMarker;
    isLast = page.IsTruncated !== true;
  } while (!isLast);
}

/** S3 lists versions and delete markers apart, each in the order of the keys' UTF-8 octets. */
function mergeByKey(one: ObjectVersion[], other: ObjectVersion[]): ObjectVersion[] {
  if (other.length === 0) return one;
  if (one.length === 0) return other;
  const all = [...one, ...other].map((version) => ({ version, octets: Buffer.from(version.key) }));
  return all.sort((a, b) => Buffer.compare(a.octets, b.octets)).map(({ version }) => version);
}

export function sendOptions({ signal }: Place): { readonly abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}
