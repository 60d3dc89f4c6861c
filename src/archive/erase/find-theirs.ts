// What the bucket holds of one person: mail with its versions and sidecars, and rows of the index.
import { errorCode } from '../../bridge/aws/error-codes.ts';
import { objectKeyPrefix, sidecarKey } from '../../bridge/index.ts';
import { isWithin, parseMailKey, type TimeRange } from '../received-time.ts';
import { countRows, IndexFileError } from './index-rows.ts';
import { failureOfObject, isGone } from './object-failure.ts';
import { lockReason } from './object-lock.ts';
import {
  type KeyRange,
  listVersions,
  type ObjectVersion,
  type VersionedPlace,
} from './object-versions.ts';
import { otherRecipients, type Person, rolesOf } from './person.ts';
import { type ReadVersion, readMailVersion, readSidecarRecord } from './read-version.ts';
import type { EraseItem, EraseScope } from './scope.ts';

/** What is to be erased, or what cannot be. */
export interface Finding {
  readonly item: EraseItem;
  /** Deleted at once. */
  readonly first: readonly ObjectVersion[];
  /**
   * Deleted when all of `first` is: the record, by which the mail is found again, and delete markers, without which an
   * older version would be the mail again.
   */
  readonly last: readonly ObjectVersion[];
  /** The current version of an index file, which is written without the person's rows first. */
  readonly rewrite?: ObjectVersion;
  /** Why it is left alone. */
  readonly left?: { readonly outcome: 'kept' | 'unread'; readonly reason: string };
  /** Object Lock keeps it now: what a dry run says. */
  readonly locked?: string;
}

/** All versions of one object, and of the sidecar of its record. */
export interface VersionGroup {
  readonly key: string;
  readonly versions: readonly ObjectVersion[];
  readonly sidecars: readonly ObjectVersion[];
}

const SIDECAR_END = sidecarKey('');
const INDEX_FILE = /(?:^|\/)dt=\d{4}-\d\d-\d\d\/hr=\d\d\/[^/]+\.ndjson\.gz$/;
const HOUR_MILLIS = 3_600_000;

/** The groups of a prefix in the hours that the range touches. */
export async function* listGroups(
  place: VersionedPlace,
  prefix: string,
  range: TimeRange,
): AsyncGenerator<VersionGroup> {
  let key: string | undefined;
  let versions: ObjectVersion[] = [];
  let sidecars: ObjectVersion[] = [];
  for await (const version of listVersions(place, keyRange(prefix, range))) {
    const isSidecar = version.key.endsWith(SIDECAR_END);
    const base = isSidecar ? version.key.slice(0, -SIDECAR_END.length) : version.key;
    if (base !== key) {
      if (key !== undefined) yield { key, versions, sidecars };
      key = base;
      versions = [];
      sidecars = [];
    }
    (isSidecar ? sidecars : versions).push(version);
  }
  if (key !== undefined) yield { key, versions, sidecars };
}

function keyRange(prefix: string, { from, to }: TimeRange): KeyRange {
  return {
    prefix: `${prefix}dt=`,
    ...(from && { after: objectKeyPrefix(prefix, from) }),
    ...(to && {
      until: objectKeyPrefix(prefix, new Date(Math.ceil(to.getTime() / HOUR_MILLIS) * HOUR_MILLIS)),
    }),
  };
}

/** `undefined` where nothing in it is the person's. */
export async function judgeGroup(
  place: VersionedPlace,
  group: VersionGroup,
  scope: EraseScope,
): Promise<Finding | undefined> {
  try {
    if (INDEX_FILE.test(group.key)) return await judgeIndexFile(place, group, scope);
    const mail = parseMailKey(group.key);
    if (mail === undefined || !isWithin(mail.receivedAt, scope.range)) return undefined;
    return await judgeMail(place, group, scope.person);
  } catch (error) {
    const reason =
      error instanceof IndexFileError ? error.message : failureOfObject(error, group.key);
    if (reason === undefined) throw error;
    return left(group, 'unread', reason);
  }
}

async function judgeMail(
  place: VersionedPlace,
  group: VersionGroup,
  person: Person,
): Promise<Finding | undefined> {
  const { key, versions, sidecars } = group;
  let theirs: ReadVersion | undefined;
  let isRead = false;
  let failure: unknown;
  const judge = (read: ReadVersion): void => {
    isRead = true;
    failure ??= read.unreadHeader;
    if (rolesOf(person, read.parties).length > 0) theirs = read;
  };
  for (const version of versions.filter(({ isDeleteMarker }) => !isDeleteMarker)) {
    try {
      judge(await readVersion(place, version, sidecars, person.headers === true));
    } catch (error) {
      if (failureOfObject(error, key) === undefined) throw error;
      // It expired since it was listed, which is as good.
      if (!isGone(error)) failure ??= error;
    }
    if (theirs !== undefined) break;
  }
  // Of a mail that expired or was never stored, the record is left.
  const hasSidecar = sidecars.some(({ isDeleteMarker }) => !isDeleteMarker);
  if (!isRead && failure === undefined && hasSidecar) {
    judge(await readSidecarRecord(place, sidecars));
  }
  if (theirs === undefined) {
    if (failure !== undefined) throw failure;
    return undefined;
  }
  const { record, parties } = theirs;
  const others = otherRecipients(person, parties);
  const first = versions.filter(({ isDeleteMarker }) => !isDeleteMarker);
  const last = [...sidecars, ...versions.filter(({ isDeleteMarker }) => isDeleteMarker)];
  const item: EraseItem = {
    kind: 'mail',
    key,
    messageId: key.slice(key.lastIndexOf('/') + 1),
    receivedAt: record.receivedAt,
    sha256: record.member.sha256,
    roles: rolesOf(person, parties),
    otherRecipients: others,
    versions: [...first, ...last].map(erasedVersion),
  };
  if (person.keepShared && others > 0) {
    return { item, first, last, left: { outcome: 'kept', reason: sharedReason(others) } };
  }
  const locked = theirs.lock && lockReason(theirs.lock, new Date());
  return { item, first, last, ...(locked !== undefined && { locked }) };
}

/** Where only the envelope can be read, it decides if it names the person. */
async function readVersion(
  place: VersionedPlace,
  version: ObjectVersion,
  sidecars: readonly ObjectVersion[],
  headers: boolean,
): Promise<ReadVersion> {
  try {
    return await readMailVersion(place, version, sidecars, headers);
  } catch (error) {
    if (!headers || errorCode(error) !== 'InvalidObjectState') throw error;
    return { ...(await readMailVersion(place, version, sidecars, false)), unreadHeader: error };
  }
}

async function judgeIndexFile(
  place: VersionedPlace,
  { key, versions }: VersionGroup,
  scope: EraseScope,
): Promise<Finding | undefined> {
  const theirs: ObjectVersion[] = [];
  let rewrite: ObjectVersion | undefined;
  let rows = 0;
  for (const version of versions.filter(({ isDeleteMarker }) => !isDeleteMarker)) {
    const counted = await countRows(place, version, scope).catch((error: unknown) => {
      if (isGone(error)) return { theirs: 0, others: 0 };
      throw error;
    });
    if (counted.theirs === 0) continue;
    rows += counted.theirs;
    theirs.push(version);
    if (version.isLatest && counted.others > 0) rewrite = version;
  }
  if (rows === 0) return undefined;
  const isEmptied = rewrite === undefined && theirs.some(({ isLatest }) => isLatest);
  // Without its current version, an older one would be the index again.
  const deleted = isEmptied ? versions.filter(({ isDeleteMarker }) => !isDeleteMarker) : theirs;
  // Where no versions are kept, writing it is enough.
  const first = rewrite !== undefined && !place.keepsVersions ? [] : deleted;
  return {
    item: {
      kind: 'index',
      key,
      rows,
      versions: (first.length > 0 ? first : theirs).map(erasedVersion),
    },
    first,
    last: isEmptied ? versions.filter(({ isDeleteMarker }) => isDeleteMarker) : [],
    ...(rewrite && { rewrite }),
  };
}

export function left(
  { key, versions, sidecars }: VersionGroup,
  outcome: 'kept' | 'unread',
  reason: string,
): Finding {
  const kind = INDEX_FILE.test(key) ? 'index' : parseMailKey(key) === undefined ? 'outbox' : 'mail';
  const item: EraseItem = { kind, key, versions: [...versions, ...sidecars].map(erasedVersion) };
  return { item, first: [], last: [], left: { outcome, reason } };
}

export function sharedReason(others: number): string {
  return `it is the mail of ${others === 1 ? 'another recipient' : `${others} other recipients`} too`;
}

export function erasedVersion({
  key,
  versionId,
  isDeleteMarker,
}: ObjectVersion): EraseItem['versions'][number] {
  return {
    key,
    ...(versionId !== undefined && { versionId }),
    ...(isDeleteMarker && { isDeleteMarker }),
  };
}
