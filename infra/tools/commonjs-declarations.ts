/** The declarations of an ES module beside this one, `index.js`, under the same names, as a CommonJS module may see them. */
export function renderCommonJsDeclarations(source: string): string {
  const from = "import('./index.js', { with: { 'resolution-mode': 'import' } })";
  const lines = [...source.matchAll(/^export (type )?\{([^}]+)\} from/gm)].flatMap(
    ([, allTypes, names = '']) =>
      names
        .split(',')
        .map((each) => each.trim())
        .filter((each) => each !== '')
        .flatMap((each) => {
          const name = each.replace(/^type /, '');
          const isType = allTypes !== undefined || name !== each;
          const isFunction = /^[a-z]/.test(name);
          return [
            ...(isFunction ? [] : [`export type ${name} = ${from}.${name};`]),
            ...(isType ? [] : [`export declare const ${name}: typeof ${from}.${name};`]),
          ];
        }),
  );
  return `${lines.join('\n')}\n`;
}
