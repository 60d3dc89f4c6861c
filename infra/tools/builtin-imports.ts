import { builtinModules } from 'node:module';
import type { Plugin } from 'esbuild';

const BUILTINS: ReadonlySet<string> = new Set(builtinModules);

/**
 * In an ES module that bundles CommonJS packages, esbuild turns their `require('stream')` into a call that throws
 * `Dynamic require of "stream" is not supported`, since an ES module has no `require`. This plugin gives each built-in
 * module that is required a module of one static import, so that the bundle needs no `require`, and can be bundled again.
 */
export const builtinImports: Plugin = {
  name: 'builtin-imports',
  setup(build) {
    build.onResolve({ filter: /^(node:)?[a-z_/]+$/ }, ({ path, kind }) => {
      const name = path.replace(/^node:/, '');
      if (kind !== 'require-call' || !BUILTINS.has(name)) return undefined;
      return { path: name, namespace: 'builtin' };
    });
    build.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      // Both forms in one module: esbuild hoists the import and keeps the module CommonJS.
      contents: `import builtin from 'node:${path}'; module.exports = builtin;`,
      loader: 'js',
    }));
  },
};
