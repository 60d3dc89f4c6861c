// `mailsluice archive …` in a process of its own, with the environment and the streams of a user.
import { CommanderError } from 'commander';
import { archiveContext } from '../../../src/cli/frame/archive-context.ts';
import { archiveCommand } from '../../../src/cli/archive/index.ts';

try {
  await archiveCommand(archiveContext).parseAsync(process.argv.slice(2), { from: 'user' });
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode;
}
