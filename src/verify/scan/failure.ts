import { printable } from '../printable.ts';
import type { ScanFailure, ScanFailureReason } from './options.ts';

const DETAIL_CHARACTERS = 200;

/** `detail`: text of the scanner or the system, which may hold anything. */
export function failed(reason: ScanFailureReason, detail: string): ScanFailure {
  return { kind: 'failed', reason, detail: printable(detail, DETAIL_CHARACTERS) };
}
