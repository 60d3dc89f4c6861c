// Reads the members of an interface or a class from the source, with their comments: text in, since TypeScript 7 has no
// JavaScript API. Relies on the form that the formatter gives: members are indented by two spaces, and comments stand before them.

export interface Member {
  readonly name: string;
  /** On one line. Of a method: its parameters and its result. */
  readonly type: string;
  readonly isOptional: boolean;
  /** The comment up to its first blank line or tag, on one line; empty where there is none. */
  readonly doc: string;
  /** Of an object type that is written in place. */
  readonly members: readonly Member[];
}

const START = /^(?:readonly |get |async )?(\w+)(\?)?(:|\()/;
const DOC = /^\/\*\*([^]*?)\*\/\n?/;

/** The members of `interface` or `class` `name`, in their order, without private and internal ones. */
export function membersOf(source: string, name: string): Member[] {
  const head = new RegExp(`^export (?:interface|class) ${name}\\b[^{;]*(?:\\n[^{;]*)*\\{\\n`, 'm');
  const found = head.exec(source);
  if (found === null) throw new Error(`expected an interface or a class ${name}`);
  const from = found.index + found[0].length;
  const body = source.slice(from, source.indexOf('\n}\n', from - 1) + 1);
  const members = readMembers(body);
  if (members.length === 0) throw new Error(`${name}: expected members`);
  return members;
}

function readMembers(body: string): Member[] {
  return statementsOf(body.replace(/^ {2}/gm, '')).flatMap((statement) => {
    const comment = DOC.exec(statement)?.[1] ?? '';
    const code = statement.replace(DOC, '').trim();
    const [, name = '', optional, follows] = START.exec(code) ?? [];
    if (name === '' || name === 'constructor' || comment.includes('@internal')) return [];
    const rest = code.slice(code.indexOf(follows ?? '') + (follows === ':' ? 1 : 0));
    const type = (follows === '(' ? signatureOf(rest, code.startsWith('get ')) : rest)
      .trim()
      .replace(/;$/, '');
    const inner = /^\{\n([^]*)\n\}$/.exec(type)?.[1];
    return [
      {
        name,
        isOptional: optional === '?',
        doc: firstParagraphOf(comment),
        type: (inner === undefined ? type : 'object').replace(/\s+/g, ' ').replace(/^\| /, ''),
        members: inner === undefined ? [] : readMembers(`${inner}\n`),
      },
    ];
  });
}

/** Cuts where a line in the first column begins after a comment, a `;` or a `}`. */
function statementsOf(body: string): string[] {
  const statements: string[] = [];
  let current = '';
  for (const line of body.split('\n')) {
    current += `${line}\n`;
    if (/^\S.*[;}]$|^[;}]/.test(line) && !/^(\/\*\*|\*)/.test(line)) {
      statements.push(current.trim());
      current = '';
    }
  }
  return statements;
}

/** `(a: B = c): T {…}` → `(a?: B) => T`; of a getter its result alone. */
function signatureOf(code: string, isGetter: boolean): string {
  const [, parameters = '', result = ''] =
    /^\(([^]*?),?\s*\): ([^]*?)(?: \{\n[^]*| \{.*\}|;)$/.exec(code) ?? [];
  const clean = parameters
    .replace(/^\s*this: void,\s*/, '')
    .replace(/(\w+): ([^=,]+?) = [^,]+/g, '$1?: $2')
    .trim();
  return isGetter ? result : `(${clean}) => ${result}`;
}

function firstParagraphOf(comment: string): string {
  const text = comment.replace(/^[ \t]*\* ?/gm, '').trim();
  return (text.split(/\n\s*\n|\n@/)[0] ?? '').replace(/\s+/g, ' ').trim();
}
