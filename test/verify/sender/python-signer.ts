// Debian's python3-dkim as a signer and sealer.
import { generateKeyPairSync } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { missing, runProgram } from '../../support/programs.ts';
import { requireInCi } from '../../support/install-once.ts';
import type { Zone } from '../../support/zone-lookups.ts';

/** Debian's own: its packages are not there for another one. */
const PYTHON = '/usr/bin/python3';

export interface SignStep {
  readonly sign: {
    readonly selector: string;
    readonly domain: string;
    readonly algorithm?: 'rsa-sha256' | 'rsa-sha1' | 'ed25519-sha256';
    readonly canonicalization?: string;
    readonly identity?: string;
    readonly names?: readonly string[];
    /** Adds `l=`. */
    readonly length?: boolean;
  };
}

export interface SealStep {
  /** Takes the results of `server` that the message has. */
  readonly seal: { readonly selector: string; readonly domain: string; readonly server: string };
}

export interface Job {
  readonly message: string;
  readonly steps: readonly (SignStep | SealStep | { readonly prepend: string })[];
}

const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'der' },
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
});

/** Why there is no such signer here. */
export async function missingPython(): Promise<string | undefined> {
  const absent = missing(PYTHON);
  if (absent !== undefined) return absent;
  const { code } = await runProgram(PYTHON, ['-c', 'import dkim, nacl, authres']);
  if (code === 0) return undefined;
  const reason = 'not installed: python3-dkim, python3-nacl and python3-authres';
  requireInCi(reason);
  return reason;
}

/** Signs each message, in the order of its steps. `rsaRecord`, `ed25519Record`: the records of the keys. */
export async function signByPython(jobs: readonly Job[]): Promise<{
  readonly signed: readonly string[];
  readonly rsaRecord: string;
  readonly ed25519Record: string;
}> {
  const script = fileURLToPath(new URL('foreign-signers.py', import.meta.url));
  const { code, output } = await runProgram(
    PYTHON,
    [script],
    JSON.stringify({ rsa: privateKey, jobs }),
  );
  if (code !== 0) throw new Error(output);
  const { ed25519, signed } = JSON.parse(output) as { ed25519: string; signed: string[] };
  return {
    signed,
    rsaRecord: `v=DKIM1; k=rsa; p=${publicKey.toString('base64')}`,
    ed25519Record: `v=DKIM1; k=ed25519; p=${ed25519}`,
  };
}

/** The keys of these signers, by `selector domain`. */
export function keyZone(records: Readonly<Record<string, string>>): Zone {
  return Object.fromEntries(
    Object.entries(records).map(([signer, record]) => {
      const [selector, domain] = signer.split(' ');
      return [`${selector}._domainkey.${domain} TXT`, [record]];
    }),
  );
}
