/** The declarations of an ES module beside this one, `index.js`, under the same names, as a CommonJS module may see them. */
export function renderCommonJsDeclarations(source: string): string {
  const mode = "with { 'resolution-mode': 'import' }";
  const lines = [...source.matchAll(/^export (type )?\{([^}]+)\} from/gm)].flatMap(
    ([, allTypes, names = '']) =>
      names
        .split(',')
        .map((each) => each.trim())
        .filter((each) => each !== '')
        .flatMap((each) => {
          const name = each.replace(/^type /, '');
          // With the parameters that a type may have.
          if (allTypes !== undefined || name !== each) {
            return `export type { ${name} } from './index.js' ${mode};`;
          }
          const from = `import('./index.js', { ${mode.replace('with', 'with:')} }).${name}`;
          const isFunction = /^[a-z]/.test(name);
          return [
            ...(isFunction ? [] : [`export type ${name} = ${from};`]),
            `export declare const ${name}: typeof ${from};`,
          ];
        }),
  );
  return `${lines.join('\n')}\n`;
}
