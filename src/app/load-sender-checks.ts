// The checks of senders are loaded where something is checked alone: their packages take 30 MB of memory and a third of a
// second.
import { checksSenders, type Configuration, verifyModesOf } from '../config/index.ts';
import type { ScanEvent } from '../verify/index.ts';
import type { VerifyEvent } from './report/verify.ts';
import type { SenderChecks } from './sender-checks.ts';

/** `undefined` where no listener checks senders and nothing is scanned. */
export async function loadSenderChecks(
  configuration: Configuration,
  observe: (event: VerifyEvent) => void,
  observeScan: (event: ScanEvent) => void,
): Promise<SenderChecks | undefined> {
  const { verify, scan, listeners } = configuration;
  const isNeeded =
    scan !== undefined ||
    listeners.some((listener) => checksSenders(verifyModesOf(verify, listener)));
  if (!isNeeded) return undefined;
  const module = await import('./sender-checks.ts');
  return new module.SenderChecks(configuration, observe, observeScan);
}
