// The tables, as Markdown.
import type { Measured, Row } from './measure.ts';

type Rows = readonly (readonly [string, Row])[];

export function renderCells(rows: Rows, columns: readonly string[]): string {
  const parts = [
    '### CPU of the server process, µs per message',
    renderTable(rows, columns, ({ cpuMicroseconds }) => inFigures(cpuMicroseconds)),
    '### Messages per second',
    renderTable(rows, columns, ({ messagesPerSecond }) => inFigures(messagesPerSecond)),
  ];
  if (columns.includes('floor')) {
    parts.push(
      '### CPU, as a multiple of the floor (median of the rounds’ ratios)',
      renderTable(rows, columns, ({ timesFloor }) => timesFloor?.toFixed(2) ?? '–'),
    );
  }
  return parts.join('\n\n');
}

function renderTable(
  rows: Rows,
  columns: readonly string[],
  render: (measured: Measured) => string,
): string {
  return table(
    ['cell', ...columns],
    rows.map(([id, row]) => [
      id,
      ...columns.map((column) => {
        const measured = row.get(column);
        if (measured === undefined) return '–';
        return measured instanceof Error ? 'failed' : render(measured);
      }),
    ]),
  );
}

/** What went wrong where a table says `failed`. */
export function renderFailures(rows: Rows): string {
  return rows
    .flatMap(([id, row]) =>
      [...row].flatMap(([name, measured]) =>
        measured instanceof Error ? [`- ${id}, ${name}: ${measured.message}`] : [],
      ),
    )
    .join('\n');
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (fields: readonly string[]): string => `| ${fields.join(' | ')} |`;
  const rule = head.map((_, index) => (index === 0 ? '---' : '---:'));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}

/** Three figures are more than a shared machine can tell. */
export function inFigures(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en');
}
