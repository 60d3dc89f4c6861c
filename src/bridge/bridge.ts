// What becomes of a mail: an object in S3 and a notification on SNS, and only then a 250.
import { createHash } from 'node:crypto';
import type { MessageFacts, MessageWriter, OpenMessage, Reply } from '../smtp/index.ts';
import { classifyAwsError, createMisconfigurationReporter, deferral } from './aws-failures.ts';
import { type Copy, planCopies } from './copies.ts';
import type { AwsFailure, AwsService, Observe } from './events.ts';
import { HEADER_SECTION_OCTETS, readHeaderSection } from './header-section.ts';
import { encodeRecord, encodeSidecar, makeRecord, sidecarMetadata } from './mail-record.ts';
import { buildNotification } from './notification.ts';
import { sidecarKey } from './object-key.ts';
import { createSdkPuts } from './object-puts.ts';
import { createObjectStore } from './object-store.ts';
import type { BridgeOptions } from './options.ts';
import { createPublisher } from './publisher.ts';
import { renderTraceHeaders } from './trace-headers.ts';
import { notVerified } from './verification.ts';

/** Takes mails from the server. */
export interface Bridge {
  /** For the server: called before the 354 of each message. */
  readonly open: OpenMessage;
  /** The reply for a new session or transaction while the bridge cannot take mail; else `undefined`. */
  admits(): Reply | undefined;
  /** Settles when no message is open and nothing is under way any more. */
  drain(): Promise<void>;
  /** Drains, and ends what runs in the background. */
  close(): Promise<void>;
}

/** A PutObject's body; above it the object goes up in parts. */
const SINGLE_PUT_OCTETS = 8 * 1024 * 1024;
const PART_OCTETS = 8 * 1024 * 1024;
const MESSAGE_TYPE = 'message/rfc822';
/** Of the commit budget, what the topic may take; past the budget there is still time to say 451. */
const PUBLISH_SHARE = 0.4;

export function createBridge(options: BridgeOptions): Bridge {
  const observe: Observe = options.observe ?? (() => undefined);
  const store = createObjectStore(options.s3, createSdkPuts(options.s3), options.bucket, observe);
  const publisher = createPublisher(options.sns, observe);
  const reportMisconfiguration = createMisconfigurationReporter(observe);
  const { prefix = 'mail/', topicArn, routes, hostname, traceHeaders = true } = options;
  const budgetMillis = (options.limits?.commitSeconds ?? 20) * 1000;
  const open = new Set<Promise<unknown>>();

  function failureOf(service: AwsService, error: unknown): AwsFailure {
    const failure = classifyAwsError(service, error);
    reportMisconfiguration(failure);
    return failure;
  }

  async function commitCopy(
    facts: MessageFacts,
    copy: Copy,
    content: Buffer,
    sha256: Buffer,
    committedAt: number,
  ): Promise<AwsFailure | undefined> {
    const trace = traceHeaders
      ? renderTraceHeaders({ ...copy, facts, hostname, verification: notVerified })
      : Buffer.alloc(0);
    const record = makeRecord({
      facts,
      recipients: copy.recipients,
      topicArn: copy.topicArn,
      processingTimeMillis: committedAt - facts.receivedAt.getTime(),
      verification: notVerified,
      sha256: sha256.toString('hex'),
      sizeInOctets: content.length,
      traceHeaderOctets: trace.length,
    });
    const deadline = AbortSignal.timeout(budgetMillis);
    try {
      await storeMail(facts, copy, [trace, content], record, deadline);
    } catch (error) {
      return failureOf('s3', error);
    }
    const header = readHeaderSection(
      content.subarray(0, HEADER_SECTION_OCTETS + 1),
      content.length <= HEADER_SECTION_OCTETS,
    );
    const traceFields = readHeaderSection(trace, true).fields;
    const notification = buildNotification({
      record,
      bucket: options.bucket,
      key: copy.key,
      header: { ...header, fields: [...traceFields, ...header.fields] },
    });
    try {
      await publisher.publish(
        notification,
        AbortSignal.any([deadline, AbortSignal.timeout(budgetMillis * PUBLISH_SHARE)]),
      );
      return undefined;
    } catch (error) {
      return failureOf('sns', error);
    }
  }

  async function storeMail(
    facts: MessageFacts,
    { key }: Copy,
    body: readonly Buffer[],
    record: ReturnType<typeof makeRecord>,
    signal: AbortSignal,
  ): Promise<void> {
    const putSidecar = (text: string): Promise<void> =>
      store.put({
        key: sidecarKey(key),
        body: [Buffer.from(text)],
        contentType: 'application/json',
        metadata: {},
        signal,
      });
    const object = Buffer.concat(body);
    if (object.length <= SINGLE_PUT_OCTETS) {
      const { metadata, sidecar } = encodeRecord(record);
      if (sidecar !== undefined) await putSidecar(sidecar);
      await store.put({ key, body: [object], contentType: MESSAGE_TYPE, metadata, signal });
      return;
    }
    const upload = await store.beginUpload({
      key,
      contentType: MESSAGE_TYPE,
      metadata: sidecarMetadata(facts),
      signal,
    });
    try {
      for (let at = 0, part = 1; at < object.length; at += PART_OCTETS, part += 1) {
        await upload.putPart(part, [object.subarray(at, at + PART_OCTETS)], signal);
      }
      await putSidecar(encodeSidecar(record));
      await upload.complete(signal);
    } catch (error) {
      upload.abort();
      throw error;
    }
  }

  function openMessage(facts: MessageFacts): MessageWriter {
    const spans: Buffer[] = [];
    const hash = createHash('sha256');
    let sizeInOctets = 0;
    let ended: () => void = () => undefined;
    const lifetime = new Promise<void>((resolve) => {
      ended = resolve;
    });
    open.add(lifetime);
    void lifetime.then(() => open.delete(lifetime));

    const commit = async (): Promise<Reply> => {
      const started = performance.now();
      const sha256 = hash.digest();
      const content = Buffer.concat(spans);
      const copies = planCopies(
        facts,
        { prefix, topicArn, routes },
        options.destinationOf?.(facts),
      );
      const failures = await Promise.all(
        copies.map((copy) => commitCopy(facts, copy, content, sha256, Date.now())),
      );
      const failure = failures.find((each) => each !== undefined);
      const commitMillis = performance.now() - started;
      if (failure !== undefined) {
        const reply = deferral(failure.cause);
        const { cause } = failure;
        observe({
          kind: 'message-deferred',
          facts,
          sizeInOctets,
          reply,
          cause,
          failure,
          commitMillis,
        });
        return reply;
      }
      observe({
        kind: 'message-accepted',
        facts,
        sizeInOctets,
        sha256: sha256.toString('hex'),
        copies: copies.map((copy) => ({
          ...copy,
          bucket: options.bucket,
          recipients: copy.recipients.length,
          outbox: false,
        })),
        commitMillis,
        storeMillis: commitMillis,
        publishMillis: 0,
      });
      return { code: 250, status: '0.0', text: `Ok: queued as ${facts.messageId}` };
    };

    return {
      write: (span) => {
        spans.push(span);
        hash.update(span);
        sizeInOctets += span.length;
        return true;
      },
      commit: () => commit().finally(ended),
      discard: (cause) => {
        observe({ kind: 'message-discarded', facts, sizeInOctets, cause });
        ended();
      },
    };
  }

  const drain = async (): Promise<void> => {
    while (open.size > 0) await Promise.all(open);
    await store.idle();
  };
  return { open: openMessage, admits: () => undefined, drain, close: drain };
}
