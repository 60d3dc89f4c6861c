// What the server's events say of its sessions: their dialogues, and what was refused. The last thousand of each, in memory.
import type { Peer, ServerEvent } from '../../../server/index.ts';
import type { Note } from '../../../smtp/index.ts';
import type { Dialogue, DialogueLine, SessionSummary, ShownRefusal } from './shapes.ts';

const KEPT = 1000;
/** Let go at once: to find the oldest one each time would cost more than all else that is done for a session. */
const FORGOTTEN_AT_ONCE = 100;
/** Of one dialogue. */
const MAX_LINES = 500;

const numbers = new Intl.NumberFormat('en');

/** As it is kept: most are never read, so a time becomes text when one is. */
type KeptLine = Omit<DialogueLine, 'at'> & { readonly at: number };

type Session = {
  -readonly [K in keyof Omit<SessionSummary, 'openedAt' | 'closedAt'>]: SessionSummary[K];
} & {
  readonly openedAt: number;
  closedAt: number | undefined;
  readonly mails: string[];
  readonly lines: KeptLine[];
  linesLeftOut: number;
  lastReply: string;
};

export interface SessionLogOptions {
  readonly onSession: (id: string) => void;
  readonly onRefusal: (refusal: ShownRefusal) => void;
}

export class SessionLog {
  readonly #options: SessionLogOptions;
  readonly #sessions = new Map<string, Session>();
  readonly #refusals: ShownRefusal[] = [];
  #refused = 0;

  constructor(options: SessionLogOptions) {
    this.#options = options;
  }

  /** The last ones first. */
  get sessions(): SessionSummary[] {
    return [...this.#sessions.values()].slice(-KEPT).map(summaryOf).reverse();
  }

  /** The last ones first. */
  get refusals(): ShownRefusal[] {
    return this.#refusals.toReversed();
  }

  get openSessions(): number {
    let open = 0;
    for (const { closedAt } of this.#sessions.values()) if (closedAt === undefined) open++;
    return open;
  }

  dialogue(id: string): Dialogue | undefined {
    const session = this.#sessions.get(id);
    if (session === undefined) return undefined;
    const lines = session.lines.map((line) => ({
      ...line,
      at: asText(line.at),
      text: line.text.replaceAll('\r\n', '\n'),
    }));
    return { ...summaryOf(session), lines, linesLeftOut: session.linesLeftOut };
  }

  observe(event: ServerEvent): void {
    switch (event.kind) {
      case 'connection-opened':
        this.#open(event.peer);
        return;
      case 'connection-refused': {
        const { listener, clientAddress, rule } = event;
        this.#refuse({ listener, clientAddress, what: 'connection', rule });
        return;
      }
      case 'connection-shed':
        this.#note(event.peer.sessionId, `let go for another connection: ${event.reason}`);
        return;
      case 'connection-closed':
        this.#close(event.peer.sessionId, event.cause, event.messages);
        return;
      case 'tls-established': {
        const { version, cipher } = event.tls;
        const session = this.#sessions.get(event.peer.sessionId);
        if (session !== undefined) session.tls = `${version} ${cipher}`;
        this.#note(event.peer.sessionId, `TLS established: ${version}, ${cipher}`);
        return;
      }
      case 'tls-failed':
        this.#note(event.peer.sessionId, `TLS failed: ${event.code}`);
        return;
      case 'note':
        this.#hear(event.peer, event.note);
        return;
      case 'message-accepted':
      case 'message-refused':
      case 'message-deferred': {
        const { messageId, session } = event.message;
        if (event.kind === 'message-accepted') {
          this.#sessions.get(session.sessionId)?.mails.push(messageId);
        }
        const size = numbers.format(event.sizeInOctets);
        this.#note(session.sessionId, `message of ${size} octets, ${messageId}`);
        return;
      }
      case 'message-discarded':
        this.#note(event.message.session.sessionId, `message discarded: ${event.cause}`);
        return;
      case 'failure':
        this.#note(event.peer.sessionId, `failure in ${event.where}`);
        return;
      // Of no session.
      case 'listening':
      case 'accept-failed':
      case 'certificates-served':
      case 'certificates-refused':
      case 'closing':
      case 'closed':
        return;
    }
  }

  #open({ sessionId: id, listener, clientAddress, clientPort }: Peer): void {
    if (this.#sessions.size >= KEPT + FORGOTTEN_AT_ONCE) this.#forgetSome();
    this.#sessions.set(id, {
      id,
      listener,
      clientAddress,
      clientPort,
      openedAt: Date.now(),
      closedAt: undefined,
      mails: [],
      refusals: 0,
      lines: [],
      linesLeftOut: 0,
      lastReply: '',
    });
    this.#note(id, `connection from ${clientAddress} port ${clientPort} to ${listener}`);
  }

  #close(id: string, cause: string, messages: number): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    session.closedAt = Date.now();
    const count = messages === 1 ? '1 message' : `${messages} messages`;
    this.#note(id, `connection closed (${cause}), ${count}`);
  }

  #hear({ sessionId, listener, clientAddress }: Peer, note: Note): void {
    const session = this.#sessions.get(sessionId);
    switch (note.kind) {
      case 'command': {
        const clientDomain = domainIn(note.line);
        if (session !== undefined && clientDomain !== undefined) {
          session.clientDomain = clientDomain;
        }
        this.#say(sessionId, 'client', note.line);
        return;
      }
      case 'reply':
        if (session !== undefined) session.lastReply = note.text;
        this.#say(sessionId, 'server', note.text);
        return;
      case 'refused': {
        if (session !== undefined) session.refusals++;
        const { verb, code, rule, argument, clientDomain } = note;
        // The reply is noted in front of its refusal.
        const reply = session?.lastReply;
        this.#refuse({
          ...{ sessionId, listener, clientAddress, what: verb, code, rule },
          ...(reply?.startsWith(String(code)) && { reply: reply.replaceAll('\r\n', '\n') }),
          ...(argument !== undefined && { argument }),
          ...(clientDomain !== undefined && { clientDomain }),
        });
        return;
      }
      case 'signed-in':
        if (session !== undefined) session.username = note.username;
        this.#note(sessionId, `signed in as ${note.username} by ${note.mechanism}`);
        return;
      case 'sign-in-refused':
        this.#note(sessionId, `sign-in refused, ${note.mechanism}`);
        return;
      case 'ended':
        return;
    }
  }

  #refuse(refusal: Omit<ShownRefusal, 'id' | 'at'>): void {
    const shown = { id: ++this.#refused, at: asText(Date.now()), ...refusal };
    this.#refusals.push(shown);
    if (this.#refusals.length > KEPT) this.#refusals.shift();
    this.#options.onRefusal(shown);
  }

  #note(id: string, text: string): void {
    this.#say(id, 'note', text);
  }

  #say(id: string, from: DialogueLine['from'], text: string): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    if (session.lines.length < MAX_LINES) {
      session.lines.push({ at: Date.now(), from, text });
    } else session.linesLeftOut++;
    this.#options.onSession(id);
  }

  /** The oldest that are closed, or else the oldest. */
  #forgetSome(): void {
    const kept = this.#sessions.size - FORGOTTEN_AT_ONCE;
    for (const isAny of [false, true]) {
      for (const [id, { closedAt }] of this.#sessions) {
        if (this.#sessions.size <= kept) return;
        if (isAny || closedAt !== undefined) this.#sessions.delete(id);
      }
    }
  }
}

/** In the first command of a session, or one that begins it anew. */
function domainIn(line: string): string | undefined {
  const isGreeting =
    line.startsWith('EHLO ') || line.startsWith('HELO ') || line.startsWith('LHLO ');
  return isGreeting ? line.slice(5) : undefined;
}

function summaryOf(session: Session): SessionSummary {
  const { lines: _, linesLeftOut: _count, lastReply: _reply, closedAt, ...summary } = session;
  return {
    ...summary,
    openedAt: asText(session.openedAt),
    ...(closedAt !== undefined && { closedAt: asText(closedAt) }),
    mails: [...session.mails],
  };
}

function asText(millis: number): string {
  return new Date(millis).toISOString();
}
