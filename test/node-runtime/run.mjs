// `node test/node-runtime/run.mjs FILE …`: runs a TypeScript file of this project on a Node.js that can.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { requireRuntime } from './runtime.mjs';

const node = requireRuntime(fileURLToPath(new URL('../..', import.meta.url)));
const program = spawn(node, process.argv.slice(2), { stdio: 'inherit' });
// A terminal's Ctrl-C reaches the whole process group; this parent only waits for the program's own end.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => program.kill('SIGTERM'));
program.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 130)));
