// Loaded in front of `mailsluice local`: the program as it would be if it had no page.
import { registerHooks } from 'node:module';

const NO_PAGE = `data:text/javascript,${encodeURIComponent(`
  export const startPage = async () => ({
    url: 'none',
    onHandlerEvent: () => undefined,
    open: () => undefined,
    announced: () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  });`)}`;

registerHooks({
  resolve: (specifier, context, next) =>
    specifier.endsWith('/page/start-page.ts')
      ? { url: NO_PAGE, shortCircuit: true }
      : next(specifier, context),
});
