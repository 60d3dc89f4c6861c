// The transcripts of the pure session, word for word, over real sockets: what is true of the machine is true
// of the listener that drives it.
import { beforeAll, expect, test } from 'vitest';
import type { Limits, ListenerOptions, SmtpServer } from '../../src/server/index.ts';
import type {
  Answer,
  MessageWriter,
  OpenMessageAnswer,
  Reply,
  SessionOptions,
} from '../../src/smtp/index.ts';
import { replies } from '../../src/smtp/replies.ts';
import { makeCertificate, type TestCertificate } from '../support/certificates.ts';
import { TestClient } from '../support/smtp-client.ts';
import { startServer } from '../support/smtp-server.ts';
import { octetByOctet } from '../support/splits.ts';
import { usualOptions } from '../support/session.ts';
import { readTranscripts, type ScriptedAnswer, type Transcript } from '../support/transcript.ts';

let certificate: TestCertificate;
beforeAll(async () => {
  certificate = await makeCertificate();
});

const all = readTranscripts(new URL('../smtp/transcripts/', import.meta.url));

/** Left out is what needs a clock of its own, what no hook can say, and what no server can be told to be. */
function isLive({ options, steps }: Transcript): boolean {
  const { auth = 'none', tls = 'none', allowInsecureAuth = false, mechanisms = [] } = options;
  const isPossible = auth === 'none' || tls !== 'none' || allowInsecureAuth;
  // A real TLS connection has something to bind to, and a transcript has not.
  const isBinding = mechanisms.some((name) => name.endsWith('-PLUS'));
  const isSayable = steps.every(
    ({ event, answers }) => event !== 'expire' && answers.every(isSaid),
  );
  return isPossible && !isBinding && isSayable;
}

/** A hook refuses by the code of its reply; that it should refuse with a 2yz cannot be said. */
function isSaid({ kind, answer }: ScriptedAnswer): boolean {
  return kind === 'sign-in' || answer.kind !== 'refuse' || answer.reply.code >= 400;
}

/** The answers that the transcript gives, by the questions that a server's hooks and sink are asked. */
class Script {
  readonly #answers: ScriptedAnswer[] = [];
  readonly discarded: string[] = [];
  message = '';

  add(answers: readonly ScriptedAnswer[]): void {
    this.#answers.push(...answers);
  }

  get unasked(): readonly ScriptedAnswer[] {
    return this.#answers;
  }

  #take(kind: string, subject: string): Answer {
    const at = this.#answers.findIndex(
      (one) => one.kind === kind && (one.subject === '' || one.subject === subject),
    );
    return (at === -1 ? undefined : this.#answers.splice(at, 1)[0]?.answer) ?? { kind: 'accept' };
  }

  reply(kind: string, subject: string): Reply | undefined {
    const answer = this.#take(kind, subject);
    return answer.kind === 'each' ? undefined : answer.reply;
  }

  commit(sizeInOctets: number): Reply | readonly Reply[] {
    const answer = this.#take('message', String(sizeInOctets));
    return answer.kind === 'each' ? answer.replies : (answer.reply ?? replies.messageOk);
  }

  open(): OpenMessageAnswer {
    const refusal = this.reply('open-message', '');
    if (refusal) return { kind: 'refuse', reply: refusal };
    let octets = 0;
    const writer: MessageWriter = {
      write: (span) => {
        octets += span.length;
        this.message += span.toString('latin1');
        return true;
      },
      commit: () => this.commit(octets),
      discard: (cause) => void this.discarded.push(`discard-message ${cause}`),
    };
    return { kind: 'accept', writer };
  }
}

function listenerOf({ options, tls, isXclientTrusted }: Transcript): ListenerOptions {
  const { protocol, auth, requireTls, allowInsecureAuth, mechanisms, bareNewline, smtpUtf8 } = {
    ...usualOptions,
    ...options,
  };
  return {
    name: 'mx',
    host: '127.0.0.1',
    port: 0,
    tls: tls ? 'implicit' : (options.tls ?? 'none'),
    ...{ protocol, auth, requireTls, allowInsecureAuth, mechanisms, bareNewline, smtpUtf8 },
    extensions: extensionsOf({ ...usualOptions, ...options }),
    ...(isXclientTrusted && { trustedXclients: ['127.0.0.1'] }),
  };
}

function extensionsOf(options: SessionOptions): NonNullable<ListenerOptions['extensions']> {
  const { chunking, dsn, limits, mtPriority, deliverBy, futureRelease } = options;
  return {
    ...(chunking !== undefined && { chunking }),
    ...(dsn !== undefined && { dsn }),
    ...(limits !== undefined && { limits }),
    ...(mtPriority !== undefined && { mtPriority }),
    ...(deliverBy && { deliverBy }),
    ...(futureRelease && { futureRelease }),
    requireTls: options.requireTlsExtension ?? true,
  };
}

function limitsOf(options: Partial<SessionOptions>): Partial<Limits> {
  const merged = { ...usualOptions, ...options };
  const { maxMessageSize, maxRecipients, maxMessages, maxErrors, maxSignInFailures } = merged;
  const { maxRecipientDomains } = merged;
  return {
    ...{ maxMessageSize, maxRecipients, maxMessages, maxErrors, maxSignInFailures },
    ...(maxRecipientDomains !== undefined && { maxRecipientDomains }),
  };
}

function addHooks(server: SmtpServer, script: Script, refusal: Reply | undefined): void {
  server
    .onConnect(() => refusal)
    .onHelo((clientDomain) => script.reply('helo', clientDomain))
    .onSignIn((attempt) => {
      const username = 'username' in attempt ? attempt.username : '';
      const reply = script.reply('sign-in', username);
      return reply ? { kind: 'refuse', reply } : true;
    })
    .onSender((path) => script.reply('reverse-path', path?.address ?? '<>'))
    .onRecipient((path) => script.reply('forward-path', path.address));
}

type Cut = (packet: Buffer) => readonly Buffer[];
const cuts: readonly [string, Cut][] = [
  ['whole', (packet) => [packet]],
  ['octet by octet', (packet) => (packet.length < 3000 ? octetByOctet(packet) : [packet])],
];

async function replay(transcript: Transcript, cut: Cut): Promise<void> {
  const script = new Script();
  const { server, port } = await startServer(
    {
      hostname: usualOptions.hostname,
      tls: { certificates: [certificate] },
      listeners: [listenerOf(transcript)],
      limits: limitsOf(transcript.options),
      openMessage: () => script.open(),
    },
    (created) => addHooks(created, script, transcript.refusal),
  );
  const isImplicit = transcript.tls || transcript.options.tls === 'implicit';
  const client = isImplicit ? await TestClient.connectTls(port) : await TestClient.connect(port);
  client.socket.setNoDelay(true);
  let isUpgrading = false;
  for (const step of transcript.steps) {
    const where = `${transcript.name}:${step.line}`;
    script.add(step.answers);
    script.message = '';
    script.discarded.length = 0;
    if (step.event === 'secured') {
      await client.secure();
      isUpgrading = false;
    } else if (step.event === 'drain') {
      void server.close();
    } else if (step.event === 'lost') {
      client.reset();
    }
    // Plaintext behind the 220 is no handshake; in the packet of the STARTTLS it is the attack.
    const isAttack = step.outputs.includes('upgrade-tls');
    if (isAttack) client.send(step.packet);
    else if (!isUpgrading) for (const piece of cut(step.packet)) client.send(piece);
    const outputs = step.outputs.filter((output) => output !== 'upgrade-tls');
    const discards = outputs.filter((output) => output !== 'hang-up');
    const hangsUp = outputs.includes('hang-up');
    const text = hangsUp ? await client.rest() : await client.octets(step.text.length);
    expect({ where, text }).toEqual({ where, text: step.text });
    await expect.poll(() => script.discarded).toEqual(discards);
    if (step.message !== null) await expect.poll(() => script.message).toBe(step.message);
    isUpgrading ||= isAttack;
    if (hangsUp) break;
  }
  expect(script.unasked).toEqual([]);
  client.destroy();
}

const live = all.filter(isLive);

test('most transcripts are live ones', () => {
  expect(live.length).toBeGreaterThan(all.length * 0.8);
});

test.each(live)('$name over a real socket', async (transcript) => {
  for (const [, cut] of cuts) await replay(transcript, cut);
});
