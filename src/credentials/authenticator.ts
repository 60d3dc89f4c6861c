// Answers sign-in questions from the credential table. Whatever is wrong with a credential is answered by one
// reply, after one path: a lock is looked for, the credential is read, a secret is checked, the reply waits.
import { isDeepStrictEqual } from 'node:util';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Reply, SessionFacts, SignInAnswer, SignInAttempt } from '../smtp/index.ts';
import { type Clock, systemClock } from '../counters/time-source.ts';
import { allowsToken, type Credential } from './credential.ts';
import {
  type CacheOptions,
  CredentialReader,
  type Reading,
  ReadOverloadError,
} from './credential-reader.ts';
import { DecoyKeeper } from './decoy-keeper.ts';
import type { CredentialEvent, RefusalCause } from './events.ts';
import { type Accepted, type Failed, failed, type Finding, type Outcome } from './outcome.ts';
import { decoyVerifiers, scramVerifiers } from './scram-verifiers.ts';
import { FleetCounter } from '../counters/fleet-counter.ts';
import { IdentityReview, type Review, ruleAgainst } from './identity-review.ts';
import { UnreadableCredentialError } from './item.ts';
import { type Claimant, overloaded } from './concurrency-limit.ts';
import type { Grants } from '../policy/grants.ts';
import { clientNetwork } from '../net/addresses.ts';
import { ProvenSecrets } from './proven-secrets.ts';
import { replies } from './replies.ts';
import { type HashingOptions, SecretCheck } from './secret-check.ts';
import { SharedCounter } from '../counters/shared-counter.ts';
import { CredentialTable } from './table.ts';
import { type Attempt, Throttle, throttleDefaults, type ThrottleOptions } from './throttle.ts';
import { proofByScram, proofBySecret } from './sign-in-proof.ts';
import { TokenCheck, type TokenIssuer } from './token-check.ts';
import { UseRecorder } from './use-recorder.ts';
import { canonicalUsername } from './username.ts';
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
  /** What holds now of the identity of a session; asked at each MAIL. Never rejects. */
  review(session: SessionFacts): Promise<Review>;
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
  readonly claimant: Claimant;
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
  readonly #review: IdentityReview;
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
    this.#review = new IdentityReview(this.#reader, clock, this.#observe);
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
    const begunAt = this.#clock.now();
    const { clientAddress } = session;
    const claimant: Claimant = { client: clientNetwork(clientAddress) };
    const run: Run = { attempt, session, claimant, begunAt, username };
    let counted: Attempt | 'locked' | 'crowded';
    try {
      counted = await this.#throttle.admit(clientAddress, username);
    } catch {
      return this.#refuse(run, 'table-unavailable', replies.temporary);
    }
    if (counted === 'crowded') return this.#turnAway(run, 'overloaded', replies.temporary);
    if (counted === 'locked') return this.#turnAway(run, 'throttled', replies.locked);
    const admitted = { ...run, claimant: { ...claimant, isPreferred: counted.isKnown } };
    if (attempt.kind === 'scram') return this.#signInByScram(admitted, counted);
    return this.#settled(admitted, counted, () => {
      switch (attempt.kind) {
        case 'password':
          return this.#signInByPassword(admitted, attempt);
        case 'token':
          return this.#signInByToken(admitted, attempt);
        case 'certificate':
          return failed('mechanism-not-available');
      }
    });
  }

  review(session: SessionFacts): Promise<Review> {
    return this.#review.review(session);
  }

  async close(): Promise<void> {
    await this.#recorder?.settled();
  }

  async #signInByPassword(run: Run, attempt: PasswordAttempt): Promise<Outcome> {
    await this.#decoys.prepare();
    let reading = await this.#read(run);
    let finding = await this.#judgePassword(run, attempt, reading.credential);
    if (finding.cause === 'overloaded') return { kind: 'uncompared', cause: 'overloaded' };
    if (finding.cause !== undefined && reading.source === 'cache') {
      // The credential may be newer than the cache: a secret made a moment ago works at once.
      const before = reading.credential;
      try {
        reading = await this.#reader.readAnew(run.username ?? '', run.claimant);
      } catch (error) {
        return { kind: 'failed', cause: causeOf(error), reply: replies.temporary };
      }
      if (!isDeepStrictEqual(before, reading.credential)) {
        finding = await this.#judgePassword(run, attempt, reading.credential);
      }
    }
    return this.#conclude(run, finding, reading);
  }

  async #judgePassword(
    run: Run,
    { password }: PasswordAttempt,
    credential: Credential | undefined,
  ): Promise<Finding> {
    const decoy = this.#decoys.decoyFor(run.username ?? '');
    const now = this.#clock.now();
    const { claimant } = run;
    const secret = password.reveal();
    const fitting = await this.#secrets.fitting(credential, decoy, secret, now, claimant);
    if (fitting === overloaded) return { cause: 'overloaded' };
    if (credential === undefined) return { cause: 'unknown-user' };
    if (fitting === undefined) return { cause: 'wrong-secret' };
    return { cause: this.#judge(run, credential), proof: proofBySecret(fitting) };
  }

  /** The attempt is settled by the proof, or by `settle(false)` where the exchange ends without one. */
  async #signInByScram(run: Run, counted: Attempt): Promise<SignInAnswer> {
    let reading = NOBODY;
    try {
      await this.#decoys.prepare();
      // The proof is checked once, so a secret made a moment ago must be here already.
      if (run.username !== undefined) {
        reading = await this.#reader.readAnew(run.username, run.claimant);
      }
    } catch (error) {
      return this.#settled(run, counted, () => ({ kind: 'uncompared', cause: causeOf(error) }));
    }
    const { credential } = reading;
    this.#decoys.saw(credential);
    const decoy = this.#decoys.decoyFor(run.username ?? '');
    const verifiers = scramVerifiers(credential, this.#clock.now());
    return {
      kind: 'verify',
      verifiers: verifiers.length > 0 ? verifiers : decoyVerifiers(decoy, credential),
      settle: (proved, fitting) =>
        this.#settled(run, counted, () => {
          let finding: Finding;
          if (credential === undefined) finding = { cause: 'unknown-user' };
          else if (!proved || verifiers.length === 0) finding = { cause: 'wrong-secret' };
          else {
            const proof = proofByScram(credential, fitting);
            finding = { cause: this.#judge(run, credential), proof };
          }
          return this.#conclude(run, finding, reading);
        }),
    };
  }

  async #signInByToken(run: Run, { token, mechanism }: TokenAttempt): Promise<Outcome> {
    const verdict = await this.#tokens.check(token.reveal(), run.claimant);
    switch (verdict.kind) {
      case 'overloaded':
        return { kind: 'uncompared', cause: 'overloaded' };
      case 'unavailable':
        this.#observe({ kind: 'issuer-unavailable', error: verdict.error });
        return { kind: 'uncompared', cause: 'issuer-unavailable' };
      case 'invalid':
        return failed('invalid-token');
      case 'valid':
    }
    const { issuer, name, requireCredential } = verdict;
    const username = canonicalUsername(name);
    const given = run.attempt.kind === 'token' ? run.attempt.username : '';
    // The name beside the token may be left out, but it may not be another's.
    if (given !== '' && given !== name && run.username !== username) {
      return failed('authorization-id');
    }
    if (!requireCredential) {
      // Never the name of a row: two issuers, and the table, may each have another user of that name.
      const identity = { username: `${issuer}#${name}`, mechanism };
      return { kind: 'accepted', reading: NOBODY, identity };
    }
    if (username === undefined) return failed('unknown-user');
    const named: Run = { ...run, username };
    const judge = ({ credential }: Reading): RefusalCause | undefined => {
      if (credential === undefined) return 'unknown-user';
      if (!allowsToken(credential, issuer, name)) return 'token-not-allowed';
      return this.#judge(named, credential);
    };
    let reading = await this.#read(named);
    let cause = judge(reading);
    if (reading.source === 'cache' && cause !== undefined) {
      reading = await this.#reader.readAnew(username, run.claimant);
      cause = judge(reading);
    }
    return this.#conclude(named, { cause, proof: { kind: 'token', issuer, name } }, reading);
  }

  /** What is to be said of a credential whose secret fits. */
  #judge({ attempt, session }: Run, credential: Credential): RefusalCause | undefined {
    const rule = ruleAgainst(credential, session, this.#clock.now());
    if (rule !== undefined) return rule;
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

  /** What an attempt comes to that was compared. */
  #conclude(run: Run, { cause, proof }: Finding, reading: Reading): Outcome {
    const { credential, source } = reading;
    // Of an old copy only good news is believed: what it does not know may be in the table by now.
    if (cause !== undefined && source === 'stale') {
      return { kind: 'failed', cause: 'table-unavailable', reply: replies.temporary };
    }
    if (cause === 'overloaded') return { kind: 'failed', cause, reply: replies.temporary };
    if (cause !== undefined || credential === undefined) {
      return failed(cause ?? 'unknown-user', credential);
    }
    const { mechanism } = run.attempt;
    const { username } = credential;
    const grants = this.#issueGrants(credential.grants);
    return { kind: 'accepted', reading, proof, identity: { username, mechanism, grants } };
  }

  /**
   * The one way out of every attempt that was admitted, and the only place that counts: what was compared and not
   * accepted is a failure, whatever the reply.
   */
  async #settled(
    run: Run,
    counted: Attempt,
    task: () => Outcome | Promise<Outcome>,
  ): Promise<SignInAnswer> {
    const { clientAddress } = run.session;
    try {
      const outcome = await task();
      switch (outcome.kind) {
        case 'uncompared':
          await counted.dropped();
          return await this.#turnAway(run, outcome.cause, replies.temporary);
        case 'failed':
          return await this.#fail(run, counted, outcome);
        case 'accepted':
      }
      const { username } = outcome.identity;
      // Of guesses made side by side in a fleet, one that is right must not win once the others have locked it out.
      if (await this.#throttle.isLockedMeanwhile(clientAddress, username)) {
        return await this.#fail(run, counted, {
          kind: 'failed',
          cause: 'throttled',
          reply: replies.locked,
        });
      }
      await counted.succeeded();
      return this.#accept(run, outcome);
    } catch (error) {
      await counted.dropped().catch(() => {});
      return this.#refuse(run, causeOf(error), replies.temporary);
    }
  }

  #accept(run: Run, { reading: { credential, source }, proof, identity }: Accepted): SignInAnswer {
    if (proof !== undefined) this.#review.remember(identity, proof);
    const { sessionId, listener, clientAddress, clientPort } = run.session;
    const { username, mechanism } = identity;
    this.#throttle.know(clientAddress, username);
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

  /** Counts a failure, and answers when its time has come. */
  async #fail(
    run: Run,
    counted: Attempt,
    { cause, reply, credential }: Failed,
  ): Promise<SignInAnswer> {
    const outcome = await this.#throttle.failed(counted, run.session.clientAddress, run.begunAt);
    return this.#refuse(run, cause, outcome === 'crowded' ? replies.crowded : reply, credential);
  }

  /** Answers an attempt that was compared with nothing. It costs the session, and waits, but is no guess. */
  async #turnAway(run: Run, cause: RefusalCause, reply: Reply): Promise<SignInAnswer> {
    const outcome = await this.#throttle.turnedAway(run.session.clientAddress, run.begunAt);
    return this.#refuse(run, cause, outcome === 'crowded' ? replies.crowded : reply);
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

  async #read({ username, claimant }: Run): Promise<Reading> {
    const reading = username === undefined ? NOBODY : await this.#reader.read(username, claimant);
    this.#decoys.saw(reading.credential);
    return reading;
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

/** Whatever breaks on our side is 454 and never 535. */
function causeOf(error: unknown): RefusalCause {
  return error instanceof ReadOverloadError ? 'overloaded' : 'table-unavailable';
}

/** No credential can have the name, so the table need not be asked. */
const NOBODY: Reading = { credential: undefined, source: 'table' };
