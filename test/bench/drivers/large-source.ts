// Many senders at once, one large message each. Prints how many had which reply to it, as JSON.
import { connect, type Socket } from 'node:net';
import { largeMessage } from './large-message.ts';

const [port = '', senders = '1', octets = '1'] = process.argv.slice(2);
const message = largeMessage(Number(octets));
const wire = Buffer.concat([message, Buffer.from('.\r\n')]);
const replies: Record<string, number> = {};

/** Sends one mail; half of the senders say how large it is. Gives the code of the last reply, or the error's. */
async function send(index: number): Promise<string> {
  const socket = connect({ port: Number(port), host: '127.0.0.1' });
  const lines = readReplies(socket);
  const size = index % 2 === 0 ? ` SIZE=${message.length}` : '';
  const commands = ['EHLO c.example', `MAIL FROM:<a@c.example>${size}`, 'RCPT TO:<b@in.example>'];
  try {
    await next(lines);
    for (const command of [...commands, 'DATA']) {
      socket.write(`${command}\r\n`);
      const code = await next(lines);
      if (!/^[23]/.test(code)) return code;
    }
    socket.write(wire);
    return await next(lines);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'lost';
  } finally {
    socket.end('QUIT\r\n');
  }
}

async function* readReplies(socket: Socket): AsyncGenerator<string, undefined> {
  let text = '';
  for await (const chunk of socket) {
    text += String(chunk);
    for (let end = text.indexOf('\r\n'); end !== -1; end = text.indexOf('\r\n')) {
      const line = text.slice(0, end);
      text = text.slice(end + 2);
      if (line[3] === ' ') yield line.slice(0, 3);
    }
  }
  return undefined;
}

async function next(lines: AsyncGenerator<string, undefined>): Promise<string> {
  const { value } = await lines.next();
  return value ?? 'lost';
}

await Promise.all(
  Array.from({ length: Number(senders) }, async (_, index) => {
    const code = await send(index);
    replies[code] = (replies[code] ?? 0) + 1;
  }),
);
console.log(JSON.stringify(replies));
process.exit(0);
