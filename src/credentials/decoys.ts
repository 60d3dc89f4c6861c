// What an unknown user is checked against, so that it looks and costs like a known one: the same decoy for the
// same name at every attempt, in every task of a fleet and after every restart.
import { createHmac, randomBytes } from 'node:crypto';
import type { Credential } from './credential.ts';
import { FORMER_ITERATIONS, ITERATIONS, type ScramSetting } from './scram-keys.ts';
import { ARGON2ID, type Verifier } from './verifier.ts';

/** What the decoys of one table are made from; kept in the table by the commands that write to it. */
export interface DecoySource {
  readonly key: Buffer;
  /** Whether a chosen password was ever put into the table: then half the decoys look like that. */
  readonly passwords: boolean;
  /** Whether the table may hold keys of the few iterations that generated secrets once had: half the decoys, too. */
  readonly fewIterations: boolean;
}

/** For a table that has no such row, or cannot be read: good for the life of the process. */
export function makeDecoySource(): DecoySource {
  return { key: randomBytes(32), passwords: false, fewIterations: false };
}

export function hasFewIterations({ scram }: Credential): boolean {
  return scram !== undefined && scram.iterations < ITERATIONS;
}

/** A credential that nothing fits. */
export function decoyFor(username: string, source: DecoySource): Credential {
  const draw = (use: string): Buffer =>
    createHmac('sha256', source.key).update(`${use}\0${username}`).digest();
  const toss = ((draw('kind')[0] ?? 0) & 1) === 1;
  const looksChosen = source.passwords && toss;
  const salt = draw('salt').subarray(0, 16);
  const hash = draw('hash');
  const verifier: Verifier = looksChosen
    ? { scheme: 'argon2id', salt, hash, ...ARGON2ID }
    : { scheme: 'hs256', salt, hash };
  const scram: ScramSetting = {
    salt: draw('scram-salt').subarray(0, 16),
    iterations: source.fewIterations && !toss ? FORMER_ITERATIONS : ITERATIONS,
  };
  const createdAt = new Date(0);
  return {
    username,
    version: 0,
    enabled: false,
    secrets: [
      {
        kind: looksChosen ? 'password' : 'generated',
        verifier,
        scram: { storedKey: draw('stored-key'), serverKey: draw('server-key') },
        createdAt,
      },
    ],
    scram,
    grants: {},
    createdAt,
  };
}
