// A DNS server on loopback, UDP and TCP, that does with each question what a test says. Its messages are written by
// dns-packet, which the client does not use.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import {
  type Answer,
  decode,
  encode,
  type Packet,
  RECURSION_AVAILABLE,
  RECURSION_DESIRED,
} from 'dns-packet';
import { onTestFinished } from 'vitest';

/** A question as it came. */
export interface Asked {
  readonly id: number;
  readonly name: string;
  readonly type: string;
  readonly hasEdns: boolean;
  readonly transport: 'udp' | 'tcp';
  /** The port that it came from. */
  readonly port: number;
  readonly message: Buffer;
  /** Sends octets back; over TCP, behind their length. */
  readonly send: (message: Buffer) => unknown;
  /** Over UDP, from another port than the one that was asked. */
  readonly sendFromElsewhere: (message: Buffer) => unknown;
  /** The TCP connection. */
  readonly socket?: Socket;
}

export type Behavior = (asked: Asked) => unknown;

/** The response codes that a test names. */
const codes = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  YXDOMAIN: 6,
};

export interface ResponseParts {
  readonly code?: keyof typeof codes;
  readonly isTruncated?: boolean;
  /** From a server without recursion, about a zone that it does not have. */
  readonly isReferral?: boolean;
  readonly answers?: Answer[];
  readonly authorities?: Answer[];
  readonly id?: number;
  readonly questions?: Packet['questions'];
}

/** A response to the question, with these parts in place of the right ones. */
export function responseTo(asked: Asked, parts: ResponseParts = {}): Buffer {
  return encode({
    type: 'response',
    id: parts.id ?? asked.id,
    flags:
      RECURSION_DESIRED |
      (parts.isReferral === true ? 0 : RECURSION_AVAILABLE) |
      (parts.isTruncated === true ? 0x200 : 0) |
      codes[parts.code ?? 'NOERROR'],
    questions: parts.questions ?? [{ name: asked.name, type: asked.type as 'A' }],
    answers: parts.answers ?? [],
    authorities: parts.authorities ?? [],
  });
}

/** An address for the name that was asked. */
export function addressFor(asked: Asked, address = '192.0.2.1', ttl = 300): Buffer {
  return responseTo(asked, { answers: [{ type: 'A', name: asked.name, ttl, data: address }] });
}

/** The SOA record that says for how long something is known not to exist. */
export function soa(minimum: number, ttl = minimum): Answer {
  return {
    type: 'SOA',
    name: 'test',
    ttl,
    data: {
      mname: 'ns.test',
      rname: 'root.test',
      serial: 1,
      refresh: 1,
      retry: 1,
      expire: 1,
      minimum,
    },
  };
}

export class HostileDnsServer {
  readonly #udp: UdpSocket;
  readonly #elsewhere: UdpSocket;
  readonly #tcp: Server;
  readonly #connections = new Set<Socket>();
  #isClosed = false;
  /** What it does with the next questions. */
  behavior: Behavior;
  /** All questions, in order. */
  readonly asked: Asked[] = [];

  private constructor(udp: UdpSocket, elsewhere: UdpSocket, tcp: Server, behavior: Behavior) {
    this.#udp = udp;
    this.#elsewhere = elsewhere;
    this.#tcp = tcp;
    this.behavior = behavior;
    udp.on('message', (message, { port, address }) => {
      this.#take({
        ...readQuestion(message),
        transport: 'udp',
        port,
        send: (answer) => this.#isClosed || udp.send(answer, port, address),
        sendFromElsewhere: (answer) => this.#isClosed || elsewhere.send(answer, port, address),
      });
    });
    tcp.on('connection', (socket) => this.#serve(socket));
  }

  /** Runs until the test has ended. `port`: default one that is free for UDP and TCP. */
  static async start(behavior: Behavior, port = 0): Promise<HostileDnsServer> {
    for (;;) {
      const tcp = createServer();
      const udp = createSocket('udp4');
      const elsewhere = createSocket('udp4').bind(0, '127.0.0.1');
      try {
        await once(tcp.listen(port, '127.0.0.1'), 'listening');
        await once(udp.bind((tcp.address() as AddressInfo).port, '127.0.0.1'), 'listening');
      } catch (error) {
        for (const each of [tcp, udp, elsewhere]) each.close();
        if (port !== 0 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
        continue;
      }
      const server = new HostileDnsServer(udp, elsewhere, tcp, behavior);
      onTestFinished(() => server.close());
      return server;
    }
  }

  get port(): number {
    return (this.#tcp.address() as AddressInfo).port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  #take(asked: Asked): void {
    this.asked.push(asked);
    this.behavior(asked);
  }

  #serve(socket: Socket): void {
    this.#connections.add(socket);
    let held = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('close', () => this.#connections.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      while (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) {
        const end = 2 + held.readUInt16BE(0);
        const send = (message: Buffer): void => {
          const length = Buffer.alloc(2);
          length.writeUInt16BE(message.length);
          socket.write(Buffer.concat([length, message]));
        };
        const message = held.subarray(2, end);
        const port = socket.remotePort ?? 0;
        this.#take({
          ...readQuestion(message),
          transport: 'tcp',
          port,
          send,
          sendFromElsewhere: send,
          socket,
        });
        held = held.subarray(end);
      }
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#udp.close();
    this.#elsewhere.close();
    for (const connection of this.#connections) connection.destroy();
    this.#tcp.close();
  }
}

function readQuestion(
  message: Buffer,
): Pick<Asked, 'id' | 'name' | 'type' | 'hasEdns' | 'message'> {
  const { id = 0, questions, additionals } = decode(message);
  const [question] = questions ?? [];
  if (question === undefined) throw new Error('expected a question');
  const hasEdns = additionals?.some(({ type }) => type === 'OPT') === true;
  return { id, name: question.name, type: question.type, hasEdns, message };
}
