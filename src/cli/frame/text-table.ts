// Columns of text that fit the terminal.

import { printable } from '../../app/printable.ts';

const GAP = '  ';
const ELLIPSIS = '…';
/** Narrower than this, a column is no longer read. */
const LEAST_WIDTH = 8;
const segmenter = new Intl.Segmenter();

/** Renders rows under a header; with `width`, the widest columns are cut until each line fits it. */
export function renderTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  width?: number,
): string {
  const lines = [header, ...rows].map((row) => row.map(printable));
  const widths = header.map((_, column) =>
    Math.max(...lines.map((row) => characters(row[column] ?? '').length)),
  );
  if (width !== undefined) fit(widths, width);
  return lines
    .map((row) =>
      widths
        .map((cells, column) => pad(cut(row[column] ?? '', cells), cells))
        .join(GAP)
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}

function fit(widths: number[], width: number): void {
  const gaps = GAP.length * (widths.length - 1);
  for (;;) {
    const total = widths.reduce((sum, cells) => sum + cells, gaps);
    const widest = widths.indexOf(Math.max(...widths));
    const cells = widths[widest] ?? 0;
    if (total <= width || cells <= LEAST_WIDTH) return;
    widths[widest] = Math.max(LEAST_WIDTH, cells - (total - width));
  }
}

function cut(text: string, cells: number): string {
  const all = characters(text);
  return all.length <= cells ? text : `${all.slice(0, Math.max(0, cells - 1)).join('')}${ELLIPSIS}`;
}

function pad(text: string, cells: number): string {
  return text + ' '.repeat(Math.max(0, cells - characters(text).length));
}

function characters(text: string): string[] {
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}
