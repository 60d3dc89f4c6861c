// Settings of `verify` that are valid alone and not together, or have a form that is no address.
import { isIP } from 'node:net';
import type { ConfigurationProblem } from './problem.ts';
import type { Configuration } from './schema.ts';
import { checksSenders, verifyModesOf } from './verify-modes.ts';

export function verifyContradictions({
  verify,
  listeners = [],
  notify,
  limits,
}: Partial<Configuration>): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  for (const [at, { auth, verify: own }] of listeners.entries()) {
    if (own === undefined || verify === undefined) continue;
    const path = `listeners[${at}].verify`;
    problems.push(...repeatedZones(own.lists ?? [], `${path}.lists`));
    if (
      auth === 'required' &&
      checksSenders(verifyModesOf(verify, { auth: 'none', verify: own }))
    ) {
      problems.push({
        path,
        expected:
          'nothing on a listener with auth "required", since who has signed in is not checked',
        got: JSON.stringify(Object.keys(own)),
      });
    }
  }
  if (verify === undefined) return problems;
  problems.push(...repeatedZones(verify.lists, 'verify.lists'));
  for (const [at, resolver] of verify.resolvers.entries()) {
    if (isServerAddress(resolver)) continue;
    problems.push({
      path: `verify.resolvers[${at}]`,
      expected: 'an IP address, with a port from 1 to 65535 where it is not 53',
      got: JSON.stringify(resolver),
    });
  }
  if (notify !== undefined && verify.quarantine?.topicArn === notify.topicArn) {
    problems.push({
      path: 'verify.quarantine.topicArn',
      expected: 'another topic than notify.topicArn',
      got: JSON.stringify(notify.topicArn),
    });
  }
  // DNS may take that long after the last octet of a message.
  if (limits !== undefined && verify.timeout >= limits.answerTimeout) {
    problems.push({
      path: 'verify.timeout',
      expected: `less than limits.answerTimeout (${limits.answerTimeout} s), which includes it`,
      got: `${verify.timeout}`,
    });
  }
  return problems;
}

function repeatedZones(
  lists: Configuration['verify']['lists'],
  path: string,
): ConfigurationProblem[] {
  const seen = new Set<string>();
  return lists.flatMap(({ zone }, at) => {
    const name = zone.toLowerCase();
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    const got = JSON.stringify(zone);
    return [{ path: `${path}[${at}].zone`, expected: 'a zone that no other list has', got }];
  });
}

function isServerAddress(text: string): boolean {
  if (isIP(text) !== 0) return true;
  const [, bracketed, plain, port = ''] = /^(?:\[([^\]]+)\]|([\d.]+))(?::(\d+))?$/.exec(text) ?? [];
  const isAddress = bracketed === undefined ? isIP(plain ?? '') === 4 : isIP(bracketed) === 6;
  return isAddress && (port === '' || (Number(port) >= 1 && Number(port) <= 65_535));
}
