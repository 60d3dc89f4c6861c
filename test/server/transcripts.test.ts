// The transcripts of the pure session over real sockets and real TLS: what is true of the machine is true of the
// listener that drives it. The options of each are those in its file.
import { beforeAll, expect, test } from 'vitest';
import type {
  Extensions,
  Limits,
  ListenerOptions,
  ServerOptions,
  SmtpServer,
} from '../../src/server/index.ts';
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

/** How long the server may take for one step. */
const STEP_MILLISECONDS = 10_000;

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

type Listener = Omit<ListenerOptions, 'name' | 'host' | 'port' | 'extensions' | 'limits'>;
type Place =
  | readonly ['server', 'hostname' | 'banner' | 'observeDialogue']
  | readonly ['listener', keyof Listener]
  | readonly ['extensions', keyof Extensions]
  | readonly ['limits', keyof Limits];

/** Where a server is told each option of its sessions. An option of the session that has no row does not compile. */
const places: Readonly<Record<keyof SessionOptions, Place>> = {
  hostname: ['server', 'hostname'],
  banner: ['server', 'banner'],
  protocol: ['listener', 'protocol'],
  tls: ['listener', 'tls'],
  requireTls: ['listener', 'requireTls'],
  auth: ['listener', 'auth'],
  allowInsecureAuth: ['listener', 'allowInsecureAuth'],
  mechanisms: ['listener', 'mechanisms'],
  customMechanisms: ['listener', 'customMechanisms'],
  bareNewline: ['listener', 'bareNewline'],
  addressSyntax: ['listener', 'addressSyntax'],
  trustedNetworks: ['listener', 'trustedNetworks'],
  smtpUtf8: ['listener', 'smtpUtf8'],
  maxMessageSize: ['limits', 'maxMessageSize'],
  maxRecipients: ['limits', 'maxRecipients'],
  maxMessages: ['limits', 'maxMessages'],
  maxErrors: ['limits', 'maxErrors'],
  maxSignInFailures: ['limits', 'maxSignInFailures'],
  maxRecipientDomains: ['limits', 'maxRecipientDomains'],
  chunking: ['extensions', 'chunking'],
  dsn: ['extensions', 'dsn'],
  requireTlsExtension: ['extensions', 'requireTls'],
  limits: ['extensions', 'limits'],
  mtPriority: ['extensions', 'mtPriority'],
  deliverBy: ['extensions', 'deliverBy'],
  futureRelease: ['extensions', 'futureRelease'],
  notesDialogue: ['server', 'observeDialogue'],
};

/** The server on which a transcript can be replayed. */
function serverOptionsOf({ options, isXclientTrusted, isTrusted }: Transcript): ServerOptions {
  const told: Record<Place[0], Record<string, unknown>> = {
    server: {},
    listener: {},
    extensions: {},
    limits: {},
  };
  for (const [option, value] of Object.entries({ ...usualOptions, ...options })) {
    const [where, name] = places[option as keyof SessionOptions];
    told[where][name] = value;
  }
  const listener: ListenerOptions = {
    ...told.listener,
    ...{ name: 'mx', host: '127.0.0.1', port: 0, extensions: told.extensions },
    ...(isXclientTrusted && { trustedXclients: ['127.0.0.1'] }),
    ...(isTrusted && { trustedNetworks: ['127.0.0.1'] }),
  };
  return { ...told.server, listeners: [listener], limits: told.limits };
}

function addHooks(server: SmtpServer, script: Script, refusal: Reply | undefined): void {
  server
    .onConnect(() => refusal)
    .onHelo(({ clientDomain }) => script.reply('helo', clientDomain))
    .onSignIn(({ attempt }) => {
      const username = 'username' in attempt ? attempt.username : '';
      const reply = script.reply('sign-in', username);
      return reply ? { kind: 'refuse', reply } : true;
    })
    .onSender(({ reversePath }) => script.reply('reverse-path', reversePath?.address ?? '<>'))
    .onRecipient(({ forwardPath }) => script.reply('forward-path', forwardPath.address));
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
      ...serverOptionsOf(transcript),
      tls: { certificates: [certificate] },
      openMessage: () => script.open(),
    },
    (created) => addHooks(created, script, transcript.refusal),
  );
  const client = transcript.tls
    ? await TestClient.connectTls(port)
    : await TestClient.connect(port);
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
    } else if (step.event === 'drainIdle') {
      void server.close({ idle: 0 });
    } else if (step.event === 'close') {
      void server.close({ drain: 0 });
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
    const received = hangsUp ? client.rest() : client.octets(step.text.length);
    const text = await inTime(received, () => client.unread);
    expect({ where, text }).toEqual({ where, text: step.text });
    await expect.poll(() => script.discarded).toEqual(discards);
    if (step.message !== null) await expect.poll(() => script.message).toBe(step.message);
    expect(script.unasked, where).toEqual([]);
    isUpgrading ||= isAttack;
    if (hangsUp) break;
  }
  client.destroy();
}

/** The text, or what came of it by then: the comparison says more than a timeout of the test would. */
async function inTime(received: Promise<string>, soFar: () => string): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(soFar()), STEP_MILLISECONDS);
  });
  return Promise.race([received, timeout]).finally(() => clearTimeout(timer));
}

const live = all.filter(({ notLive }) => notLive === undefined);

test('all transcripts but a few are replayed over real sockets', () => {
  expect(live.length).toBeGreaterThan(all.length * 0.9);
});

test.each(live)('$name over a real socket', async (transcript) => {
  for (const [, cut] of cuts) await replay(transcript, cut);
});
