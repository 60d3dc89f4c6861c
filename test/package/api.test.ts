import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { API_PAGE, renderApiPage } from './api-page.ts';
import { Declarations } from './declarations.ts';

test('src/API.md has the public API as it is; `node test/package/write-api.ts` writes it', {
  timeout: 120_000,
}, async () => {
  expect(readFileSync(API_PAGE, 'utf8')).toBe(await renderApiPage());
});

describe('the reader of declaration files', () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });

  function declarations(files: Readonly<Record<string, string>>): Declarations {
    const folder = mkdtempSync(join(tmpdir(), 'declarations-'));
    folders.push(folder);
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    return new Declarations(folder);
  }

  function exportsOf(files: Readonly<Record<string, string>>): Record<string, string> {
    const exported = declarations(files).exportsOf('index.d.ts');
    return Object.fromEntries([...exported].map(([name, { text }]) => [name, text]));
  }

  test('follows lists, stars and other names to where a name is declared', () => {
    const found = exportsOf({
      'index.d.ts': `export * from './a/index.ts';\nexport { type B as C } from './b.ts';\nexport type { Z } from 'zod';\n`,
      'a/index.d.ts': `import { B } from '../b.ts';\nexport { B };\nexport declare const a: B;\n`,
      'b.d.ts': 'export interface B {\n    readonly b: string;\n}\ninterface Hidden {\n}\n',
    });
    expect(found).toEqual({
      a: 'export declare const a: B;',
      B: 'export interface B {\n    readonly b: string;\n}',
      C: 'export interface B {\n    readonly b: string;\n}',
      Z: "export { Z } from 'zod';",
    });
  });

  test('keeps overloads together, and leaves out comments and the mark of private fields', () => {
    const found = exportsOf({
      'index.d.ts': `/** One. */\nexport declare function f(a: string): void;\nexport declare function f(a: number): void;
export type T = {
    readonly kind: 'a' /** Why. */;
} /** Two
 * lines. */ | {
    readonly kind: '/* no comment */';
};
export declare class C {
    #private;
    constructor();
}
`,
    });
    expect(found).toEqual({
      f: 'export declare function f(a: string): void;\nexport declare function f(a: number): void;',
      T: "export type T = {\n    readonly kind: 'a';\n} | {\n    readonly kind: '/* no comment */';\n};",
      C: 'export declare class C {\n    constructor();\n}',
    });
  });

  test('names the declarations of the package that a declaration refers to, one level deep', () => {
    const files = declarations({
      'index.d.ts': `import { B } from './b.ts';\nimport { z } from 'zod';\ninterface A {\n}\nexport declare const a: A | B | z.C | 'D';\n`,
      'b.d.ts': `import { E } from './e.ts';\nexport type B = E;\n`,
      'e.d.ts': 'export type E = 1;\n',
    });
    const [a] = files.exportsOf('index.d.ts').values();
    if (a === undefined) throw new Error('expected an export');
    expect(files.referencesOf(a).map(({ name }) => name)).toEqual(['A', 'B']);
  });
});
