// Lines of `credentials export`, or of a password file: `name:$argon2id$…`, `name:$scrypt$…`.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Command } from 'commander';
import {
  type Credential,
  CredentialNameError,
  canonicalUsername,
  makeCredential,
  makeSecret,
  parseVerifier,
} from '../../credentials/index.ts';
import type { CredentialsCliContext } from './context.ts';
import { parseCredential } from './exported-credential.ts';
import { fail, type TableOptions, withTable, withTableOptions } from './run.ts';

interface ImportOptions extends TableOptions {
  readonly replace?: true;
  readonly dryRun?: true;
}

/** One line that cannot be taken. */
interface Refusal {
  readonly line: number;
  readonly reason: string;
}

export function importCommand(context: CredentialsCliContext): Command {
  const command = withTableOptions(new Command('import'))
    .description('add credentials from a file: lines of "credentials export", or name:hash')
    .argument('<file>', 'the file; - is standard input')
    .option('--replace', 'write over credentials of the same names')
    .option('--dry-run', 'only say what is wrong with the file')
    .action(async (file: string, options: ImportOptions) => {
      const { credentials, refusals } = await readFile(context, command, file);
      if (refusals.length > 0) {
        for (const { line, reason } of refusals) {
          context.stderr.write(`${file}:${line}: ${reason}\n`);
        }
        fail(command, 1, `nothing was imported: ${refusals.length} lines cannot be taken`);
      }
      if (options.dryRun) {
        report(context, options, credentials.length, [], 'would be imported');
        return;
      }
      await withTable(context, command, options, async (administration) => {
        const taken: string[] = [];
        let imported = 0;
        for (const credential of credentials) {
          try {
            if (options.replace) await administration.replace(credential);
            else await administration.put(credential);
            imported++;
          } catch (error) {
            if (!(error instanceof CredentialNameError)) throw error;
            taken.push(credential.username);
          }
        }
        report(context, options, imported, taken, 'imported');
        if (credentials.some(({ secrets }) => secrets.some(({ kind }) => kind === 'imported'))) {
          context.stderr.write(
            'Imported hashes sign in by PLAIN and LOGIN; SCRAM works after "credentials rotate".\n',
          );
        }
        if (taken.length > 0) {
          fail(
            command,
            1,
            `already there, and left as they are (see --replace): ${taken.join(', ')}`,
          );
        }
      });
    });
  return command;
}

function report(
  { stdout }: CredentialsCliContext,
  { json }: ImportOptions,
  imported: number,
  taken: readonly string[],
  done: string,
): void {
  stdout.write(json ? `${JSON.stringify({ imported, taken })}\n` : `${imported} ${done}\n`);
}

async function readFile(
  { stdin }: CredentialsCliContext,
  command: Command,
  file: string,
): Promise<{ readonly credentials: Credential[]; readonly refusals: Refusal[] }> {
  const credentials: Credential[] = [];
  const refusals: Refusal[] = [];
  const names = new Set<string>();
  let line = 0;
  try {
    const input = file === '-' ? stdin : createReadStream(file);
    for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      line++;
      if (text.trim() === '' || text.startsWith('#')) continue;
      const credential = text.startsWith('{') ? parseCredential(text) : await parseEntry(text);
      if (typeof credential === 'string') refusals.push({ line, reason: credential });
      else if (names.has(credential.username)) {
        refusals.push({ line, reason: `the user name "${credential.username}" comes twice` });
      } else {
        names.add(credential.username);
        credentials.push(credential);
      }
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    fail(command, 1, `${file}: cannot be read (${code ?? 'unknown'})`);
  }
  return { credentials, refusals };
}

/** `name:hash`, as in an Apache password file; what follows a further colon (as in Dovecot's) is left out. */
async function parseEntry(text: string): Promise<Credential | string> {
  const [name = '', hash] = text.split(':');
  if (hash === undefined) return 'expected name:hash, or a line of "credentials export"';
  const username = canonicalUsername(name);
  if (username === undefined) return 'the user name: expected 1 to 255 octets that SASLprep allows';
  const verifier = parseVerifier(hash.replace(/^\{[A-Z0-9-]+\}/i, ''));
  if (typeof verifier === 'string') return `${username}: ${verifier}`;
  const now = new Date();
  return makeCredential(username, await makeSecret({ kind: 'imported', verifier }, now), now);
}
