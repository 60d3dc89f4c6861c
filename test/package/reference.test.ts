import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { makeHooks } from '../../src/server/hooks.ts';
import { membersOf } from './members.ts';
import { REFERENCE_PAGE, renderReferencePage, splitDefault } from './reference-page.ts';

const page = readFileSync(REFERENCE_PAGE, 'utf8');

/** The rows of all tables of a section, as their cells. */
function rowsUnder(heading: string): string[][] {
  const section = page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .slice(2, -2)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    );
}

test('src/REFERENCE.md is as the source has it; `node test/package/write-reference.ts` writes it', () => {
  expect(page).toBe(renderReferencePage());
});

test.each([
  'Options of the server',
  'Options of a listener',
  'Extensions',
  'Limits',
  'Options of `close`',
  'What hooks are called with',
  'The mail',
  'The server',
])('every row under "%s" has a type and a meaning', (heading) => {
  const rows = rowsUnder(heading);
  expect(rows.length).toBeGreaterThan(2);
  for (const row of rows) {
    expect(row[1], row[0]).not.toBe('``');
    expect(row.at(-1), row[0]).not.toBe('');
  }
});

test('the table of hooks has every hook', () => {
  const hooks = rowsUnder('The hooks').map(([name = '']) => name.replaceAll('`', ''));
  expect(hooks.toSorted()).toEqual(Object.keys(makeHooks()).toSorted());
});

test('the picture has every hook', () => {
  const picture = /^```mermaid\n([^]*?)^```$/m.exec(page)?.[1] ?? '';
  for (const hook of Object.keys(makeHooks()))
    expect(picture).toMatch(new RegExp(`> ?.*${hook}$`, 'm'));
});

describe('the reader of members', () => {
  test('gives name, type, comment and members', () => {
    const source = `
export interface Other {
  readonly no: string;
}

/** Some. */
export interface Some<T = Other> {
  /** One. */
  readonly one: string;
  /**
   * Two, on
   * two lines.
   *
   * Not this.
   */
  readonly two?: 'a' | 'b';
  readonly three?: {
    /** Four. */
    readonly four: number;
  };
  readonly five: (a: T) => void;
}
`;
    const none = { isOptional: false, doc: '', members: [] };
    expect(membersOf(source, 'Some')).toEqual([
      { ...none, name: 'one', type: 'string', doc: 'One.' },
      { ...none, name: 'two', type: "'a' | 'b'", isOptional: true, doc: 'Two, on two lines.' },
      {
        ...none,
        name: 'three',
        type: 'object',
        isOptional: true,
        members: [{ ...none, name: 'four', type: 'number', doc: 'Four.' }],
      },
      { ...none, name: 'five', type: '(a: T) => void' },
    ]);
  });

  test('of a class gives what is public', () => {
    const source = `
export class Some extends Other {
  readonly #secret: string;
  /** One. */
  readonly one: string;

  /** @internal */
  constructor(one: string) {
    super();
    this.one = one;
  }

  /** Two. */
  get two(): string {
    return this.#secret;
  }

  /**
   * Three.
   *
   * @example
   * some.three(1);
   */
  async three(this: void, a: number, b: string = 'x'): Promise<void> {
    await a;
  }

  four(
    a: number,
    b?: string,
  ): this {
    return this;
  }

  /** @internal Five. */
  five(): void {}

  #six(): void {}
}
`;
    const none = { isOptional: false, doc: '', members: [] };
    expect(membersOf(source, 'Some')).toEqual([
      { ...none, name: 'one', type: 'string', doc: 'One.' },
      { ...none, name: 'two', type: 'string', doc: 'Two.' },
      { ...none, name: 'three', type: '(a: number, b?: string) => Promise<void>', doc: 'Three.' },
      { ...none, name: 'four', type: '(a: number, b?: string) => this' },
    ]);
  });

  test('says what it does not find', () => {
    expect(() => membersOf('export interface A {\n}\n', 'B')).toThrow('expected an interface');
    expect(() => membersOf('export interface A {\n}\n', 'A')).toThrow('expected members');
  });
});

test.each([
  ['What. Default true.', '`true`', 'What.'],
  ['What. Default `none`.', '`none`', 'What.'],
  ['Default: one of 127.0.0.1. What.', 'one of 127.0.0.1', 'What.'],
  ['What. Default: `a.b` of it, else 40,000.', '`a.b` of it, else 40,000', 'What.'],
  ['`one` (the default): what. `two`: that.', '`one`', '`one` (the default): what. `two`: that.'],
  ['What.', undefined, 'What.'],
])('the default in "%s" is %s', (doc, value, rest) => {
  expect(splitDefault(doc)).toEqual({ value, rest });
});
