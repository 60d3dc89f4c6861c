// Writes the table of all settings into src/config/README.md: npm exec -- node test/config/write-settings.ts
import { readFileSync, writeFileSync } from 'node:fs';
import { settingsPage, withSettings } from './settings-table.ts';

writeFileSync(settingsPage, withSettings(readFileSync(settingsPage, 'utf8')));
