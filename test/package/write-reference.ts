// `node test/package/write-reference.ts`: writes src/REFERENCE.md.
import { writeFileSync } from 'node:fs';
import { REFERENCE_PAGE, renderReferencePage } from './reference-page.ts';

writeFileSync(REFERENCE_PAGE, renderReferencePage());
