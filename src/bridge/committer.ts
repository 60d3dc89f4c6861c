// The promise: a 250 means that the complete message is in S3, acknowledged with a verified checksum, and
// that either SNS accepted the notification or a marker for it is in the outbox.
import type { Reply } from '../smtp/index.ts';
import { deferral } from './aws/failures.ts';
import type { Copy } from './placements.ts';
import { Deadline } from './aws/deadline.ts';
import type { DuplicateGuard } from './duplicate-guard.ts';
import type { AwsFailure, AwsService, Observe } from './events.ts';
import { readHeaderSection } from '../message/header-section.ts';
import type { ReceivedMail } from './intake/s3-writer.ts';
import {
  encodeRecord,
  encodeSidecar,
  type MailRecord,
  makeRecord,
} from './contract/mail-record.ts';
import { buildNotification, type Notification, reduceNotification } from './notify/notification.ts';
import { sidecarKey } from './contract/object-key.ts';
import { type ObjectStore, settled, type Upload } from './store/object-store.ts';
import { writeMarker } from './outbox/marker.ts';
import { createPublishGate, notTried } from './notify/publish-gate.ts';
import type { Publisher } from './notify/publisher.ts';
import { renderTraceHeaders } from '../message/trace-headers.ts';
import { notVerified } from './contract/verification.ts';

export interface CommitterOptions {
  readonly store: ObjectStore;
  readonly publisher: Publisher;
  readonly guard: DuplicateGuard | undefined;
  readonly bucket: string;
  readonly hostname: string;
  readonly traceHeaders: boolean;
  /** From the end of the data; S3 has all of it. */
  readonly budgetMillis: number;
  readonly observe: Observe;
  /** Makes a failure of an SDK error, and tells the operator where it is his. */
  readonly failureOf: (service: AwsService, error: unknown) => AwsFailure;
  /** Told how the store did, for the circuit breaker. */
  readonly settled: (failure: AwsFailure | undefined) => void;
}

export const MESSAGE_TYPE = 'message/rfc822';
/** Of the budget, what SNS may take of it before the outbox is used. */
const PUBLISH_SHARE = 0.4;
/** Past the budget, what the outbox may take: 20 s become 28 s, and 30 s is the end. */
const OUTBOX_SHARE = 0.4;

/** How one copy came out. */
type Outcome =
  | {
      readonly kind: 'committed';
      readonly outbox: boolean;
      readonly storeMillis: number;
      readonly publishMillis: number;
    }
  | { readonly kind: 'failed'; readonly failure: AwsFailure };

export function createCommitter(options: CommitterOptions): {
  commit(mail: ReceivedMail, copies: readonly Copy[]): Promise<Reply>;
} {
  const gate = createPublishGate();
  const { store, publisher, guard, bucket, hostname, budgetMillis, observe, failureOf } = options;

  async function commit(mail: ReceivedMail, copies: readonly Copy[]): Promise<Reply> {
    try {
      return await decide(mail, copies);
    } catch (error) {
      // Whatever it was, no upload stays behind; the server says 451.
      abortUploads(mail);
      throw error;
    }
  }

  async function decide(mail: ReceivedMail, copies: readonly Copy[]): Promise<Reply> {
    const { facts, sizeInOctets, endedAt } = mail;
    const until = endedAt + budgetMillis;
    const claim = await guard?.claim(mail, until - performance.now());
    const commitMillis = (): number => performance.now() - endedAt;
    if (claim?.kind === 'duplicate') {
      abortUploads(mail);
      observe({
        kind: 'message-accepted',
        facts,
        sizeInOctets,
        sha256: mail.sha256.toString('hex'),
        copies: [],
        duplicateOf: claim.messageId,
        commitMillis: commitMillis(),
        storeMillis: 0,
        publishMillis: 0,
      });
      return accepted(claim.messageId);
    }
    if (claim?.kind === 'busy') {
      abortUploads(mail);
      const reply = deferral('unavailable');
      observe({
        kind: 'message-deferred',
        facts,
        sizeInOctets,
        reply,
        cause: 'duplicate-under-way',
        commitMillis: commitMillis(),
      });
      return reply;
    }

    const receivedFor = Date.now() - facts.receivedAt.getTime();
    const outcomes = await Promise.all(
      copies.map((copy, index) => commitCopy(mail, copy, index, receivedFor, until)),
    );
    const failed = outcomes.find((outcome) => outcome.kind === 'failed');
    await claim?.settle(failed === undefined);
    if (failed !== undefined) {
      const { failure } = failed;
      const { cause } = failure;
      const reply = deferral(cause);
      const at = { facts, sizeInOctets, reply, cause, failure, commitMillis: commitMillis() };
      observe({ kind: 'message-deferred', ...at });
      return reply;
    }
    const done = outcomes.filter((outcome) => outcome.kind === 'committed');
    observe({
      kind: 'message-accepted',
      facts,
      sizeInOctets,
      sha256: mail.sha256.toString('hex'),
      copies: copies.map(({ messageId, key, topicArn, recipients }, index) => ({
        messageId,
        bucket,
        key,
        topicArn,
        recipients: recipients.length,
        outbox: done[index]?.outbox ?? false,
      })),
      commitMillis: commitMillis(),
      storeMillis: Math.max(...done.map(({ storeMillis }) => storeMillis)),
      publishMillis: Math.max(...done.map(({ publishMillis }) => publishMillis)),
    });
    return accepted(facts.messageId);
  }

  async function commitCopy(
    mail: ReceivedMail,
    copy: Copy,
    index: number,
    receivedFor: number,
    until: number,
  ): Promise<Outcome> {
    const { facts, sizeInOctets, header } = mail;
    const verification = notVerified;
    const trace = options.traceHeaders
      ? renderTraceHeaders({ ...copy, facts, hostname, verification })
      : Buffer.alloc(0);
    const record = makeRecord({
      facts,
      recipients: copy.recipients,
      topicArn: copy.topicArn,
      processingTimeMillis: receivedFor,
      verification,
      sha256: mail.sha256.toString('hex'),
      sizeInOctets,
      traceHeaderOctets: trace.length,
    });

    const storeStarted = performance.now();
    try {
      using _expected = publisher.expect();
      using deadline = new Deadline(until - storeStarted);
      await storeMail(mail, copy, index, trace, record, deadline.signal);
      options.settled(undefined);
    } catch (error) {
      const failure = failureOf('s3', error);
      options.settled(failure);
      return { kind: 'failed', failure };
    }
    const publishStarted = performance.now();

    const notification = buildNotification({
      record,
      bucket,
      key: copy.key,
      header: { ...header, fields: [...readHeaderSection(trace, true).fields, ...header.fields] },
    });
    const announced = await announce(copy, notification, until);
    if (announced.kind === 'failed') return announced;
    return {
      kind: 'committed',
      outbox: announced.outbox,
      storeMillis: publishStarted - storeStarted,
      publishMillis: performance.now() - publishStarted,
    };
  }

  async function storeMail(
    mail: ReceivedMail,
    { key }: Copy,
    index: number,
    trace: Buffer,
    record: MailRecord,
    signal: AbortSignal,
  ): Promise<void> {
    const { body } = mail;
    const putSidecar = (text: string): Promise<void> =>
      store.put({
        key: sidecarKey(key),
        body: [Buffer.from(text)],
        contentType: 'application/json',
        metadata: {},
        signal,
      });
    if (body.kind === 'whole') {
      const { metadata, sidecar } = encodeRecord(record);
      if (sidecar !== undefined) await putSidecar(sidecar);
      await store.put({
        key,
        body: trace.length === 0 ? body.chunks : [trace, ...body.chunks],
        // Without trace headers the object is the message, whose digest is known.
        ...(trace.length === 0 && { sha256: mail.sha256 }),
        contentType: MESSAGE_TYPE,
        metadata,
        signal,
      });
      return;
    }
    const upload = body.uploads[index]?.upload;
    if (upload === undefined) throw new Error(`no upload was begun for ${key}`);
    await finish(upload, async () => {
      await settled([
        upload.putPart(body.lastNumber, body.last, signal),
        upload.putPart(1, [trace, ...body.first], signal),
        putSidecar(encodeSidecar(record)),
      ]);
      await upload.complete(signal);
    });
  }

  /** To the topic, or else to the outbox. */
  async function announce(
    { messageId, key }: Copy,
    notification: Notification,
    until: number,
  ): Promise<{ kind: 'committed'; outbox: boolean } | { kind: 'failed'; failure: AwsFailure }> {
    const left = Math.max(0, until - performance.now());
    const publishFailure = await tryPublish(
      messageId,
      notification,
      Math.min(left, budgetMillis * PUBLISH_SHARE),
    );
    if (publishFailure === undefined) return { kind: 'committed', outbox: false };
    observe({ kind: 'publish-failed', messageId, failure: publishFailure });

    try {
      using deadline = new Deadline(until - performance.now() + budgetMillis * OUTBOX_SHARE);
      await writeMarker(
        store,
        {
          schemaVersion: 1,
          messageId,
          key,
          at: new Date().toISOString(),
          refusals: 0,
          notification,
        },
        deadline.signal,
      );
      observe({ kind: 'outbox-written', messageId, key });
      return { kind: 'committed', outbox: true };
    } catch (error) {
      return { kind: 'failed', failure: failureOf('s3', error) };
    }
  }

  async function tryPublish(
    messageId: string,
    notification: Notification,
    millis: number,
  ): Promise<AwsFailure | undefined> {
    if (!gate.isOpen()) return notTried;
    const until = performance.now() + millis;
    try {
      await publisher.publish(notification, millis);
      gate.settled(undefined);
      return undefined;
    } catch (error) {
      const failure = failureOf('sns', error);
      gate.settled(failure);
      if (failure.cause !== 'refused') return failure;
      // Too large or an attribute that SNS does not take: a fault of ours, so less of it.
      try {
        await publisher.publish(reduceNotification(notification), until - performance.now());
        observe({ kind: 'notification-reduced', messageId, failure });
        return undefined;
      } catch (again) {
        return failureOf('sns', again);
      }
    }
  }

  return { commit };
}

function accepted(messageId: string): Reply {
  return { code: 250, status: '0.0', text: `Ok: queued as ${messageId}` };
}

function abortUploads({ body }: ReceivedMail): void {
  if (body.kind === 'parts') for (const { upload } of body.uploads) upload.abort();
}

async function finish(upload: Upload, steps: () => Promise<void>): Promise<void> {
  try {
    await steps();
  } catch (error) {
    upload.abort();
    throw error;
  }
}
