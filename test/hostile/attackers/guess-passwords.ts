// Guesses at one user name from one address: each connection makes guesses until it is closed, and is opened again.
// Prints one line of JSON with the replies by their codes, when all guesses are answered or the time is over.
import { connect as connectTcp } from 'node:net';
import { connect } from 'node:tls';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '465' },
    address: { type: 'string', default: '127.0.1.1' },
    username: { type: 'string', default: 'victim' },
    guesses: { type: 'string', default: '688' },
    connections: { type: 'string', default: '90' },
    seconds: { type: 'string', default: '30' },
    /** Said instead of a wrong one, in the middle. */
    right: { type: 'string', default: '' },
    /** `scram`: begins an exchange, and cancels it once the server has said its first message. */
    mechanism: { type: 'string', default: 'plain' },
  },
});
const [port, guesses, connections] = [values.port, values.guesses, values.connections].map(
  Number,
) as [number, number, number];
const { address, username, right, mechanism } = values;

const answers: Record<string, number> = {};
let begun = 0;
let answered = 0;

function guess(): string | undefined {
  if (begun >= guesses) return undefined;
  begun += 1;
  if (mechanism === 'scram') {
    return `AUTH SCRAM-SHA-256 ${Buffer.from(`n,,n=${username},r=nonce${begun}`).toString('base64')}`;
  }
  const password = right !== '' && begun === Math.floor(guesses / 2) ? right : `wrong-${begun}`;
  return `AUTH PLAIN ${Buffer.from(`\0${username}\0${password}`).toString('base64')}`;
}

function note(code: string): void {
  answers[code] = (answers[code] ?? 0) + 1;
  answered += 1;
  if (answered === guesses) finish();
}

function finish(): void {
  process.stdout.write(`${JSON.stringify(answers)}\n`, () => process.exit(0));
}

function attack(): void {
  if (begun >= guesses) return;
  const tcp = connectTcp({ port, host: '127.0.0.1', localAddress: address });
  tcp.on('error', () => undefined);
  const socket = connect({ socket: tcp, rejectUnauthorized: false });
  let state: 'greeting' | 'ehlo' | 'auth' | 'cancelled' = 'greeting';
  let text = '';
  const next = (): void => {
    const line = guess();
    state = 'auth';
    if (line === undefined) socket.end('QUIT\r\n');
    else socket.write(`${line}\r\n`);
  };
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
    for (let end = text.indexOf('\r\n'); end !== -1; end = text.indexOf('\r\n')) {
      const line = text.slice(0, end);
      text = text.slice(end + 2);
      if (line[3] === '-') continue;
      const code = line.slice(0, 3);
      if (state === 'greeting') {
        state = 'ehlo';
        socket.write('EHLO guess.example\r\n');
      } else if (state === 'ehlo' || state === 'cancelled') {
        next();
      } else {
        note(code);
        if (code === '334') {
          state = 'cancelled';
          socket.write('*\r\n');
        } else next();
      }
    }
  });
  socket.on('error', () => undefined);
  socket.on('close', () => setTimeout(attack, 20));
}

for (let index = 0; index < connections; index += 1) attack();
setTimeout(finish, Number(values.seconds) * 1000);
