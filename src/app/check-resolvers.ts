// Whether DNS answers where mail may be refused for its sender: asked once, for `config check`.
import {
  type Configuration,
  type ConfigurationWarning,
  refusingSettings,
  verifyModesOf,
} from '../config/index.ts';

/** A name that every resolver of the Internet can answer for. */
const ASKED = 'com';

/** Nothing where nothing is refused, or DNS answers. Takes up to `verify.timeout`. */
export async function warnOfSilentResolver({
  verify,
  listeners,
}: Pick<Configuration, 'verify' | 'listeners'>): Promise<ConfigurationWarning[]> {
  const settings = new Set(
    listeners.flatMap((listener) => refusingSettings(verifyModesOf(verify, listener))),
  );
  const [setting] = settings;
  if (setting === undefined) return [];
  const { resolvers, timeout } = verify;
  // Loaded for this alone: no other command needs the checks.
  const { makeResolver } = await import('./sender-checks.ts');
  await using dns = makeResolver(verify);
  const answer = await dns.forMail(performance.now() + timeout * 1000).lookUp(ASKED, 'NS');
  if (answer.kind !== 'failed') return [];
  const asked = resolvers.length === 0 ? 'the resolvers of this machine' : resolvers.join(', ');
  const text = `"reject" refuses nothing while DNS does not answer: ${asked} did not within ${timeout} s (${answer.reason})`;
  return [{ path: `verify.${setting}`, text }];
}
