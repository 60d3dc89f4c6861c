// Writes the reference into src/cli/README.md: node test/cli/write-reference.ts
import { writeFileSync } from 'node:fs';
import { pageFile, pageWithReference } from './reference.ts';

writeFileSync(pageFile, pageWithReference());
