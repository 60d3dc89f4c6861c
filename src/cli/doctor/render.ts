import { type Level, LEVELS, type NamedFinding, worstOf } from '../../app/doctor/finding.ts';

/** A line for each finding; below it why it matters and what mends it. */
export function renderFindings(findings: readonly NamedFinding[]): string {
  const widest = Math.max(0, ...findings.map(({ check }) => check.length));
  return findings
    .map(({ level, check, found, why, fix }) => {
      const lines = [`${level.padEnd(WIDEST_LEVEL)}  ${check.padEnd(widest)}  ${found}`];
      const indent = ' '.repeat(WIDEST_LEVEL + 2);
      if (why !== undefined) lines.push(`${indent}why: ${why}`);
      if (fix !== undefined) lines.push(`${indent}fix: ${fix}`);
      return `${lines.join('\n')}\n`;
    })
    .join('');
}

const WIDEST_LEVEL = Math.max(...LEVELS.map((level) => level.length));

export function findingsAsJson(host: string, findings: readonly NamedFinding[]): string {
  return `${JSON.stringify({ host, level: worstOf(findings), findings })}\n`;
}

/** `2 failed, 1 warning, 9 ok`, the worst first. */
export function renderCounts(findings: readonly NamedFinding[]): string {
  return LEVELS.toReversed()
    .map((level) => ({ level, count: findings.filter((each) => each.level === level).length }))
    .filter(({ count }) => count > 0)
    .map(({ level, count }) => `${count} ${count === 1 ? level : (PLURALS[level] ?? level)}`)
    .join(', ');
}

const PLURALS: Readonly<Partial<Record<Level, string>>> = { note: 'notes', warning: 'warnings' };
