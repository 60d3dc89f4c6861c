// `node test/package/write-api.ts`: writes src/API.md.
import { writeFileSync } from 'node:fs';
import { API_PAGE, renderApiPage } from './api-page.ts';

writeFileSync(API_PAGE, await renderApiPage());
