// Servers that are no scanners, or hostile ones: TCP on loopback, with what a test says.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface FakeServer extends AsyncDisposable {
  readonly port: number;
  /** All that were ever accepted. */
  readonly accepted: readonly Socket[];
  readonly open: () => number;
  readonly mostOpen: () => number;
}

export async function startFake(onSocket: (socket: Socket) => void): Promise<FakeServer> {
  const accepted: Socket[] = [];
  const open = new Set<Socket>();
  let most = 0;
  const server = createServer((socket) => {
    accepted.push(socket);
    open.add(socket);
    most = Math.max(most, open.size);
    socket.on('close', () => open.delete(socket)).on('error', () => {});
    onSocket(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    accepted,
    open: () => open.size,
    mostOpen: () => most,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** An HTTP server that reads whole requests with a Content-Length; `answer` gets each as text. */
export function startHttp(answer: (socket: Socket, request: string) => void): Promise<FakeServer> {
  return startFake((socket) => {
    let got = '';
    socket.on('data', (chunk: Buffer) => {
      got += chunk.toString('latin1');
      for (;;) {
        const end = got.indexOf('\r\n\r\n');
        const length = Number(/\r\ncontent-length: (\d+)/i.exec(got)?.[1] ?? 0);
        if (end === -1 || got.length < end + 4 + length) return;
        answer(socket, got.slice(0, end + 4 + length));
        got = got.slice(end + 4 + length);
      }
    });
  });
}

export function httpAnswer(body: string, status = '200 OK', more = ''): string {
  return `HTTP/1.1 ${status}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${more}\r\n${body}`;
}

/** A server that reads INSTREAM to its end; `answer` gets the content. */
export function startInstream(
  answer: (socket: Socket, content: Buffer) => void,
): Promise<FakeServer> {
  return startFake((socket) => {
    let got = Buffer.alloc(0);
    let isCommandRead = false;
    const content: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => {
      got = Buffer.concat([got, chunk]);
      if (!isCommandRead) {
        if (got.length < 10) return;
        if (got.toString('latin1', 0, 10) !== 'zINSTREAM\0') throw new Error('expected zINSTREAM');
        isCommandRead = true;
        got = got.subarray(10);
      }
      while (got.length >= 4 && got.length >= 4 + got.readUInt32BE()) {
        const length = got.readUInt32BE();
        if (length === 0) {
          answer(socket, Buffer.concat(content));
          return;
        }
        content.push(got.subarray(4, 4 + length));
        got = got.subarray(4 + length);
      }
    });
  });
}
