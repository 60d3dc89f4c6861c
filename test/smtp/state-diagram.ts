// The state diagram in ARCHITECTURE.md, made from the table of src/smtp/state.ts. To write it anew:
// npx node test/smtp/state-diagram.ts
import { readFileSync, writeFileSync } from 'node:fs';
import { type StateName, type Transitions, transitions } from '../../src/smtp/state.ts';

export const COMMAND = 'npx node test/smtp/state-diagram.ts';
export const PAGE = new URL('../../ARCHITECTURE.md', import.meta.url);

const BEGIN = '<!-- state diagram: begin -->\n';
const END = '<!-- state diagram: end -->';
/** The target that stands for the state before. */
const BACK = 'back';

/**
 * A Mermaid `stateDiagram-v2`. The states that lead back to the state before, and the last state, can be entered
 * from almost everywhere: they are drawn outside of the others, with one arrow for all of these.
 */
export function renderStateDiagram(table: Transitions): string {
  const rows = Object.entries(table).map(([name, row]) => ({ name, ...arrowsOf(row) }));
  const last = rows.filter(({ arrows }) => arrows.size === 0).map(({ name }) => name);
  const detours = rows.filter(({ arrows }) => arrows.has(BACK)).map(({ name }) => name);
  const isOutside = (name: string): boolean => last.includes(name) || detours.includes(name);
  const inside = rows.filter(({ name }) => !isOutside(name));
  const first = inside[0]?.name;

  const lines = ['stateDiagram-v2', '  state session {', `    [*] --> ${first}`];
  for (const { name, arrows } of inside) {
    for (const [target, events] of arrows) {
      if (!isOutside(target)) lines.push(`    ${name} --> ${target}: ${events.join(', ')}`);
    }
  }
  lines.push('  }');
  for (const outside of [...detours, ...last]) {
    const from = inside.filter(({ arrows }) => arrows.has(outside));
    const events = [...new Set(from.flatMap(({ arrows }) => arrows.get(outside) ?? []))];
    const where = from.length === inside.length ? '' : ` (in ${listOf(from)})`;
    lines.push(`  session --> ${outside}: ${events.join(', ')}${where}`);
  }
  for (const { name, arrows } of rows.filter((row) => detours.includes(row.name))) {
    for (const [target, events] of arrows) {
      const there = target === BACK ? 'session' : target;
      const what = target === BACK ? ', back to the state before' : '';
      lines.push(`  ${name} --> ${there}: ${events.join(', ')}${what}`);
    }
  }
  for (const name of last) lines.push(`  ${name} --> [*]`);
  return `\`\`\`mermaid\n${lines.join('\n')}\n\`\`\`\n`;
}

/** The events of a row by their targets, in the order of the row. */
function arrowsOf(row: Transitions[StateName]): { arrows: Map<string, string[]> } {
  const arrows = new Map<string, string[]>();
  for (const [event, target] of Object.entries(row)) {
    arrows.set(target, [...(arrows.get(target) ?? []), event]);
  }
  return { arrows };
}

function listOf(rows: readonly { readonly name: string }[]): string {
  return rows.map(({ name }) => name).join(', ');
}

/** The page with `diagram` between the markers. */
export function withDiagram(page: string, diagram: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin === -1 || end < begin) throw new Error(`the page lacks ${BEGIN.trim()} or ${END}`);
  return `${page.slice(0, begin)}${BEGIN}${diagram}${page.slice(end)}`;
}

if (import.meta.main) {
  const page = readFileSync(PAGE, 'utf8');
  writeFileSync(PAGE, withDiagram(page, renderStateDiagram(transitions)));
}
