// The pages speak of commands that exist: the reference is that of the commands themselves, and each command that
// a page, an output of the stack or `mailsluice local` shows is a command line that works and names its target.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Command, CommanderError } from 'commander';
import { expect, test } from 'vitest';
import { renderReady } from '../../src/app/local/render.ts';
import { processContext } from '../../src/cli/frame/context.ts';
import { commandPath } from '../../src/cli/frame/fail.ts';
import { program } from '../../src/cli/run.ts';
import { leavesOf, pageFile, pageWithReference, withoutReference } from './reference.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Shown {
  readonly place: string;
  /** The words after `mailsluice`. */
  readonly words: readonly string[];
  /** A block of code or `npx …`: meant to be run, and not only spoken of. */
  readonly isToRun: boolean;
  /** The target stands before the command: a configuration, or the endpoints of `mailsluice local`. */
  readonly hasTarget: boolean;
}

/** A call of the program, up to what ends it in a shell. */
const CALL =
  /(?:^\s*|[|;&("]\s*)((?:npx )?mailsluice|node (?:dist\/cli\/main\.js|src\/cli\/main\.ts))((?: (?:'[^']*'|"[^"]*"|[^\s|>;&#'"`)]+))*)/gm;

const pages = [
  ...readdirSync(root).filter((file) => file.endsWith('.md')),
  ...['src', 'infra', 'test'].flatMap((top) =>
    readdirSync(join(root, top), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.md') && !file.includes('node_modules'))
      .map((file) => join(top, file)),
  ),
];
const shown = [
  ...pages.flatMap((page) =>
    shownIn(page, withoutReference(readFileSync(join(root, page), 'utf8'))),
  ),
  ...shownInOutputs(),
  ...shownByLocal(),
];

function shownIn(place: string, text: string): Shown[] {
  const found: Shown[] = [];
  const prose = text.replace(/^```(\w*)\n([^]*?)^```$/gm, (_, language: string, code: string) => {
    if (['sh', 'console', ''].includes(language)) {
      found.push(...callsIn(place, code.replaceAll('\\\n', ' '), true));
    }
    return '';
  });
  for (const [, span = ''] of prose.matchAll(/`([^`\n]+)`/g)) {
    // `mailsluice serve: …` is a message.
    if (/^(npx )?mailsluice |^node \S*main\./.test(span) && !/^mailsluice[a-z ]*:/.test(span)) {
      found.push(...callsIn(place, span, span.startsWith('npx ')));
    }
  }
  return found;
}

function callsIn(place: string, code: string, isToRun: boolean): Shown[] {
  return [...code.matchAll(CALL)].map((match) => ({
    place,
    words: [...(match[2] ?? '').matchAll(/'[^']*'|"[^"]*"|\S+/g)].map(([word]) =>
      word.replace(/^(['"])([^]*)\1$/, '$2'),
    ),
    isToRun,
    hasTarget: /\b(MAILSLUICE_CONFIG=|AWS_ENDPOINT_URL=http:\/\/127\.)/.test(
      code.slice(0, match.index),
    ),
  }));
}

/** The commands of the stack's outputs, with names for what CloudFormation puts in. */
function shownInOutputs(): Shown[] {
  const place = 'infra/app/outputs.ts';
  const text = readFileSync(join(root, place), 'utf8');
  return [...text.matchAll(/`([^`]*\bmailsluice [^`]*)`/g)].flatMap(([, code = '']) =>
    callsIn(place, code.replaceAll(/\$\{[^}]*\}/g, 'NAME'), true),
  );
}

function shownByLocal(): Shown[] {
  const text = renderReady({
    event: 'ready',
    version: '1.2.3',
    listeners: [{ name: 'mx', host: '127.0.0.1', port: 2525, tls: 'none', auth: 'none' }],
    page: 'http://127.0.0.1:8025',
    health: 'http://127.0.0.1:8080',
    aws: {
      region: 'us-east-1',
      endpoint: 'http://127.0.0.1:4566',
      dynamoDbEndpoint: 'http://127.0.0.1:8000',
      accessKeyId: 'local',
      secretAccessKey: 'local',
    },
    bucket: 'b',
    prefix: 'mail/',
    topicArn: 't',
    senderChecks: [],
    queueUrl: 'q',
    table: 't',
    username: 'demo',
    password: 'secret',
  });
  return callsIn('mailsluice local', text.replaceAll('Mailsluice', ''), false);
}

/** The command that the words name, and what is left of them. */
function resolve(words: readonly string[]): { command: Command; rest: string[] } {
  let command = program(processContext);
  const rest = [...words];
  for (;;) {
    const child = command.commands.find((each) => each.name() === rest[0]);
    if (child === undefined) return { command, rest };
    command = child;
    rest.shift();
  }
}

/** What is wrong with a command line that a page shows. */
function faultOf({ words, isToRun, hasTarget }: Shown): string | undefined {
  const { command, rest } = resolve(words);
  if (command.commands.length > 0) {
    const [word = ''] = rest;
    return word === '' || command.options.some(({ long }) => long === word)
      ? undefined
      : `${commandPath(command)}: no command ${word}`;
  }
  if (!isToRun && rest.length === 0) return undefined;
  const knowsTarget = command.options.filter(({ long = '' }) =>
    ['--config', '--bucket', '--table', '--host', '--stack'].includes(long ?? ''),
  );
  try {
    const { operands, unknown } = command.parseOptions(rest);
    if (unknown.length > 0) return `unknown option ${unknown.join(' ')}`;
    const required = command.registeredArguments.filter((argument) => argument.required).length;
    const most = command.registeredArguments.some(({ variadic }) => variadic)
      ? Infinity
      : command.registeredArguments.length;
    if (operands.length < required || operands.length > most) {
      return `expected ${required} to ${most} arguments, got ${operands.join(' ')}`;
    }
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.message;
  }
  const isNamed = knowsTarget.some(({ long }) => rest.includes(long ?? ''));
  if (command.name() === 'local' || knowsTarget.length === 0 || hasTarget || isNamed) {
    return undefined;
  }
  return 'no target: expected --config, --bucket, --table, --host, --stack, or MAILSLUICE_CONFIG before it';
}

test('the reference in src/cli/README.md is that of the commands (node test/cli/write-reference.ts writes it)', () => {
  expect(readFileSync(pageFile, 'utf8')).toBe(pageWithReference());
});

test('the reader finds the commands', () => {
  expect(pages.length).toBeGreaterThan(8);
  const toRun = shown.filter(({ isToRun }) => isToRun);
  expect(toRun.length).toBeGreaterThan(20);
  for (const place of ['infra/RUNBOOK.md', 'infra/app/outputs.ts', 'src/archive/README.md']) {
    expect(toRun.map((each) => each.place)).toContain(place);
  }
  expect(shown.map(({ place }) => place)).toContain('mailsluice local');
});

test('every command that is shown is a command line of the program and names its target', () => {
  const faults = shown.flatMap((each) => {
    const fault = faultOf(each);
    return fault === undefined
      ? []
      : [`${each.place}: mailsluice ${each.words.join(' ')}: ${fault}`];
  });
  expect(faults).toEqual([]);
});

test.each([
  ['an unknown command', 'archive lists --bucket b', 'no command lists'],
  ['an unknown option', 'archive list --bucket b --since 2h', 'unknown option --since'],
  ['a value that is not valid', 'credentials add x --table t --cidr y', 'expected an address'],
  ['an argument too few', 'archive show --bucket b', 'expected 1 to 1 arguments'],
  ['an argument too many', 'outbox list x --bucket b', 'expected 0 to 0 arguments'],
  ['no target', 'outbox list', 'no target'],
  ['no host', 'doctor --json', 'no target'],
])('the reader notices %s', (_, line, fault) => {
  const [call] = shownIn('a page', `Run \`npx mailsluice ${line}\`.`);
  expect(call && faultOf(call)).toContain(fault);
});

test('every command has a description, and every option and argument a meaning', () => {
  for (const command of leavesOf(program(processContext))) {
    expect([commandPath(command), command.description()]).not.toContain('');
    for (const { flags, description } of command.options) {
      expect([commandPath(command), flags, description]).not.toContain('');
    }
  }
});
