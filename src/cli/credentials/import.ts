// Lines of `credentials export`, or of a password file: `name:$argon2id$…`, `name:$scrypt$…`.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Command } from 'commander';
import { OperatorError } from '../../app/operator-error.ts';
import {
  type Credential,
  CredentialNameError,
  canonicalUsername,
  makeCredential,
  makeSecret,
  parseVerifier,
} from '../../credentials/index.ts';
import type { CliContext } from '../frame/context.ts';
import { parseCredential } from './exported-credential.ts';
import { type TableOptions, withTableOptions } from '../frame/options.ts';
import { withTable } from '../frame/with-target.ts';
import { printable, printableJson } from '../../app/printable.ts';

interface ImportOptions extends TableOptions {
  readonly replace?: true;
  readonly dryRun?: true;
}

/** One line that is not valid. */
interface Refusal {
  readonly line: number;
  readonly reason: string;
}

export function importCommand(context: CliContext): Command {
  return withTableOptions(new Command('import'))
    .description('add credentials from a file: lines of "credentials export", or name:hash')
    .argument('<file>', 'the file; - is standard input')
    .option('--replace', 'overwrite credentials of the same name')
    .option('--dry-run', 'only check the file')
    .action(async (file: string, options: ImportOptions) => {
      const { credentials, refusals } = await readFile(context, file);
      if (refusals.length > 0) {
        for (const { line, reason } of refusals) {
          context.stderr.write(`${file}:${line}: ${printable(reason)}\n`);
        }
        throw new OperatorError(
          `nothing was imported: ${refusals.length} ${refusals.length === 1 ? 'line is' : 'lines are'} not valid`,
        );
      }
      if (options.dryRun) {
        report(context, options, credentials.length, [], 'would be imported');
        return;
      }
      await withTable(context, options, async (administration) => {
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
            'Imported hashes work with PLAIN and LOGIN; SCRAM works after "credentials rotate".\n',
          );
        }
        if (taken.length > 0) {
          throw new OperatorError(
            `already exist and were not changed (see --replace): ${taken.join(', ')}`,
          );
        }
      });
    });
}

function report(
  { stdout }: CliContext,
  { json }: ImportOptions,
  imported: number,
  taken: readonly string[],
  done: string,
): void {
  stdout.write(json ? `${printableJson({ imported, taken })}\n` : `${imported} ${done}\n`);
}

async function readFile(
  { stdin }: CliContext,
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
        refusals.push({ line, reason: `the user name "${credential.username}" appears twice` });
      } else {
        names.add(credential.username);
        credentials.push(credential);
      }
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new OperatorError(`${file}: cannot be read (${code ?? 'unknown'})`, { cause: error });
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
