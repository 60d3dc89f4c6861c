// The messageId, written and read: the name of a mail in S3, in its notification and in the reply to the client.
import { randomFillSync } from 'node:crypto';

const ALPHABET = '0123456789abcdefghijklmnopqrstuv';
/** 10 characters of 5 bits hold 50 bits: milliseconds since 1970, good until the year 37648. */
const HEAD_LENGTH = 10;
const TAIL_LENGTH = 30;

/** One refill serves 136 ids, so that most ids cost no system call. */
const random = Buffer.alloc(TAIL_LENGTH * 136);
let used = random.length;

/**
 * A new messageId: 40 characters of `0-9a-v` (base32hex, like those of Amazon SES). The head is the time, so that keys
 * sort by it; the tail is 150 random bits.
 */
export function messageId(at: Date = new Date()): string {
  if (used === random.length) {
    randomFillSync(random);
    used = 0;
  }
  let head = '';
  for (let rest = at.getTime(); head.length < HEAD_LENGTH; rest = Math.floor(rest / 32)) {
    head = ALPHABET.charAt(rest % 32) + head;
  }
  let tail = '';
  for (const end = used + TAIL_LENGTH; used < end; used += 1) {
    // The low 5 bits of a random octet are random.
    tail += ALPHABET.charAt((random[used] ?? 0) & 31);
  }
  return head + tail;
}

export function isMessageId(text: string): boolean {
  return /^[0-9a-v]{40}$/.test(text);
}

/** The time in the head of a messageId, in milliseconds since 1970. */
export function messageIdMillis(messageId: string): number {
  let millis = 0;
  for (const digit of messageId.slice(0, HEAD_LENGTH)) {
    millis = millis * 32 + ALPHABET.indexOf(digit);
  }
  return millis;
}
