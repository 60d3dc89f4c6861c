// `node infra/tools/write-readme.ts`: writes the generated tables of infra/README.md anew. A test compares.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { renderFixedTable } from '../app/fixed-settings.ts';
import { renderSettingsTable } from '../app/settings-table.ts';
import { renderCostTable } from './cost.ts';
import { renderIdleTable } from './idle-cost.ts';
import { renderScannerTable } from './scanner-cost.ts';

const TABLES = {
  settings: renderSettingsTable,
  fixed: renderFixedTable,
  cost: renderCostTable,
  idle: renderIdleTable,
  scanners: renderScannerTable,
} as const;

/** The page with its tables as they should be. */
export function withTables(page: string): string {
  let written = page;
  for (const [name, render] of Object.entries(TABLES)) {
    const block = new RegExp(`(<!-- generated: ${name} -->\n)[^]*?(\n<!-- end -->)`);
    if (!block.test(written)) throw new Error(`expected a block for the table "${name}"`);
    written = written.replace(block, (_, begin, end) => `${begin}${render()}${end}`);
  }
  return written;
}

if (import.meta.main) {
  const path = fileURLToPath(new URL('../README.md', import.meta.url));
  writeFileSync(path, withTables(readFileSync(path, 'utf8')));
}
