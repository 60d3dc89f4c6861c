// Writes the JSON Schema that ships in the package: node test/subscriber/write-schema.ts
import { writeFileSync } from 'node:fs';
import { notificationJsonSchema } from '../../src/subscriber/notification-schema.ts';

const file = new URL('../../src/subscriber/notification.schema.json', import.meta.url);
writeFileSync(file, `${JSON.stringify(notificationJsonSchema(), null, 2)}\n`);
