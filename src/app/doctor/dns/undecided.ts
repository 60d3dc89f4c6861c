import type { Finding } from '../finding.ts';

/** DNS gave no answer: nothing is known, neither good nor bad. */
export function undecided(type: string, name: string, code: string): Finding {
  return {
    level: 'unknown',
    found: `DNS gave no answer about ${type} of ${name} (${code})`,
    why: 'a name server that fails keeps other servers from delivering too',
    fix: `dig +trace ${name} ${type}`,
  };
}
