// `npm run pack:subscriber`: the package `mailsluice-subscriber`, which has the bundle of `mailsluice/subscriber`, its
// types and the licenses of what is bundled, and depends on nothing. `npm run pack:subscriber -- --keep DIR` keeps the folder.
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { buildSubscriber } from './build-subscriber.ts';
import { writeDeclarations } from './package-declarations.ts';
import { packageRoot } from './package-root.ts';
import { pack, writePages } from './small-package.ts';

const SOURCES = join(packageRoot, 'infra/tools/packages/subscriber');

/** Writes the files of the package into a folder. */
export async function assembleSubscriber(folder: string): Promise<void> {
  const { inputs } = await buildSubscriber(folder);
  writeDeclarations(folder, {
    entry: 'subscriber/index.d.ts',
    allowed: /^(?:node:|@aws-sdk\/)/,
    // The schema is zod's, whose types are another package: here it is what every Standard Schema is.
    byHand: new Map([
      ['subscriber/notification-schema.d.ts', join(SOURCES, 'notification-schema.d.ts')],
    ]),
  });
  writePages(folder, SOURCES, inputs);
  cpSync(
    join(packageRoot, 'src/subscriber/notification.schema.json'),
    join(folder, 'notification.schema.json'),
  );
}

if (import.meta.main) await pack('mailsluice-subscriber', assembleSubscriber);
