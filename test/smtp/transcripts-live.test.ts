// The same conversations as in transcripts.test.ts, over real sockets and real TLS with a real listener.
import { EventEmitter, once } from 'node:events';
import { type Socket, connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { expect, test } from 'vitest';
import type { ServerOptions, SmtpServer } from '../../src/server/index.ts';
import type { Answer, MessageWriter, Question, Reply } from '../../src/smtp/index.ts';
import { makeCertificate } from '../support/certificates.ts';
import { usualOptions } from '../support/session.ts';
import { startServer } from '../support/smtp-server.ts';
import {
  type ScriptedAnswer,
  type Step,
  type Transcript,
  readTranscripts,
} from '../support/transcript.ts';

/** What a listener cannot be made to do from outside, with the reason. */
const notLive: ReadonlyMap<string, string> = new Map([
  ['policy.smtp', 'a hook cannot refuse with 2yz'],
  ['auth-login.smtp', 'a hook cannot refuse with 2yz'],
  ['extensions.smtp', 'under real TLS SCRAM-SHA-256-PLUS works, too'],
]);

function isLive({ name, steps, options }: Transcript): boolean {
  // When a session expires or drains is the server's to say; limits of none are not for sale.
  const isOurs = steps.some(
    ({ event }) => event !== null && event !== 'begin' && event !== 'secured',
  );
  return !notLive.has(name) && !isOurs && options.maxErrors !== 0 && options.maxRecipients !== 0;
}

const ACCEPTED: Reply = { code: 250, status: '0.0', text: 'Message accepted' };

/** What happened at the server and at the client so far, in one step; `changed` at each addition. */
class Scene extends EventEmitter<{ changed: [] }> {
  text = '';
  message = '';
  outputs: string[] = [];
  answers: ScriptedAnswer[] = [];

  begin(step: Step): void {
    this.text = this.message = '';
    this.outputs = [];
    this.answers = [...step.answers];
  }

  change(add: () => void): void {
    add();
    this.emit('changed');
  }

  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await once(this, 'changed');
  }

  answer(kind: Question['kind'], subject: string): Answer {
    const at = this.answers.findIndex(
      (each) => each.kind === kind && (each.subject === '' || each.subject === subject),
    );
    return at === -1
      ? { kind: 'accept' }
      : (this.answers.splice(at, 1)[0]?.answer ?? { kind: 'accept' });
  }

  /** The same, as a hook says it. */
  reply(kind: Question['kind'], subject: string): Reply | undefined {
    const answer = this.answer(kind, subject);
    return answer.kind === 'each' ? undefined : answer.reply;
  }

  writer(): MessageWriter {
    let octets = 0;
    return {
      write: (span) => {
        octets += span.length;
        this.change(() => (this.message += span.toString('latin1')));
        return true;
      },
      commit: () => {
        const answer = this.answer('message', String(octets));
        return answer.kind === 'each' ? answer.replies : (answer.reply ?? ACCEPTED);
      },
      discard: (cause) => this.change(() => this.outputs.push(`discard-message ${cause}`)),
    };
  }
}

function prepare(server: SmtpServer, scene: Scene, refusal: Reply | undefined): void {
  server.onConnect(() => refusal);
  server.onHelo((clientDomain) => scene.reply('helo', clientDomain));
  server.onSender((path) => scene.reply('reverse-path', path?.address ?? '<>'));
  server.onRecipient((path) => scene.reply('forward-path', path.address));
  server.onSignIn((attempt) => {
    const username = 'username' in attempt ? attempt.username : '';
    return scene.reply('sign-in', username) ?? true;
  });
}

const certificate = await makeCertificate({ names: ['mx.example'] });

async function start(transcript: Transcript, scene: Scene): Promise<number> {
  const options = { ...usualOptions, ...transcript.options };
  const { tls, auth, maxRecipientDomains, mtPriority, deliverBy, futureRelease } = options;
  const serverOptions: ServerOptions = {
    hostname: options.hostname,
    tls: { certificates: [certificate] },
    limits: {
      maxMessageSize: options.maxMessageSize,
      maxRecipients: options.maxRecipients,
      maxMessages: options.maxMessages,
      maxErrors: options.maxErrors,
      maxSignInFailures: options.maxSignInFailures,
      ...(maxRecipientDomains !== undefined && { maxRecipientDomains }),
    },
    openMessage: () => {
      const reply = scene.reply('open-message', '');
      return reply ? { kind: 'refuse', reply } : { kind: 'accept', writer: scene.writer() };
    },
    listeners: [
      {
        name: 'mx',
        host: '127.0.0.1',
        port: 0,
        tls,
        auth,
        protocol: options.protocol,
        requireTls: options.requireTls,
        allowInsecureAuth: options.allowInsecureAuth || (auth !== 'none' && tls === 'none'),
        mechanisms: options.mechanisms,
        bareNewline: options.bareNewline,
        smtpUtf8: options.smtpUtf8,
        extensions: {
          chunking: options.chunking ?? true,
          dsn: options.dsn ?? true,
          requireTls: options.requireTlsExtension ?? true,
          limits: options.limits ?? true,
          ...(mtPriority !== undefined && { mtPriority }),
          ...(deliverBy !== undefined && { deliverBy }),
          ...(futureRelease !== undefined && { futureRelease }),
        },
        trustedXclients: transcript.isXclientTrusted ? ['127.0.0.0/8'] : [],
      },
    ],
  };
  const { port } = await startServer(serverOptions, (server) => {
    prepare(server, scene, transcript.refusal);
  });
  return port;
}

function secure(socket: Socket): Promise<Socket> {
  const secured = connectTls({ socket, rejectUnauthorized: false });
  return once(secured, 'secureConnect').then(() => secured);
}

function listen(socket: Socket, scene: Scene): void {
  socket.on('data', (chunk: Buffer) => scene.change(() => (scene.text += chunk.toString())));
  socket.on('end', () => scene.change(() => scene.outputs.push('hang-up')));
  // A server that hangs up on what we still send resets the connection.
  socket.on('error', () => scene.change(() => scene.outputs.push('hang-up')));
}

async function replay(transcript: Transcript): Promise<void> {
  const scene = new Scene();
  const port = await start(transcript, scene);
  let socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  if (transcript.tls) socket = await secure(socket);
  let isUpgrading = false;
  let isOver = false;
  for (const [index, step] of transcript.steps.entries()) {
    if (isOver) break;
    scene.begin(step);
    if (step.event === 'secured') {
      socket.removeAllListeners('data');
      socket = await secure(socket);
      isUpgrading = false;
    }
    // Octets that are no TLS, once TLS was asked for, would end the connection.
    if (isUpgrading) continue;
    if (index === 0 || step.event === 'secured') listen(socket, scene);
    if (step.packet.length > 0) socket.write(step.packet);
    const outputs = step.outputs.filter((output) => output !== 'upgrade-tls');
    await scene.until(
      () =>
        Buffer.byteLength(scene.text) >= Buffer.byteLength(step.text) &&
        scene.outputs.length >= outputs.length &&
        scene.message.length >= (step.message ?? '').length,
    );
    const where = `${transcript.name}:${step.line}`;
    expect({ where, text: scene.text, outputs: scene.outputs }).toEqual({
      where,
      text: step.text,
      outputs,
    });
    if (step.message !== null) expect(scene.message).toBe(step.message);
    expect(scene.answers, where).toEqual([]);
    isUpgrading = step.outputs.includes('upgrade-tls');
    isOver = step.outputs.includes('hang-up');
  }
  socket.destroy();
}

const transcripts = readTranscripts(new URL('transcripts/', import.meta.url)).filter(isLive);

test('most transcripts can be replayed live', () => {
  expect(transcripts.length).toBeGreaterThan(40);
});

test.each(transcripts)('$name', replay);
