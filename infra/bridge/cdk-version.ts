import { createRequire } from 'node:module';

/** The oldest aws-cdk-lib that has all that the construct uses. */
const OLDEST = [2, 250] as const;

/** What is wrong with the app's aws-cdk-lib. The peer range is wider, so that the library installs beside any of them. */
export function cdkVersionProblem(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return undefined;
  return `aws-cdk-lib: expected version ${OLDEST.join('.')} or later, got ${version}; run "npm install aws-cdk-lib@2"`;
}

/** The version of the app's aws-cdk-lib. */
export function cdkVersion(): string {
  const require = createRequire(import.meta.url);
  return (require('aws-cdk-lib/package.json') as { readonly version: string }).version;
}
