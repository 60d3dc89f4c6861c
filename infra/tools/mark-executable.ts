// The command of the package as a program: `npx mailsluice` in a checkout starts the file itself, which tsc writes without the
// right to be run.
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from './package-root.ts';

if (import.meta.main) chmodSync(join(packageRoot, 'dist/cli/main.js'), 0o755);
