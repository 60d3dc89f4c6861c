import type { CertificateConfiguration } from '../config/index.ts';
import type { Log, Metrics } from '../telemetry/index.ts';
import { type CertificateMaterial, readCertificates } from './certificate-sources.ts';

export interface CertificateWatch {
  readonly certificates: readonly CertificateConfiguration[];
  readonly folder: string;
  /** What is served now. */
  readonly serving: readonly CertificateMaterial[];
  readonly intervalSeconds: number;
  /** Serves these from now on; throws where they cannot be used, and the old ones go on. */
  readonly replace: (certificates: readonly CertificateMaterial[]) => void;
  readonly log: Log;
  readonly metrics: Metrics;
}

/**
 * Looks at the sources of the certificates again and again, and serves newer ones. A source that cannot be
 * read, or material that cannot be used, leaves the old ones serving and is told. Returns what stops it.
 */
export function watchCertificates(watch: CertificateWatch): () => void {
  const { certificates, folder, intervalSeconds, log, metrics } = watch;
  let serving = JSON.stringify(watch.serving);
  let isLooking = false;
  const look = async (): Promise<void> => {
    const found = await readCertificates(certificates, folder);
    const fingerprint = JSON.stringify(found);
    if (fingerprint === serving) return;
    watch.replace(found);
    serving = fingerprint;
  };
  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    look()
      .catch((error: unknown) => {
        metrics.count('CertReloadErrors', {});
        log.error('certificate-reload-failed', {
          reason: error instanceof Error ? error.message : String(error),
        });
      })
      .finally(() => {
        isLooking = false;
      });
  }, intervalSeconds * 1000);
  timer.unref();
  return () => clearInterval(timer);
}
