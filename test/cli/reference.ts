// The reference part of src/cli/README.md, from the commands themselves.
import { readFileSync } from 'node:fs';
import type { Command, Option } from 'commander';
import { processContext } from '../../src/cli/frame/context.ts';
import { commandPath } from '../../src/cli/frame/fail.ts';
import { program } from '../../src/cli/run.ts';

export const pageFile = new URL('../../src/cli/README.md', import.meta.url);

const BEGIN = '<!-- Written by test/cli/write-reference.ts from the commands: do not edit. -->';

/** The page as it should be: what people wrote, and then the reference. */
export function pageWithReference(): string {
  const written = withoutReference(readFileSync(pageFile, 'utf8'));
  return `${written}${BEGIN}\n\n${renderReference(program(processContext))}`;
}

/** Every command that does something, in the order of the help. */
export function leavesOf(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leavesOf);
}

/** What people wrote. */
export function withoutReference(page: string): string {
  return page.split(BEGIN)[0] ?? '';
}

function renderReference(command: Command): string {
  return leavesOf(command).map(renderCommand).join('\n');
}

function renderCommand(command: Command): string {
  const usage = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
    return argument.required ? ` <${name}>` : ` [${name}]`;
  });
  const rows = [
    ...command.registeredArguments.map((argument) => [argument.name(), argument.description]),
    ...command.options.map((option) => [option.flags, describe(option)]),
  ];
  const table = rows.map(([name = '', text = '']) => `| \`${cell(name)}\` | ${cell(text)} |`);
  const lines = [`### \`${commandPath(command)}${usage.join('')}\``, '', sentence(command), ''];
  if (rows.length > 0) lines.push('| argument | meaning |', '| --- | --- |', ...table, '');
  return lines.join('\n');
}

function sentence(command: Command): string {
  const text = command.description();
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function describe({ description, defaultValue, defaultValueDescription }: Option): string {
  if (defaultValue === undefined) return description;
  return `${description} (default: ${defaultValueDescription ?? String(defaultValue)})`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('*', '\\*');
}
