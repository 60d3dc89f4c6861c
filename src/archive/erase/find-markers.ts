// One person's notifications in the outbox: those that wait, those that were set aside, and in a bucket that keeps
// versions those that were published and deleted.
import { deadLetterKey, markerKey } from '../../bridge/contract/object-key.ts';
import { OUTBOX_PREFIX, type ReceivedNotification } from '../../bridge/index.ts';
import { isMessageId, messageIdMillis } from '../../bridge/contract/message-id.ts';
import { type OutboxMarker, parseMarker } from '../../bridge/outbox/marker.ts';
import { isWithin } from '../received-time.ts';
import { erasedVersion, type Finding, sharedReason } from './find-theirs.ts';
import { failureOfObject, isGone } from './object-failure.ts';
import { listVersions, type ObjectVersion, type VersionedPlace } from './object-versions.ts';
import { headerAddressesOf, otherRecipients, type Parties, rolesOf } from './person.ts';
import { getVersion, readMailVersion } from './read-version.ts';
import type { EraseItem, EraseScope } from './scope.ts';

export interface MarkerGroup {
  readonly key: string;
  readonly messageId: string;
  readonly versions: readonly ObjectVersion[];
}

/** Of a marker that waits or was set aside; `undefined` for any other object. */
function messageIdOf(key: string): string | undefined {
  const id = key.slice(key.lastIndexOf('/') + 1).replace(/\.json$/, '');
  const isMarker = isMessageId(id) && [markerKey(id), deadLetterKey(id)].includes(key);
  return isMarker ? id : undefined;
}

/** The markers whose mail was received in the range. */
export async function* listMarkerGroups(
  place: VersionedPlace,
  { range }: EraseScope,
): AsyncGenerator<MarkerGroup> {
  let group: { key: string; messageId: string; versions: ObjectVersion[] } | undefined;
  for await (const version of listVersions(place, { prefix: OUTBOX_PREFIX })) {
    const messageId = messageIdOf(version.key);
    if (messageId === undefined) continue;
    if (!isWithin(new Date(messageIdMillis(messageId)), range)) continue;
    if (group?.key !== version.key) {
      if (group !== undefined) yield group;
      group = { key: version.key, messageId, versions: [] };
    }
    group.versions.push(version);
  }
  if (group !== undefined) yield group;
}

/** `undefined` where the mail is not the person's. */
export async function judgeMarker(
  place: VersionedPlace,
  { key, messageId, versions }: MarkerGroup,
  scope: EraseScope,
): Promise<Finding | undefined> {
  const { person, prefixes } = scope;
  const first = versions.filter(({ isDeleteMarker }) => !isDeleteMarker);
  const last = versions.filter(({ isDeleteMarker }) => isDeleteMarker);
  const item: EraseItem = { kind: 'outbox', key, messageId, versions: versions.map(erasedVersion) };
  for (const version of first) {
    let marker: ReadMarker;
    try {
      marker = await readMarker(place, version);
    } catch (error) {
      if (isGone(error)) continue;
      const reason = failureOfObject(error, key);
      if (reason === undefined) throw error;
      return { item, first, last, left: { outcome: 'unread', reason } };
    }
    if (marker.kind === 'unreadable') {
      return { item, first, last, left: { outcome: 'unread', reason: UNREADABLE } };
    }
    const { parties, mailKey } = marker;
    if (prefixes !== undefined && !prefixes.some((prefix) => mailKey.startsWith(`${prefix}dt=`))) {
      continue;
    }
    const roles = rolesOf(person, parties);
    if (roles.length === 0) continue;
    const others = otherRecipients(person, parties);
    const found = { ...item, roles, otherRecipients: others };
    if (person.keepShared && others > 0) {
      return { item: found, first, last, left: { outcome: 'kept', reason: sharedReason(others) } };
    }
    return { item: found, first, last };
  }
  return undefined;
}

type ReadMarker =
  | { readonly kind: 'unreadable' }
  | { readonly kind: 'marker'; readonly parties: Parties; readonly mailKey: string };

const UNREADABLE =
  'it is no notification that this release can read, so nobody knows whose it is; look at it, and delete it by hand';

async function readMarker(place: VersionedPlace, version: ObjectVersion): Promise<ReadMarker> {
  const { Body } = await getVersion(place, version);
  const parsed = parseMarker((await Body?.transformToString()) ?? '');
  const notification = parsed.kind === 'marker' ? notificationOf(parsed.marker) : undefined;
  if (parsed.kind !== 'marker' || notification === undefined) return { kind: 'unreadable' };
  const { marker } = parsed;
  const { mail, receipt, mailsluice: member } = notification;
  const own: Parties = {
    reversePath: member.envelope.reversePath,
    recipients: [
      ...new Set([
        ...receipt.recipients,
        ...member.envelope.recipients.map(({ forwardPath }) => forwardPath),
      ]),
    ],
    headerAddresses: headerAddressesOf(mail.headers),
  };
  // A notification that was too large for SNS does not name everybody. Its mail does.
  const known = member.reduced === undefined ? {} : await partiesOfMail(place, marker.key);
  return { kind: 'marker', parties: { ...own, ...known }, mailKey: marker.key };
}

function notificationOf({ notification }: OutboxMarker): ReceivedNotification | undefined {
  try {
    return JSON.parse(notification.message) as ReceivedNotification;
  } catch {
    return undefined;
  }
}

async function partiesOfMail(place: VersionedPlace, key: string): Promise<Partial<Parties>> {
  const current = (at: string): ObjectVersion => ({
    key: at,
    isDeleteMarker: false,
    isLatest: true,
  });
  try {
    const { parties } = await readMailVersion(
      place,
      current(key),
      [current(`${key}.envelope.json`)],
      false,
    );
    return parties;
  } catch (error) {
    if (failureOfObject(error, key) === undefined) throw error;
    return {};
  }
}
