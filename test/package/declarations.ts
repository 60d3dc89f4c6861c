// Reads the declaration files that tsc writes: which names a module exports, and how each is declared. Text in, text
// out, since TypeScript 7 has no JavaScript API. Relies on the form that tsc writes: every statement begins with a keyword in
// the first column.
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

export interface Declaration {
  readonly name: string;
  /** The file, relative to the folder of all declarations. */
  readonly file: string;
  /** The declaration without comments; of an overloaded function, all of them. */
  readonly text: string;
}

interface Module {
  /** Declared here: name → text. */
  readonly declared: ReadonlyMap<string, string>;
  /** Name that is visible here → where it comes from. */
  readonly imported: ReadonlyMap<string, Origin>;
  /** Name that is exported → where it comes from; undefined: from here. */
  readonly exported: ReadonlyMap<string, Origin | undefined>;
  /** Modules all of whose exports are exported. */
  readonly reexported: readonly string[];
}

interface Origin {
  readonly from: string;
  readonly name: string;
}

export class Declarations {
  readonly #folder: string;
  readonly #modules = new Map<string, Module>();

  /** All files of `folder`, as `tsc --outDir` wrote them. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** What a module exports, by name. */
  exportsOf(file: string): Map<string, Declaration> {
    const { exported, reexported } = this.#module(file);
    const found = new Map<string, Declaration>();
    for (const from of reexported) {
      for (const [name, declaration] of this.exportsOf(resolve(file, from))) {
        found.set(name, declaration);
      }
    }
    for (const [name, origin] of exported) {
      found.set(name, { ...this.#declarationOf(file, origin ?? { from: '', name }), name });
    }
    return found;
  }

  /** The declarations of this package that a declaration names, one level deep. */
  referencesOf({ file, text, name: itself }: Declaration): Declaration[] {
    const { declared, imported } = this.#module(file);
    const code = text.replace(/'[^'\n]*'|"[^"\n]*"/g, '');
    const names = new Set(code.match(/(?<![.\w$#])[A-Za-z_$][\w$]*/g) ?? []);
    return [...names].flatMap((name) => {
      const origin = imported.get(name) ?? (declared.has(name) ? { from: '', name } : undefined);
      if (name === itself || origin === undefined || isPackage(origin.from)) return [];
      return [this.#declarationOf(file, origin)];
    });
  }

  /** The declaration of a name that a module has from itself (`from` is empty) or from another one. */
  #declarationOf(file: string, { from, name }: Origin): Declaration {
    if (isPackage(from)) return { name, file, text: `export { ${name} } from '${from}';` };
    if (from === '') {
      const { declared, imported } = this.#module(file);
      const text = declared.get(name);
      if (text !== undefined) return { name, file, text };
      const origin = imported.get(name);
      if (origin !== undefined) return this.#declarationOf(file, origin);
    } else {
      const found = this.exportsOf(resolve(file, from)).get(name);
      if (found !== undefined) return found;
    }
    throw new Error(`${file}: expected a declaration of ${name}`);
  }

  #module(file: string): Module {
    const known = this.#modules.get(file);
    if (known !== undefined) return known;
    const module = parseModule(readFileSync(join(this.#folder, file), 'utf8'));
    this.#modules.set(file, module);
    return module;
  }
}

/** `from` as a module of `file` names it: `./x.ts` stands for `x.d.ts`. */
function resolve(file: string, from: string): string {
  return relative('.', join(dirname(file), from)).replace(/\.ts$/, '.d.ts');
}

function isPackage(from: string): boolean {
  return from !== '' && !from.startsWith('.');
}

function parseModule(text: string): Module {
  const declared = new Map<string, string>();
  const imported = new Map<string, Origin>();
  const exported = new Map<string, Origin | undefined>();
  const reexported: string[] = [];
  for (const statement of statementsOf(text)) {
    const all = /^export \* from ['"](.+)['"];/.exec(statement);
    const listed = /^(export|import) (?:type )?\{([^}]*)\}(?: from ['"](.+)['"])?;/.exec(statement);
    const single =
      /^(?:export )?(?:declare )?(?:abstract )?(?:class|interface|type|const|function) ([\w$]+)/;
    const name = single.exec(statement)?.[1];
    if (all?.[1] !== undefined) {
      reexported.push(all[1]);
    } else if (listed !== null) {
      const [, verb, names = '', from = ''] = listed;
      for (const [local, outer] of namesIn(names)) {
        if (verb === 'import') imported.set(outer, { from, name: local });
        else exported.set(outer, { from, name: local });
      }
    } else if (name !== undefined) {
      const before = declared.get(name);
      declared.set(name, before === undefined ? statement : `${before}\n${statement}`);
      if (statement.startsWith('export ')) exported.set(name, undefined);
    } else if (!/^import |^export \{\};/.test(statement)) {
      throw new Error(`expected a declaration, got ${JSON.stringify(statement)}`);
    }
  }
  return { declared, imported, exported, reexported };
}

/** `a, type b, c as d` → [a, a], [b, b], [c, d]. */
function namesIn(list: string): [local: string, outer: string][] {
  return list
    .split(',')
    .map((item) => item.trim().replace(/^type /, ''))
    .filter((item) => item !== '')
    .map((item) => {
      const [local = '', outer = local] = item.split(' as ');
      return [local, outer];
    });
}

/** A string, which is kept, or a comment with the spaces after it. */
const STRING_OR_COMMENT =
  /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|\/\*[^]*?\*\/[ \t]*|\/\/.*/g;

/** Without comments, blank lines, and the mark that tsc leaves of private fields. */
function statementsOf(text: string): string[] {
  const code = text
    .replace(STRING_OR_COMMENT, (_, string: string | undefined) => string ?? '')
    .replace(/ +;/g, ';')
    .replace(/[ \t]+$/gm, '')
    .replace(/^( *#private;)?\n/gm, '');
  return code
    .split(/^(?=(?:export|import|declare|abstract|class|interface|type|const|function) )/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}
