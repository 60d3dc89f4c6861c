// Settings of `scan` that are valid alone and not together.
import type { ConfigurationProblem } from './problem.ts';
import type { Configuration } from './schema.ts';

export function scanContradictions({
  scan,
  limits,
}: Partial<Configuration>): ConfigurationProblem[] {
  if (scan === undefined) return [];
  const problems: ConfigurationProblem[] = [];
  const { spam, virus, timeout } = scan;
  if (spam === undefined && virus === undefined) {
    problems.push({ path: 'scan', expected: 'spam, virus or both', got: 'neither' });
  }
  if (
    spam?.quarantine !== undefined &&
    spam.reject !== undefined &&
    spam.quarantine >= spam.reject
  ) {
    problems.push({
      path: 'scan.spam.quarantine',
      expected: `less than scan.spam.reject (${spam.reject}), from which on a message is refused`,
      got: `${spam.quarantine}`,
    });
  }
  const port = virus === undefined ? undefined : portOf(virus.address);
  if (port !== undefined && (port < 1 || port > 65_535)) {
    problems.push({
      path: 'scan.virus.address',
      expected: 'a port from 1 to 65535',
      got: `${port}`,
    });
  }
  if (spam !== undefined && !URL.canParse(spam.url)) {
    problems.push({
      path: 'scan.spam.url',
      expected: 'a port from 1 to 65535, and an address that exists',
      got: JSON.stringify(spam.url),
    });
  }
  // The scanners' time is part of the commit's.
  if (limits !== undefined && timeout >= limits.answerTimeout) {
    problems.push({
      path: 'scan.timeout',
      expected: `less than limits.answerTimeout (${limits.answerTimeout} s), which includes it`,
      got: `${timeout}`,
    });
  }
  return problems;
}

function portOf(address: string): number | undefined {
  return address.startsWith('/') ? undefined : Number(address.slice(address.lastIndexOf(':') + 1));
}
