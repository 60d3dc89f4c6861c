// Sign-in and what a credential allows: both depend on the section `credentials` of the configuration.
import type { Configuration } from '../config/index.ts';
import {
  type Authenticator,
  createAuthenticator,
  createCredentialClient,
  type CredentialEvent,
} from '../credentials/index.ts';
import {
  checkDestination,
  checkRecipient,
  checkSender,
  checkSize,
  createRateLimit,
  grantsOf,
  issueGrants,
  type RateLimit,
  renewGrants,
} from '../policy/index.ts';
import type { SmtpServer } from '../server/index.ts';
import { sharedReplies } from '../smtp/replies.ts';
import type { Identity, Reply, SessionFacts } from '../smtp/index.ts';
import type { Metrics } from '../telemetry/index.ts';
import { checkCredentialTable } from './check-services.ts';
import type { Undo } from './undo.ts';

/** The client signs in again, and hears why it cannot. */
const signInAgain: Reply = { code: 421, status: '7.0', text: 'Sign-in is no longer valid' };

export interface SignIn {
  readonly authenticator: Authenticator;
  readonly rateLimit: RateLimit;
}

/** `undefined` without credentials in the configuration. What must be stopped is added to `started`. */
export async function startSignIn(
  { credentials }: Configuration,
  started: Undo[],
  observe: (event: CredentialEvent) => void,
): Promise<SignIn | undefined> {
  if (credentials === undefined) return undefined;
  const client = createCredentialClient();
  started.push(() => client.destroy());
  const { table, cache, grace, recordLastUse, throttle, tokens } = credentials;
  await checkCredentialTable(client, table);
  const { shared, onOutage } = throttle;
  const authenticator = createAuthenticator({
    client,
    table,
    issueGrants,
    observe,
    cache: { seconds: cache, graceSeconds: grace },
    recordLastUse,
    throttle: {
      shared,
      onOutage,
      windowSeconds: throttle.window,
      addressFailures: throttle.addressFailures,
      userFailures: throttle.userFailures,
      delayMilliseconds: throttle.delay * 1000,
      maxDelayMilliseconds: throttle.maxDelay * 1000,
      maxDelayed: throttle.maxDelayed,
    },
    tokens: tokens.map(({ jwksUri, ...issuer }) => ({ ...issuer, ...(jwksUri && { jwksUri }) })),
  });
  started.push(() => authenticator.close());
  const rateLimit = createRateLimit({
    observe,
    ...(shared && { shared: { client, table, onOutage } }),
  });
  return { authenticator, rateLimit };
}

/** Has the server ask the authenticator, and hold each sender to the grants of its credential. */
export function requireGrants(
  server: SmtpServer,
  { authenticator }: SignIn,
  hostname: string,
  metrics: Metrics,
): void {
  server.onSignIn(async ({ attempt, session }) => {
    const begun = performance.now();
    const answer = await authenticator.authenticate(attempt, session);
    metrics.record('AuthLatency', {}, performance.now() - begun);
    return answer;
  });
  const reviewed = async (
    identity: Identity,
    session: SessionFacts,
  ): Promise<Reply | undefined> => {
    const review = await authenticator.review(session);
    switch (review.kind) {
      case 'revoked':
        return signInAgain;
      case 'unavailable':
        return sharedReplies.temporaryFailure;
      case 'valid':
        renewGrants(identity, review.grants);
        return undefined;
      case 'without-credential':
        return undefined;
    }
  };
  server.onSender(({ session }) =>
    session.identity === null ? undefined : reviewed(session.identity, session),
  );
  server.onSender(({ session, reversePath, parameters }) => {
    const grants = grantsOf(session.identity);
    return (
      checkSender(grants, reversePath, hostname) ??
      checkSize(grants, parameters.size) ??
      checkDestination(grants)
    );
  });
  server.onRecipient(({ session, forwardPath }) =>
    checkRecipient(grantsOf(session.identity), forwardPath, hostname),
  );
}
