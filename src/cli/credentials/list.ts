import { Command } from 'commander';
import type { Credential } from '../../credentials/index.ts';
import type { CliContext } from '../frame/context.ts';
import { day, describeCredential, stateOf } from './describe.ts';
import { type TableOptions, withTableOptions } from '../frame/options.ts';
import { withTable } from '../frame/with-target.ts';
import { renderTable } from '../frame/text-table.ts';
import { printable, printableJson } from '../../app/printable.ts';

export function listCommand(context: CliContext): Command {
  return withTableOptions(new Command('list'))
    .description('list all credentials, without secrets')
    .action(async (options: TableOptions) => {
      await withTable(context, options, async (administration) => {
        const credentials: Credential[] = [];
        for await (const row of administration.list()) {
          if ('key' in row) context.stderr.write(`${printable(row.error.message)}\n`);
          else credentials.push(row);
        }
        credentials.sort((a, b) => (a.username < b.username ? -1 : 1));
        const now = Date.now();
        if (options.json) {
          const printed = credentials.map((credential) => describeCredential(credential, now));
          context.stdout.write(`${printableJson(printed)}\n`);
          return;
        }
        if (credentials.length === 0) {
          context.stderr.write('No credentials yet: mailsluice credentials add NAME makes one.\n');
          return;
        }
        const rows = credentials.map((credential) => [
          credential.username,
          stateOf(credential, now),
          day(credential.createdAt),
          credential.expiresAt ? day(credential.expiresAt) : '-',
          credential.lastUsedAt ? day(credential.lastUsedAt) : '-',
          credential.note ?? '',
        ]);
        context.stdout.write(
          renderTable(
            ['USERNAME', 'STATE', 'CREATED', 'EXPIRES', 'LAST USED', 'NOTE'],
            rows,
            context.stdout.columns,
          ),
        );
      });
    });
}
