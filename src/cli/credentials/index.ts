// `mailsluice credentials`: what operators do to the credential table.
import { Command } from 'commander';
import { addCommand } from './add.ts';
import type { CliContext } from '../frame/context.ts';
import { disableCommand, enableCommand } from './enable.ts';
import { exportCommand } from './export.ts';
import { importCommand } from './import.ts';
import { listCommand } from './list.ts';
import { removeCommand } from './remove.ts';
import { rotateCommand } from './rotate.ts';
import { showCommand } from './show.ts';

export function credentialsCommand(context: CliContext): Command {
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
  return command;
}
