// Erases one person's mail from the bucket. Nothing has to be remembered for a run that was killed: what is erased is
// not found again, and what is left is found by its own content, since the record of a mail is deleted last.
import { errorCode } from '../../bridge/aws/error-codes.ts';
import { mapInOrder } from '../in-order.ts';
import type { Place } from '../list-mail.ts';
import { DELETE_BATCH_OBJECTS, type DeleteOptions, deleteVersions } from './delete-versions.ts';
import { judgeMarker, listMarkerGroups } from './find-markers.ts';
import { type Finding, judgeGroup, listGroups } from './find-theirs.ts';
import { rewriteIndexFile } from './index-rows.ts';
import { failureOfObject, isGone } from './object-failure.ts';
import {
  findDayPrefixes,
  type ObjectVersion,
  readVersioning,
  type VersionedPlace,
} from './object-versions.ts';
import type { EraseItem, EraseOutcome, ErasedVersion, EraseScope } from './scope.ts';

export interface EraseOptions extends EraseScope, DeleteOptions {
  /** Only say what would be erased. */
  readonly dryRun: boolean;
  /** Where the index is, if `prefixes` are given. Default `index/`. */
  readonly indexPrefix?: string;
  /** Objects read at once. Default 16. */
  readonly concurrency?: number;
  /** What an earlier run began to delete, and may not have finished. */
  readonly unfinished?: readonly EraseItem[];
  /** Called with what is deleted next, and awaited, so that it may be written down. */
  readonly onErasing?: (items: readonly EraseItem[]) => Promise<void>;
  /** Called for each mail, notification and index file that was looked at. */
  readonly onJudged?: () => void;
  /** Called with each of `prefixes` under which there is nothing in the range, of nobody. */
  readonly onEmpty?: (prefix: string) => void;
  /** Begins nothing more; a deletion under way is finished. */
  readonly stop?: AbortSignal;
}

/**
 * Erases, and gives what became of each thing. Objects that cannot be read or deleted are outcomes, and the others go on.
 * @throws the SDK's error where it does not concern one object.
 */
export async function* eraseMail(
  place: Place,
  options: EraseOptions,
): AsyncGenerator<EraseOutcome> {
  const versioned = await readVersioning(place);
  const { dryRun, stop } = options;
  if (!dryRun && options.unfinished !== undefined && options.unfinished.length > 0) {
    yield* eraseBatch(versioned, options.unfinished.map(againOf), options);
  }
  let batch: Finding[] = [];
  let versions = 0;
  for await (const finding of findAll(versioned, options)) {
    if (stop?.aborted) return;
    if (finding.left !== undefined) {
      yield { ...finding.item, ...finding.left };
    } else if (dryRun) {
      yield {
        ...finding.item,
        outcome: finding.locked === undefined ? 'found' : 'refused',
        ...(finding.locked !== undefined && { reason: finding.locked }),
      };
    } else {
      batch.push(finding);
      versions += finding.first.length + finding.last.length;
      if (versions >= DELETE_BATCH_OBJECTS) {
        yield* eraseBatch(versioned, batch, options);
        batch = [];
        versions = 0;
      }
    }
  }
  if (batch.length > 0) yield* eraseBatch(versioned, batch, options);
}

async function* findAll(place: VersionedPlace, options: EraseOptions): AsyncGenerator<Finding> {
  const { concurrency = 16, prefixes, indexPrefix = 'index/', range, stop, onJudged } = options;
  const isStopped = (): boolean => stop?.aborted === true;
  let looked = 0;
  async function* judged<T>(
    groups: AsyncIterable<T>,
    judge: (place: VersionedPlace, group: T, scope: EraseScope) => Promise<Finding | undefined>,
  ): AsyncGenerator<Finding> {
    const findings = mapInOrder(groups, concurrency, (group) => judge(place, group, options));
    for await (const finding of findings) {
      if (isStopped()) return;
      looked += 1;
      onJudged?.();
      if (finding !== undefined) yield finding;
    }
  }
  // Before the mail, so that nothing is announced that is gone.
  yield* judged(listMarkerGroups(place, options), judgeMarker);
  const searched =
    prefixes === undefined
      ? await findDayPrefixes(place)
      : [...new Set([...prefixes, indexPrefix])];
  for (const prefix of searched) {
    const before = looked;
    yield* judged(listGroups(place, prefix, range), judgeGroup);
    if (isStopped()) return;
    if (looked === before && prefixes?.includes(prefix)) options.onEmpty?.(prefix);
  }
}

async function* eraseBatch(
  place: VersionedPlace,
  findings: readonly Finding[],
  options: EraseOptions,
): AsyncGenerator<EraseOutcome> {
  await options.onErasing?.(findings.map(({ item }) => item));
  const reasons = new Map<Finding, string>();
  for (const finding of findings) {
    if (finding.rewrite === undefined) continue;
    const reason = await rewriteReason(place, finding.rewrite, options);
    if (reason !== undefined) reasons.set(finding, reason);
  }
  await deleteAll(place, findings, reasons, ({ first }) => first, options);
  await deleteAll(place, findings, reasons, ({ last }) => last, options);
  for (const finding of findings) {
    const reason = reasons.get(finding);
    yield {
      ...finding.item,
      ...(reason === undefined
        ? { outcome: 'erased' as const }
        : { outcome: 'refused' as const, reason }),
    };
  }
}

/** Deletes what `pick` gives of the findings that have no reason against it yet, and adds the reasons of S3. */
async function deleteAll(
  place: VersionedPlace,
  findings: readonly Finding[],
  reasons: Map<Finding, string>,
  pick: (finding: Finding) => readonly ObjectVersion[],
  options: DeleteOptions,
): Promise<void> {
  const going = findings.filter((finding) => !reasons.has(finding));
  const refused = await deleteVersions(place, going.flatMap(pick), options);
  for (const finding of going) {
    const reason = pick(finding)
      .map((version) => refused.get(version))
      .find((each) => each !== undefined);
    if (reason !== undefined) reasons.set(finding, reason);
  }
}

async function rewriteReason(
  place: VersionedPlace,
  version: ObjectVersion,
  scope: EraseScope,
): Promise<string | undefined> {
  try {
    await rewriteIndexFile(place, version, scope);
    return undefined;
  } catch (error) {
    if (isGone(error)) return undefined;
    const code = errorCode(error);
    if (code === 'PreconditionFailed' || code === 'ConditionalRequestConflict') {
      return 'the index was written at the same time: run the same command again';
    }
    const reason = failureOfObject(error, version.key);
    if (reason === undefined) throw error;
    return code === 'AccessDenied'
      ? 'access denied: writing the index without the rows requires s3:PutObject on the file'
      : reason;
  }
}

/** A deletion that may have been cut off: all versions that it named. */
function againOf(item: EraseItem): Finding {
  const version = ({ key, versionId, isDeleteMarker = false }: ErasedVersion): ObjectVersion => ({
    key,
    ...(versionId !== undefined && { versionId }),
    isDeleteMarker,
    isLatest: false,
  });
  // An index file without versions is written, not deleted; this run looks at it anyway.
  const versions =
    item.kind === 'index' && item.versions.some(({ versionId }) => versionId === undefined)
      ? []
      : item.versions.map(version);
  const isFirst = ({ key, isDeleteMarker }: ObjectVersion): boolean =>
    key === item.key && !isDeleteMarker;
  return {
    item,
    first: versions.filter(isFirst),
    last: versions.filter((each) => !isFirst(each)),
  };
}
