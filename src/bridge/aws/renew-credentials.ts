// The SDK asks a provider for new credentials when the old ones are about to expire. An answer that says that they are
// no longer valid is no reason to it: credentials that were revoked, or rotated in a file, would fail until the end.
import { areCredentialsOld } from './error-codes.ts';

/** How long a provider that gave the same credentials again is not asked. */
const REST_MILLIS = 30_000;

interface Identity {
  readonly accessKeyId?: string;
  readonly sessionToken?: string;
}

interface RenewableClient {
  readonly config: {
    readonly credentials: (options?: { readonly forceRefresh?: boolean }) => Promise<Identity>;
  };
  readonly middlewareStack: object;
}

interface MiddlewareStack {
  add(middleware: unknown, options: object): void;
}

type Next = (args: object) => Promise<unknown>;

/** Lets `client` ask its provider for new credentials when a service rejects them, and then try once more. */
export function renewCredentials(client: object): void {
  const { config, middlewareStack } = client as RenewableClient;
  let renewedAt = -Infinity;
  let restUntil = -Infinity;

  /** Whether other credentials are there than those of a call that began at `began`. */
  async function renew(began: number): Promise<boolean> {
    if (renewedAt > began) return true;
    if (performance.now() < restUntil) return false;
    const old = await config.credentials();
    const fresh = await config.credentials({ forceRefresh: true });
    const isNew = fresh.accessKeyId !== old.accessKeyId || fresh.sessionToken !== old.sessionToken;
    const now = performance.now();
    // Calls at the same time share one refresh: the first of them sees that the credentials are new.
    if (isNew) renewedAt = now;
    else if (renewedAt <= began) restUntil = now + REST_MILLIS;
    return renewedAt > began;
  }

  const middleware = (next: Next) => async (args: object) => {
    const began = performance.now();
    try {
      return await next(args);
    } catch (error) {
      if (!areCredentialsOld(error) || !(await renew(began).catch(() => false))) throw error;
      return await next(args);
    }
  };
  const stack = middlewareStack as MiddlewareStack;
  stack.add(middleware, { step: 'initialize', priority: 'high', name: 'renewCredentials' });
}
