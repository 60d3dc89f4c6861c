// src/REFERENCE.md: the options, the hooks and what they are called with, from the types and their comments in src/server.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_LIMITS } from '../../src/server/index.ts';
import { type HookStage, hookOrder } from '../server/hook-order.ts';
import { type Member, membersOf } from './members.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

export const REFERENCE_PAGE = join(root, 'src/REFERENCE.md');

const HEAD = `# Reference: options and hooks

The options of the library, its hooks in their order, and what they are called with. The [guide](README.md) shows them in
programs; [API.md](API.md) has the types. Generated from the types and their comments by
\`node test/package/write-reference.ts\`; a test compares this page with the source.`;

/** The classes of context, by the hooks that are called with them. */
const CONTEXTS: Readonly<Record<HookStage['hook'], string>> = {
  onConnect: 'HookContext',
  onSecured: 'SecuredContext',
  onHelo: 'HeloContext',
  onSignIn: 'SignInContext',
  onSender: 'SenderContext',
  onRecipient: 'RecipientContext',
  onData: 'DataContext',
  onMail: 'MailContext',
  onClose: 'HookContext',
};

const sourceOf = (file: string): string => readFileSync(join(root, 'src/server', file), 'utf8');

export function renderReferencePage(): string {
  const options = sourceOf('options.ts');
  const server = membersOf(sourceOf('server.ts'), 'SmtpServer');
  const mail = membersOf(sourceOf('mail/mail.ts'), 'Mail');
  return `${[
    HEAD,
    '## Options of the server',
    'Of `new SmtpServer(options)`.',
    renderOptions(membersOf(options, 'ServerOptions')),
    '## Options of a listener',
    'Of each entry of `listeners`.',
    renderOptions(membersOf(options, 'ListenerOptions')),
    '## Extensions',
    'Of `extensions` of a listener. PIPELINING, SIZE, 8BITMIME and ENHANCEDSTATUSCODES are always offered.',
    renderOptions(membersOf(options, 'Extensions')),
    '## Limits',
    'Of `limits` of the server and of a listener. Counts are whole numbers, sizes are octets, times are seconds.',
    renderOptions(membersOf(sourceOf('limits.ts'), 'Limits').map(withDefaultLimit)),
    '## Options of `close`',
    renderOptions(membersOf(sourceOf('closing.ts'), 'CloseOptions')),
    '## The order of the hooks',
    ORDER,
    renderPicture(),
    '## The hooks',
    HOOKS,
    renderHooks(server),
    '## What hooks are called with',
    'All contexts have the members of the first table.',
    ...renderContexts(),
    '## The mail',
    '`mail` in the context of `onMail`, and each mail of `for await (const mail of server)`.',
    renderMembers(mail),
    '## The server',
    renderMembers(server.filter(({ name }) => !name.startsWith('on'))),
  ].join('\n\n')}\n`;
}

const ORDER = `A session with STARTTLS and sign-in. With implicit TLS \`onSecured\` is called before \`onConnect\`, and its refusal takes the place of
the greeting. Dotted arrows are the exits: the reply of a refusal, and where the session then is. A 421 of any hook ends the session.`;

const HOOKS = `In their order. A hook goes on by answering nothing (\`undefined\`). It refuses by a reply of 4yz or 5yz, returned or thrown as a
\`Refusal\`. It fails if it throws anything else or gives a value that is no answer; it is late after \`limits.answerTimeoutSeconds\`.`;

// ---- options

function renderOptions(members: readonly Member[]): string {
  return table(
    ['option', 'type', 'default', 'meaning'],
    members.flatMap((member) => optionRows(member, '')),
  );
}

function optionRows(member: Member, path: string): string[][] {
  const name = `${path}${member.name}`;
  const { value, rest } = splitDefault(member.doc);
  const standard = value ?? (member.isOptional ? '' : '**required**');
  const row = [code(name), code(member.type), standard, rest];
  return [row, ...member.members.flatMap((inner) => optionRows(inner, `${name}.`))];
}

/** `Default true.`, `Default: none.`, `Default 100, well under 10 minutes.`, "`socket` (the default): …". */
const DEFAULT = /(?:^| )Default:? ((?:`[^`]*`|[^.`]|\.(?=\S))+)\.(?= |$)/;
const NAMED_DEFAULT = /`(\w+)` \(the default\)/;

/** What a comment says of the default, and the comment without it. */
export function splitDefault(doc: string): { value: string | undefined; rest: string } {
  const [sentence, value] = DEFAULT.exec(doc) ?? [];
  if (sentence !== undefined && value !== undefined) {
    const plain = /^(?:true|false|\d[\d,]*)$/.test(value) ? code(value) : value;
    return { value: plain, rest: doc.replace(sentence, '').trim() };
  }
  const named = NAMED_DEFAULT.exec(doc)?.[1];
  return { value: named === undefined ? undefined : code(named), rest: doc };
}

/** A limit with the default that the code has. */
function withDefaultLimit(limit: Member): Member {
  const { rest } = splitDefault(limit.doc);
  const value: unknown = Object.entries(DEFAULT_LIMITS).find(([name]) => name === limit.name)?.[1];
  const standard =
    typeof value === 'number' ? ` Default ${value.toLocaleString('en-US')}.` : ' Default none.';
  return { ...limit, doc: `${rest}${standard}` };
}

// ---- hooks

function renderHooks(server: readonly Member[]): string {
  const documentation = new Map(server.map(({ name, doc }) => [name, doc]));
  const contexts = sourceOf('context.ts');
  const meaningOf = (hook: HookStage['hook']): string => documentation.get(hook) ?? '';
  const members = (hook: HookStage['hook']): string =>
    CONTEXTS[hook] === 'HookContext'
      ? ''
      : membersOf(contexts, CONTEXTS[hook])
          .map(({ name }) => code(name))
          .join(', ');
  return table(
    ['hook', 'after', 'meaning', 'its context has', 'a refusal is sent', 'fails', 'is late'],
    [
      ...hookOrder.map(({ hook, after, place, failed, late }) => [
        code(hook),
        after,
        meaningOf(hook),
        members(hook),
        place,
        exitOf(failed),
        exitOf(late),
      ]),
      [code('onClose'), 'the end', meaningOf('onClose'), '', 'nowhere', OBSERVED, OBSERVED],
    ],
  );
}

const OBSERVED = 'an event';

const exitOf = (reply: string): string =>
  reply === 'closed' ? 'the connection ends' : code(reply);

/** A Mermaid `flowchart`: the hooks one below the other, with the exits of each. */
function renderPicture(): string {
  const lines = ['flowchart TD', '  start([connection])', '  ended([the session has ended])'];
  let previous = 'start';
  for (const stage of hookOrder) {
    const { hook, after } = stage;
    lines.push(`  ${previous} -->|"${after}"| ${hook}`);
    for (const [target, exits] of Object.entries(exitsOf(stage))) {
      if (exits.length === 0) continue;
      const node = target === 'ended' ? 'ended' : `${hook}Exit["the session goes on"]`;
      lines.push(`  ${hook} -.->|"${exits.join('<br>')}"| ${node}`);
    }
    previous = hook;
  }
  lines.push(
    '  onMail -->|"all accept"| accepted(["250: the mail is yours"])',
    '  accepted -->|"MAIL"| onSender',
    '  accepted -->|"QUIT"| ended',
    '  ended --> onClose',
  );
  return `\`\`\`mermaid\n${lines.join('\n')}\n\`\`\``;
}

/** The exits of a hook, by where the session then is. */
function exitsOf({ failed, late, ends }: HookStage): Record<'goesOn' | 'ended', string[]> {
  const exits: Record<'goesOn' | 'ended', string[]> = { goesOn: [], ended: [] };
  const isEnd = (reply: string): boolean => ends || reply === 'closed' || reply.startsWith('421');
  exits[ends ? 'ended' : 'goesOn'].push('refuses: its reply');
  const isSame = failed === late;
  exits[isEnd(failed) ? 'ended' : 'goesOn'].push(`fails${isSame ? ' or is late' : ''}: ${failed}`);
  if (!isSame) {
    const reply = late === 'closed' ? 'no reply' : late;
    exits[isEnd(late) ? 'ended' : 'goesOn'].push(`is late: ${reply}`);
  }
  return exits;
}

function renderContexts(): string[] {
  const source = sourceOf('context.ts');
  return [...new Set(Object.values(CONTEXTS))].flatMap((name) => {
    const hooks = Object.entries(CONTEXTS).flatMap(([hook, context]) =>
      context === name ? [code(hook)] : [],
    );
    const title =
      name === 'HookContext' ? `### ${code(name)}` : `### ${code(name)}, of ${hooks.join(', ')}`;
    return [title, renderMembers(membersOf(source, name))];
  });
}

function renderMembers(members: readonly Member[]): string {
  return table(
    ['member', 'type', 'meaning'],
    members.map(({ name, type, doc }) => [code(name), code(type), doc]),
  );
}

// ---- Markdown

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}

const code = (text: string): string => `\`${text}\``;
const cell = (text: string): string => text.replaceAll('|', '\\|');
