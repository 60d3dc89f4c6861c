import type { CertificateConfiguration } from '../config/index.ts';
import { CertificateError } from '../server/index.ts';
import { type CertificateMaterial, readCertificates } from './certificate-sources.ts';
import type { AppEvent } from './report/app.ts';

export interface CertificateWatch {
  readonly certificates: readonly CertificateConfiguration[];
  readonly folder: string;
  /** The certificates in use. */
  readonly serving: readonly CertificateMaterial[];
  readonly intervalSeconds: number;
  /** Serves these from now on; throws where they cannot be used, and the old ones stay in use. */
  readonly replace: (certificates: readonly CertificateMaterial[]) => void;
  readonly observe: (event: AppEvent) => void;
}

/**
 * Reads the sources of the certificates at every interval, and serves newer ones. A source that cannot be read,
 * or a certificate that cannot be used, leaves the old ones in use and is reported. Returns a function that
 * stops it.
 */
export function watchCertificates(watch: CertificateWatch): () => void {
  const { certificates, folder, intervalSeconds, observe } = watch;
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
        // The server reports a certificate that it refuses.
        if (error instanceof CertificateError) return;
        observe({ kind: 'certificate-reload-failed', error });
      })
      .finally(() => {
        isLooking = false;
      });
  }, intervalSeconds * 1000);
  timer.unref();
  return () => clearInterval(timer);
}
