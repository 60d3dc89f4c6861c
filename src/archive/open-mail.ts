import { Readable } from 'node:stream';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import type { Place } from './list-mail.ts';
import { type MailRecord, recordOf } from '../bridge/index.ts';
import { reading, requireSize, UnreadableMailError } from './unreadable-mail.ts';

export interface OpenedObject {
  /** The octets of the object. Read it or destroy it: it holds a connection. */
  readonly stream: Readable;
  readonly sizeInOctets: number;
  /** Rejects with `UnreadableMailError` where the record cannot be read. */
  readonly record: () => Promise<MailRecord>;
}

export interface OpenedMail extends Omit<OpenedObject, 'record'> {
  readonly record: MailRecord;
}

/**
 * Opens an object, whether it has a record or not. An answer that ends too early, here and in the stream, is an
 * `UnreadableMailError`, as is every fault of this one object; any other rejection is the SDK's error.
 */
export async function openObject(place: Place, key: string): Promise<OpenedObject> {
  const { s3, bucket, signal } = place;
  return reading(place, key, async () => {
    const {
      Body,
      Metadata = {},
      ContentLength = 0,
    } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }), {
      ...(signal && { abortSignal: signal }),
    });
    if (Body === undefined) throw new Error('GetObject gave no body');
    return {
      stream: wholeOf(Body as Readable, key, ContentLength),
      sizeInOctets: ContentLength,
      record: () => reading(place, key, () => recordOf(place, key, Metadata)),
    };
  });
}

/**
 * Opens a stored mail with its record, which the same answer carries.
 * @throws UnreadableMailError also where the object has another size than its record says.
 */
export async function openMail(place: Place, key: string): Promise<OpenedMail> {
  const { stream, sizeInOctets, record } = await openObject(place, key);
  try {
    const known = await record();
    requireSize(key, sizeInOctets, known);
    return { stream, sizeInOctets, record: known };
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

/** A connection that ends before the last octet is the fault of this mail: the next one may come whole. */
function wholeOf(body: Readable, key: string, sizeInOctets: number): Readable {
  async function* chunks(): AsyncGenerator<Buffer> {
    let octets = 0;
    const ended = (cause?: unknown): UnreadableMailError =>
      new UnreadableMailError(
        'incomplete',
        key,
        `the answer ended after ${octets} of ${sizeInOctets} octets`,
        { cause },
      );
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        octets += chunk.length;
        yield chunk;
      }
    } catch (error) {
      throw error instanceof Error && error.name === 'AbortError' ? error : ended(error);
    }
    if (octets < sizeInOctets) throw ended();
  }
  const whole = Readable.from(chunks(), { objectMode: false });
  // One that is destroyed before it was read begins no `chunks`, and must let the connection go all the same.
  body.on('error', () => undefined);
  whole.once('close', () => body.destroy());
  return whole;
}
