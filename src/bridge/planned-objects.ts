// What a mail becomes, known before anything is stored: its objects, each with all that its notification is made of.
import { renderTraceHeaders } from '../message/trace-headers.ts';
import { type MailRecord, makeRecord } from './contract/mail-record.ts';
import { notVerified } from './contract/verification.ts';
import type { ReceivedMail } from './intake/received-mail.ts';
import type { BridgeOptions } from './options.ts';
import type { PlanPlacements } from './placements.ts';
import type { MultipartUpload } from './store/multipart-upload.ts';

/** One object. The same record, trace header block and content give the same object, octet by octet. */
export interface PlannedObject {
  readonly messageId: string;
  readonly key: string;
  readonly record: MailRecord;
  readonly trace: Buffer;
  /** Of a large mail: the upload that was begun under the key. */
  readonly upload?: Pick<MultipartUpload, 'uploadId'>;
}

export interface PlanOptions {
  readonly planPlacements: PlanPlacements;
  readonly hostname: string;
  readonly traceHeaders: boolean;
  readonly quarantineTopicOf: BridgeOptions['quarantineTopicOf'];
}

export function planObjects(mail: ReceivedMail, options: PlanOptions): PlannedObject[] {
  const { facts, body } = mail;
  if (body.kind === 'parts') {
    return body.uploads.map(({ placement, upload }) => ({
      ...planObject(mail, placement, options),
      upload,
    }));
  }
  return options.planPlacements(facts).map((placement) => planObject(mail, placement, options));
}

function planObject(
  { facts, sha256, sizeInOctets, stored, judged }: ReceivedMail,
  placement: ReturnType<PlanPlacements>[number],
  { hostname, traceHeaders, quarantineTopicOf }: PlanOptions,
): PlannedObject {
  const { messageId, key, recipients } = placement;
  const verification = judged?.judgement.verification ?? notVerified;
  const isSetAside = judged?.judgement.quarantine !== undefined;
  const topicArn = (isSetAside && quarantineTopicOf?.(facts)) || placement.topicArn;
  const trace = traceHeaders
    ? renderTraceHeaders({
        messageId,
        recipients: recipients.filter(({ isRepeated }) => !isRepeated),
        facts,
        hostname,
        verification,
      })
    : Buffer.alloc(0);
  const record = makeRecord({
    facts,
    recipients,
    topicArn,
    processingTimeMillis: Date.now() - facts.receivedAt.getTime(),
    verification,
    ...(judged && { judgement: judged.judgement }),
    sha256: sha256.toString('hex'),
    sizeInOctets,
    ...(stored && { stored: { ...stored, sha256: stored.sha256.toString('hex') } }),
    traceHeaderOctets: trace.length,
  });
  return { messageId, key, record, trace };
}
