// One line for each way in which a file or standard output cannot be written.
import { OperatorError } from '../../app/operator-error.ts';

const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EDQUOT: 'the disk quota is used up',
  EEXIST: 'expected a file that does not exist',
  EFBIG: 'the file would be too large for this file system',
  EIO: 'the device reports an error',
  EISDIR: 'it is a folder',
  EMFILE: 'too many files are open; raise ulimit -n',
  ENAMETOOLONG: 'the name is too long',
  ENOENT: 'no such folder',
  ENOSPC: 'no space is left on the device',
  ENOTDIR: 'a part of the path is not a folder',
  EPERM: 'permission denied',
  EPIPE: 'its reader closed it before the end',
  EROFS: 'the file system is read-only',
};

/** The error for the operator; `undefined` where the error does not come from writing to `target`, as `--output "x.eml"`. */
export function writeError(error: unknown, target: string): OperatorError | undefined {
  // What the SDK throws of its connections has the field.
  if (!(error instanceof Error) || !('code' in error) || '$metadata' in error) return undefined;
  const words = typeof error.code === 'string' ? WORDS[error.code] : undefined;
  if (words === undefined) return undefined;
  return new OperatorError(`cannot write ${target}: ${words} (${String(error.code)})`, {
    cause: error,
  });
}

/** Runs what writes to `target`, and explains why it cannot be written. */
export async function writing<T>(target: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw writeError(error, target) ?? error;
  }
}
