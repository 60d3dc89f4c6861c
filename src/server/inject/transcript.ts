/** One reply of the server. */
export interface InjectedReply {
  readonly code: number;
  /** The enhanced status code, as in `5.7.1`; absent where none was sent. */
  readonly status?: string;
  /** Without codes, its lines joined by a line feed. */
  readonly text: string;
}

/** One command of a script, or a message, and what was said to it. */
export interface InjectedCommand {
  /** As it was sent, without its last line end. */
  readonly command: string;
  /** One; for a message on an LMTP listener one for each recipient; none where the session ended without one. */
  readonly replies: readonly InjectedReply[];
}

/** The conversation that `inject` had. */
export interface Transcript {
  /** In place of the greeting it may be a refusal; absent where the connection was closed without one. */
  readonly greeting?: InjectedReply;
  /** Empty where octets were injected. */
  readonly commands: readonly InjectedCommand[];
  /** All replies in their order, the greeting first. */
  readonly replies: readonly InjectedReply[];
  /** All that the server said, as it said it. */
  readonly text: string;
}

const REPLY = /^(?:\d{3}-[^\r\n]*\r\n)*\d{3}(?: [^\r\n]*)?\r\n/;
const STATUS = /^[245]\.\d{1,3}\.\d{1,3}(?: |$)/;

/** Cuts what the server says into replies. */
export class ReplyReader {
  #text = '';
  #read = 0;
  readonly all: InjectedReply[] = [];

  get text(): string {
    return this.#text;
  }

  push(text: string): void {
    this.#text += text;
  }

  /** The whole replies that came since the last call. */
  take(): InjectedReply[] {
    const taken: InjectedReply[] = [];
    for (;;) {
      const [found] = REPLY.exec(this.#text.slice(this.#read)) ?? [];
      if (found === undefined) break;
      this.#read += found.length;
      taken.push(parse(found));
    }
    this.all.push(...taken);
    return taken;
  }
}

function parse(reply: string): InjectedReply {
  const lines = reply.trimEnd().split('\r\n');
  const code = Number(reply.slice(0, 3));
  const texts = lines.map((line) => line.slice(4));
  const status = STATUS.exec(texts[0] ?? '')?.[0].trimEnd();
  if (status === undefined) return { code, text: texts.join('\n') };
  const bare = texts.map((text) => text.slice(status.length).trimStart());
  return { code, status, text: bare.join('\n') };
}
