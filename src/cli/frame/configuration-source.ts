import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { OperatorError, UsageError } from '../../app/operator-error.ts';

/** The configuration document, not yet validated. */
export interface ConfigurationSource {
  readonly document: unknown;
  /** Paths in the document are relative to this folder: the file's, or the working directory. */
  readonly folder: string;
  /** The name of the document in messages. */
  readonly name: string;
}

/**
 * Reads the document from `--config`, else from `MAILSLUICE_CONFIG`; either is a path or the JSON itself
 * (distinguished by the first character). `undefined`: neither was given.
 * @throws OperatorError where the file cannot be read; UsageError where it is not JSON.
 */
export async function readConfigurationSource(
  option: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<ConfigurationSource | undefined> {
  const given = option ?? environment['MAILSLUICE_CONFIG'];
  if (given === undefined || given.trim() === '') return undefined;
  const origin = option === undefined ? 'MAILSLUICE_CONFIG' : '--config';
  if (/^\s*[{[]/.test(given)) {
    return { document: parseJson(given, origin), folder: process.cwd(), name: origin };
  }
  let text: string;
  try {
    text = await readFile(given, 'utf8');
  } catch (error) {
    throw new OperatorError(
      `${origin}: expected a readable file or a JSON document, got "${given}" (${(error as NodeJS.ErrnoException).code ?? 'unreadable'})`,
    );
  }
  return { document: parseJson(text, given), folder: dirname(resolve(given)), name: given };
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // The parser quotes what it stumbled over, which may be a key or a password: only the position is shown.
    const position = /position (\d+)/.exec((error as Error).message)?.[1];
    const at = position === undefined ? '' : ` at ${lineAndColumn(text, Number(position))}`;
    throw new UsageError(`${name}: expected a JSON document, got something else${at}`);
  }
}

function lineAndColumn(text: string, position: number): string {
  const lines = text.slice(0, position).split('\n');
  return `line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`;
}
