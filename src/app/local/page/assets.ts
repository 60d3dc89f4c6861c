// The files of the page, as the build made them.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { OperatorError } from '../../operator-error.ts';

const TYPES = {
  'page.html': 'text/html; charset=utf-8',
  'frame.html': 'text/html; charset=utf-8',
  'page.js': 'text/javascript; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
  'icon.svg': 'image/svg+xml',
} as const;

export type AssetName = keyof typeof TYPES;

export interface Asset {
  readonly contentType: string;
  readonly content: Buffer;
}

/** Beside the built program, or in `dist` where the sources are run. */
const FOLDERS = [
  new URL('browser/', import.meta.url),
  new URL('../../../../dist/app/local/page/browser/', import.meta.url),
];

/** @throws OperatorError where the page is not built */
export function readAssets(): Readonly<Record<AssetName, Asset>> {
  const read = (name: AssetName): Asset => {
    for (const folder of FOLDERS) {
      try {
        return { contentType: TYPES[name], content: readFileSync(new URL(name, folder)) };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
    const place = fileURLToPath(FOLDERS[1] ?? '');
    throw new OperatorError(`expected the page in ${place}, found no ${name}; run "npm run build"`);
  };
  const names = Object.keys(TYPES) as AssetName[];
  return Object.fromEntries(names.map((name) => [name, read(name)])) as Record<AssetName, Asset>;
}
