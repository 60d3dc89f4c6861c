#!/usr/bin/env node
// The command `mailsluice`. Looks at Node.js before anything else is loaded, so that an old one gets a
// sentence instead of a syntax error from deep inside.

/** `crypto.argon2` is in Node.js from 24.7 on. */
const REQUIRED = [24, 7] as const;
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < REQUIRED[0] || (major === REQUIRED[0] && minor < REQUIRED[1])) {
  process.stderr.write(
    `mailsluice: needs Node.js ${REQUIRED.join('.')} or later, and this is ${process.versions.node}; install Node.js 24 or run it by "npm start"\n`,
  );
  process.exitCode = 1;
} else {
  const { run } = await import('./run.ts');
  const exitCode = await run(process.argv.slice(2));
  process.exitCode = exitCode;
  // What was cut short must not hold the process.
  if (exitCode !== 0) process.exit();
}
