// What a check found, as an operator reads it.

/** From good to bad; `unknown` where nothing can be said from here, `note` where a choice could be a better one. */
export const LEVELS = ['ok', 'note', 'unknown', 'warning', 'failed'] as const;
export type Level = (typeof LEVELS)[number];

/** One sentence about what was found; unless all is well, why it matters and what mends it. */
export interface Finding {
  readonly level: Level;
  readonly found: string;
  readonly why?: string;
  /** A command where there is one. */
  readonly fix?: string;
}

/** A finding with the name of its check, which programs may rely on. */
export interface NamedFinding extends Finding {
  readonly check: string;
}

export function ok(found: string): Finding {
  return { level: 'ok', found };
}

/** The worst of the levels; `ok` where there are none. */
export function worstOf(findings: readonly Finding[]): Level {
  const ranks = findings.map(({ level }) => LEVELS.indexOf(level));
  return LEVELS[Math.max(0, ...ranks)] ?? 'ok';
}

const SHOWN_CHARACTERS = 160;

/** Text that a server, a zone or AWS gave: on one line, without control characters, and not long. */
export function shown(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
  return line.length > SHOWN_CHARACTERS ? `${line.slice(0, SHOWN_CHARACTERS)}…` : line;
}
