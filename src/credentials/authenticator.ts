// Answers sign-in questions from the credential table. Whatever is wrong with a credential is answered by one
// reply, after one path: a lock is looked for, the credential is read, a secret is checked, the reply waits.
import { isDeepStrictEqual } from 'node:util';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type {
  Reply,
  ScramVerifier,
  SessionFacts,
  SignInAnswer,
  SignInAttempt,
} from '../smtp/index.ts';
import { type Clock, systemClock } from '../counters/time-source.ts';
import { type Credential, isInForce, liveSecrets } from './credential.ts';
import {
  type CacheOptions,
  CredentialReader,
  type Reading,
  ReadOverloadError,
} from './credential-reader.ts';
import { DecoyKeeper } from './decoy-keeper.ts';
import type { CredentialEvent, RefusalCause } from './events.ts';
import { FleetCounter } from '../counters/fleet-counter.ts';
import { UnreadableCredentialError } from './item.ts';
import { overloaded } from './concurrency-limit.ts';
import type { Grants } from '../policy/grants.ts';
import { NetworkSet } from '../net/networks.ts';
import { ProvenSecrets } from './proven-secrets.ts';
import { replies } from './replies.ts';
import { type HashingOptions, SecretCheck } from './secret-check.ts';
import { SharedCounter } from '../counters/shared-counter.ts';
import { CredentialTable } from './table.ts';
import { Throttle, throttleDefaults, type ThrottleOptions } from './throttle.ts';
import { TokenCheck, type TokenIssuer } from './token-check.ts';
import { UseRecorder } from './use-recorder.ts';
import { canonicalUsername } from './username.ts';
import { isSlow } from './verifier.ts';
import { MemoryCounter } from '../counters/window-counter.ts';
import { nameTableFailure } from '../counters/table-answers.ts';

export interface AuthenticatorOptions {
  /** The caller's: `createCredentialClient()` makes one; it is not destroyed here. */
  readonly client: DynamoDBClient;
  readonly table: string;
  /** Marks the grants of a credential as the table's own, so that no other identity's are taken for them. */
  readonly issueGrants: (grants: Grants) => Grants;
  /** Told of every sign-in and of every failure of the table; must not throw. */
  readonly observe?: (event: CredentialEvent) => void;
  /** Default: the system's. */
  readonly clock?: Clock;
  readonly cache?: CacheOptions;
  readonly hashing?: HashingOptions;
  readonly throttle?: ThrottleOptions;
  /** Default none, and then neither OAUTHBEARER nor XOAUTH2 is offered. */
  readonly tokens?: readonly TokenIssuer[];
  /** Write `lastUsedAt`, at most once in five minutes (needs dynamodb:UpdateItem). Default `true`. */
  readonly recordLastUse?: boolean;
}

/** Answers the `sign-in` questions of all sessions. */
export interface Authenticator {
  /** The SASL mechanisms that it can answer for, the strongest first. */
  readonly mechanisms: readonly string[];
  /** Never rejects, and settles within a bounded time. */
  authenticate(attempt: SignInAttempt, session: SessionFacts): SignInAnswer | Promise<SignInAnswer>;
  /** Settles when what it writes behind its answers is written. */
  close(): Promise<void>;
}

export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  return new TableAuthenticator(options);
}

/** Failures by address and by user name that are counted at one time; some 10 MB at most. */
const COUNTED_KEYS = 50_000;

/** One attempt on its way. */
interface Run {
  readonly attempt: SignInAttempt;
  readonly session: SessionFacts;
  readonly begunAt: number;
  /** Canonical; `undefined` where no credential can have the name that was given, or none was. */
  readonly username: string | undefined;
}

type PasswordAttempt = SignInAttempt & { readonly kind: 'password' };
type TokenAttempt = SignInAttempt & { readonly kind: 'token' };

class TableAuthenticator implements Authenticator {
  readonly mechanisms: readonly string[];
  readonly #clock: Clock;
  readonly #issueGrants: (grants: Grants) => Grants;
  readonly #observe: (event: CredentialEvent) => void;
  readonly #reader: CredentialReader;
  readonly #decoys: DecoyKeeper;
  readonly #secrets: SecretCheck;
  readonly #throttle: Throttle;
  readonly #tokens: TokenCheck;
  readonly #recorder: UseRecorder | undefined;

  constructor(options: AuthenticatorOptions) {
    const { client, clock = systemClock, cache = {}, tokens = [] } = options;
    this.#clock = clock;
    this.#issueGrants = options.issueGrants;
    this.#observe = options.observe ?? (() => {});
    const table = new CredentialTable(client, options.table);
    this.#reader = new CredentialReader(table, clock, cache, this.#failedTo('read'));
    this.#decoys = new DecoyKeeper(table, clock);
    this.#secrets = new SecretCheck(
      new ProvenSecrets(cache.entries ?? 10_000, clock),
      options.hashing ?? {},
    );
    const throttle = throttleDefaults(options.throttle ?? {});
    const own = new MemoryCounter(clock, COUNTED_KEYS);
    const counter = throttle.shared
      ? new FleetCounter(
          new SharedCounter(client, options.table, clock),
          own,
          throttle.onOutage,
          this.#failedTo('count'),
        )
      : own;
    this.#throttle = new Throttle(counter, clock, throttle);
    this.#tokens = new TokenCheck(tokens, clock, cache.graceSeconds ?? 900);
    this.#recorder =
      options.recordLastUse === false
        ? undefined
        : new UseRecorder(table, clock, this.#failedTo('record-use'));
    this.mechanisms = [
      'SCRAM-SHA-256-PLUS',
      'SCRAM-SHA-256',
      ...(tokens.length > 0 ? ['OAUTHBEARER', 'XOAUTH2'] : []),
      'PLAIN',
      'LOGIN',
    ];
  }

  async authenticate(attempt: SignInAttempt, session: SessionFacts): Promise<SignInAnswer> {
    const username =
      attempt.kind === 'certificate' ? undefined : canonicalUsername(attempt.username);
    const run: Run = { attempt, session, begunAt: this.#clock.now(), username };
    return this.#guarded(run, async () => {
      if (await this.#throttle.isLocked(session.clientAddress, username)) {
        const outcome = await this.#throttle.turnedAway(run.begunAt);
        return this.#refuse(run, 'throttled', replies[outcome]);
      }
      switch (attempt.kind) {
        case 'password':
          return this.#signInByPassword(run, attempt);
        case 'scram':
          return this.#signInByScram(run);
        case 'token':
          return this.#signInByToken(run, attempt);
        case 'certificate':
          return this.#fail(run, 'mechanism-not-available', undefined);
      }
    });
  }

  async close(): Promise<void> {
    await this.#recorder?.settled();
  }

  async #signInByPassword(run: Run, attempt: PasswordAttempt): Promise<SignInAnswer> {
    await this.#decoys.prepare();
    let reading = await this.#read(run.username);
    let cause = await this.#judgePassword(run, attempt, reading.credential);
    if (cause !== undefined && cause !== 'overloaded' && reading.source === 'cache') {
      // The credential may be newer than the cache: a secret made a moment ago works at once.
      const before = reading.credential;
      reading = await this.#reader.readAnew(run.username ?? '');
      if (!isDeepStrictEqual(before, reading.credential)) {
        cause = await this.#judgePassword(run, attempt, reading.credential);
      }
    }
    return this.#conclude(run, cause, reading);
  }

  /** Why not, or `undefined`. */
  async #judgePassword(
    run: Run,
    { password }: PasswordAttempt,
    credential: Credential | undefined,
  ): Promise<RefusalCause | undefined> {
    const decoy = this.#decoys.decoyFor(run.username ?? '');
    const now = this.#clock.now();
    const fits = await this.#secrets.fits(credential, decoy, password.reveal(), now);
    if (fits === overloaded) return 'overloaded';
    if (credential === undefined) return 'unknown-user';
    return fits ? this.#judge(run, credential) : 'wrong-secret';
  }

  async #signInByScram(run: Run): Promise<SignInAnswer> {
    await this.#decoys.prepare();
    // The proof is checked once, so a secret made a moment ago must be here already.
    const reading = run.username === undefined ? NOBODY : await this.#reader.readAnew(run.username);
    const { credential } = reading;
    const decoy = this.#decoys.decoyFor(run.username ?? '');
    const verifiers = scramVerifiers(credential, this.#clock.now());
    return {
      kind: 'verify',
      verifiers: verifiers.length > 0 ? verifiers : decoyVerifiers(decoy, credential),
      settle: (proved) =>
        this.#guarded(run, () => {
          let cause: RefusalCause | undefined;
          if (credential === undefined) cause = 'unknown-user';
          else if (!proved || verifiers.length === 0) cause = 'wrong-secret';
          else cause = this.#judge(run, credential);
          return this.#conclude(run, cause, reading);
        }),
    };
  }

  async #signInByToken(run: Run, { token, mechanism }: TokenAttempt): Promise<SignInAnswer> {
    const verdict = await this.#tokens.check(token.reveal());
    switch (verdict.kind) {
      case 'overloaded':
        return this.#refuse(run, 'overloaded', replies.temporary);
      case 'unavailable':
        this.#observe({ kind: 'issuer-unavailable', error: verdict.error });
        return this.#refuse(run, 'issuer-unavailable', replies.temporary);
      case 'invalid':
        return this.#fail(run, 'invalid-token', undefined);
      case 'valid':
    }
    const username = canonicalUsername(verdict.username);
    // The name beside the token may be left out, but it may not be another's.
    if (
      username === undefined ||
      (run.attempt.kind === 'token' && run.attempt.username !== '' && run.username !== username)
    ) {
      return this.#fail(run, 'authorization-id', undefined);
    }
    const named: Run = { ...run, username };
    const reading = await this.#reader.read(username);
    if (reading.credential === undefined) {
      if (verdict.requireCredential) return this.#conclude(named, 'unknown-user', reading);
      return this.#accept(named, reading, { username, mechanism });
    }
    const cause = this.#judge(named, reading.credential);
    if (cause === undefined || reading.source !== 'cache') {
      return this.#conclude(named, cause, reading);
    }
    const again = await this.#reader.readAnew(username);
    return this.#conclude(
      named,
      again.credential === undefined ? 'unknown-user' : this.#judge(named, again.credential),
      again,
    );
  }

  /** What is to be said of a credential whose secret fits. */
  #judge({ attempt, session }: Run, credential: Credential): RefusalCause | undefined {
    if (!isInForce(credential, this.#clock.now()))
      return credential.enabled ? 'expired' : 'disabled';
    const { allowedCidrs } = credential.grants;
    if (allowedCidrs !== undefined && !new NetworkSet(allowedCidrs).has(session.clientAddress)) {
      return 'address-not-allowed';
    }
    // RFC 4616 section 2, RFC 5802 section 5.1: a credential acts for itself only.
    if (
      'authorizationId' in attempt &&
      attempt.authorizationId &&
      canonicalUsername(attempt.authorizationId) !== credential.username
    ) {
      return 'authorization-id';
    }
    return undefined;
  }

  async #conclude(
    run: Run,
    cause: RefusalCause | undefined,
    reading: Reading,
  ): Promise<SignInAnswer> {
    const { credential, source } = reading;
    if (cause === 'overloaded') return this.#refuse(run, cause, replies.temporary);
    // Of an old copy only good news is believed: what it does not know may be in the table by now.
    if (cause !== undefined && source === 'stale') {
      return this.#refuse(run, 'table-unavailable', replies.temporary);
    }
    if (cause !== undefined || credential === undefined) {
      return this.#fail(run, cause ?? 'unknown-user', credential);
    }
    const { mechanism } = run.attempt;
    const { username } = credential;
    const grants = this.#issueGrants(credential.grants);
    return this.#accept(run, reading, { username, mechanism, grants });
  }

  async #accept(
    run: Run,
    { credential, source }: Reading,
    identity: { readonly username: string; readonly mechanism: string; readonly grants?: unknown },
  ): Promise<SignInAnswer> {
    const { sessionId, listener, clientAddress, clientPort } = run.session;
    const { username, mechanism } = identity;
    // Of guesses made side by side, one that is right must not win once the others have locked it out.
    if (await this.#throttle.isLocked(clientAddress, username)) {
      return this.#refuse(run, 'throttled', replies.locked, credential);
    }
    this.#throttle.succeeded(clientAddress, username);
    if (credential !== undefined) this.#recorder?.record(credential);
    this.#observe({
      kind: 'sign-in-accepted',
      sessionId,
      listener,
      clientAddress,
      clientPort,
      mechanism,
      username,
      source,
    });
    return { kind: 'accept', identity };
  }

  /** A failure by the client's fault: counted, and told when its time has come. */
  async #fail(
    run: Run,
    cause: RefusalCause,
    credential: Credential | undefined,
  ): Promise<SignInAnswer> {
    const { clientAddress } = run.session;
    // A forged token says nothing about the user that it names.
    const counted = run.attempt.kind === 'token' ? undefined : run.username;
    const outcome = await this.#throttle.failed(clientAddress, counted, run.begunAt);
    switch (outcome) {
      case 'refused':
        return this.#refuse(run, cause, replies.invalid, credential);
      case 'locked':
        return this.#refuse(run, 'throttled', replies.locked, credential);
      case 'crowded':
        return this.#refuse(run, cause, replies.crowded, credential);
    }
  }

  #refuse(
    { attempt: { mechanism }, session }: Run,
    cause: RefusalCause,
    reply: Reply,
    credential?: Credential,
  ): SignInAnswer {
    const { sessionId, listener, clientAddress, clientPort } = session;
    this.#observe({
      kind: 'sign-in-refused',
      sessionId,
      listener,
      clientAddress,
      clientPort,
      mechanism,
      cause,
      code: reply.code,
      ...(credential && { username: credential.username }),
    });
    return { kind: 'refuse', reply };
  }

  async #read(username: string | undefined): Promise<Reading> {
    const reading = username === undefined ? NOBODY : await this.#reader.read(username);
    if (reading.credential?.secrets.some(({ verifier }) => isSlow(verifier))) {
      this.#decoys.sawPassword();
    }
    return reading;
  }

  /** Whatever breaks on our side is 454 and never 535. */
  async #guarded(run: Run, task: () => Promise<SignInAnswer>): Promise<SignInAnswer> {
    try {
      return await task();
    } catch (error) {
      const cause = error instanceof ReadOverloadError ? 'overloaded' : 'table-unavailable';
      return this.#refuse(run, cause, replies.temporary);
    }
  }

  #failedTo(operation: 'read' | 'record-use' | 'count'): (error: unknown) => void {
    return (error) => {
      this.#observe(
        error instanceof UnreadableCredentialError
          ? {
              kind: 'credential-unreadable',
              username: error.username,
              attribute: error.attribute,
            }
          : {
              kind: 'table-unavailable',
              operation,
              error: nameTableFailure(error),
            },
      );
    };
  }
}

/** No credential can have the name, so the table need not be asked. */
const NOBODY: Reading = { credential: undefined, source: 'table' };

/** Those that the exchange may check the proof against. */
function scramVerifiers(credential: Credential | undefined, now: number): ScramVerifier[] {
  const setting = credential?.scram;
  if (credential === undefined || setting === undefined) return [];
  return liveSecrets(credential, now).flatMap(({ scram }) =>
    scram === undefined ? [] : [{ ...setting, ...scram }],
  );
}

/** Keys that no proof fits, under the salt that the credential has, if it has one. */
function decoyVerifiers(decoy: Credential, credential: Credential | undefined): ScramVerifier[] {
  const setting = credential?.scram ?? decoy.scram;
  if (setting === undefined) return [];
  return decoy.secrets.flatMap(({ scram }) =>
    scram === undefined ? [] : [{ ...setting, ...scram }],
  );
}
