// Where a listener listens: a port, or a Unix socket.
import { lstat, unlink } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { codeOf, ListenError, messageOf } from './errors.ts';
import type { ResolvedListener } from './resolve-options.ts';

export async function listenOn(
  server: Server,
  { host, port, path }: ResolvedListener,
): Promise<void> {
  if (path === undefined) {
    await listening(server, { ...(host !== undefined && { host }), port });
    return;
  }
  try {
    await listening(server, { path });
  } catch (error) {
    if (codeOf(error) !== 'EADDRINUSE' || !(await isAbandoned(path))) throw error;
    await unlink(path);
    await listening(server, { path });
  }
}

async function listening(
  server: Server,
  where: { host?: string; port?: number | undefined; path?: string },
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Whether it is a socket on which nobody listens: the process that made it died without removing it. */
async function isAbandoned(path: string): Promise<boolean> {
  // A file of another kind refuses connections too.
  if (!(await lstat(path)).isSocket()) return false;
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error) => resolve(codeOf(error) === 'ECONNREFUSED'));
  });
}

export function toListenError(
  { name, host, port, path }: ResolvedListener,
  cause: unknown,
): ListenError {
  const systemCode = codeOf(cause);
  const where = path ?? `${host === undefined ? 'port ' : `${host}:`}${port}`;
  const found: Record<string, string> = {
    EADDRINUSE: 'one that another program listens on',
    // Node.js gives it for a folder that does not exist too.
    EACCES:
      path === undefined
        ? 'one that needs privileges which this process does not have'
        : 'a path in a folder that does not exist or may not be written',
    EADDRNOTAVAIL: 'an address that is not of this machine',
    ENOTFOUND: 'a name that does not resolve',
    EINVAL: 'a path that is too long for a Unix socket',
  };
  return new ListenError(
    `listener ${name}: expected a free address, got ${where}, ${found[systemCode] ?? messageOf(cause)}`,
    { listener: name, systemCode, cause },
  );
}
