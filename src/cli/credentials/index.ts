// `mailsluice credentials`: what operators do to the credential table.
import { Command } from 'commander';
import { writeTo } from '../frame/command-streams.ts';
import { addCommand } from './add.ts';
import type { CredentialsCliContext } from './context.ts';
import { disableCommand, enableCommand } from './enable.ts';
import { exportCommand } from './export.ts';
import { importCommand } from './import.ts';
import { listCommand } from './list.ts';
import { removeCommand } from './remove.ts';
import { rotateCommand } from './rotate.ts';
import { showCommand } from './show.ts';

export type { CredentialsCliContext } from './context.ts';

/** The command, to be mounted with `addCommand`; see `writeTo` for how it writes and ends. */
export function credentialsCommand(context: CredentialsCliContext): Command {
  const command = new Command('credentials').description('manage who may sign in');
  for (const make of [
    addCommand,
    listCommand,
    showCommand,
    disableCommand,
    enableCommand,
    rotateCommand,
    removeCommand,
    importCommand,
    exportCommand,
  ]) {
    command.addCommand(make(context));
  }
  return writeTo(context, command);
}
