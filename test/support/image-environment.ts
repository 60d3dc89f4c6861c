import { readFileSync } from 'node:fs';

const DOCKERFILE = new URL('../../Dockerfile', import.meta.url);

/** The environment variables that the container image sets: tests of memory run the program as the image does. */
export function imageEnvironment(): Readonly<Record<string, string>> {
  const lines = readFileSync(DOCKERFILE, 'utf8').matchAll(/^ENV ([A-Z_]+)=(\S+)$/gm);
  const variables = [...lines].map(([, name = '', value = '']) => [name, value]);
  if (variables.length === 0) throw new Error('expected ENV lines in the Dockerfile, found none');
  return Object.fromEntries(variables) as Record<string, string>;
}
