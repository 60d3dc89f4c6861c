// A DNS server on loopback: answers from a zone in text, and fails where the zone says so.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

const TYPES: Readonly<Record<string, number>> = {
  A: 1,
  CNAME: 5,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  CAA: 257,
};
const NXDOMAIN = 3;
const CODES: Readonly<Record<string, number>> = { SERVFAIL: 2, REFUSED: 5 };

interface ZoneRecord {
  readonly name: string;
  readonly type: string;
  /** The rest of the line; a response code instead of data. */
  readonly data: string;
}

export class DnsServer implements AsyncDisposable {
  readonly #socket: Socket;
  #records: readonly ZoneRecord[] = [];
  /** The names that it was asked about, in lower case, one for each question that came. */
  readonly asked: string[] = [];

  private constructor(socket: Socket, delayMillis: number) {
    this.#socket = socket;
    socket.on('message', (query, { port, address }) => {
      const answer = this.#answer(query);
      if (answer === undefined) return;
      if (delayMillis === 0) socket.send(answer, port, address);
      else setTimeout(() => socket.send(answer, port, address), delayMillis);
    });
  }

  /** Each answer comes `delayMillis` after its question. */
  static async start(zone = '', delayMillis = 0): Promise<DnsServer> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const server = new DnsServer(socket, delayMillis);
    server.serve(zone);
    return server;
  }

  /** `127.0.0.1:port`. */
  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  /** Lines of `name TYPE data`; `name TYPE SERVFAIL` fails, `name TYPE SILENT` gives no answer. */
  serve(zone: string): void {
    this.#records = zone
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .map((line) => {
        const [, name = '', type = '', data = ''] = /^(\S+) (\S+) ?(.*)$/.exec(line) ?? [];
        return { name, type, data };
      });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await once(this.#socket, 'close');
  }

  #answer(query: Buffer): Buffer | undefined {
    const labels: string[] = [];
    let at = 12;
    for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
      labels.push(query.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
    const name = labels.join('.').toLowerCase();
    this.asked.push(name);
    const question = query.subarray(12, at + 5);
    const type = query.readUInt16BE(at + 1);
    const ofName = this.#records.filter((record) => record.name.toLowerCase() === name);
    const matching = ofName.filter((record) => TYPES[record.type] === type);
    const aliases = ofName.filter((record) => record.type === 'CNAME' && type !== TYPES['CNAME']);
    const [special] = matching.filter(({ data }) => data in CODES || data === 'SILENT');
    if (special?.data === 'SILENT') return undefined;
    const found = special === undefined ? [...aliases, ...matching] : [];
    const targets = aliases.flatMap(({ data }) =>
      this.#records.filter((record) => record.name === data && TYPES[record.type] === type),
    );
    const answers = [...found, ...targets].map(encodeRecord);
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    const code = special === undefined ? (ofName.length === 0 ? NXDOMAIN : 0) : CODES[special.data];
    header.writeUInt16BE(0x8580 | (code ?? 0), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(answers.length, 6);
    return Buffer.concat([header, question, ...answers]);
  }
}

function encodeRecord({ name, type, data }: ZoneRecord): Buffer {
  const value = encodeData(type, data);
  const fields = Buffer.alloc(10);
  fields.writeUInt16BE(TYPES[type] ?? 0, 0);
  fields.writeUInt16BE(1, 2);
  fields.writeUInt32BE(60, 4);
  fields.writeUInt16BE(value.length, 8);
  return Buffer.concat([encodeName(name), fields, value]);
}

function encodeData(type: string, data: string): Buffer {
  switch (type) {
    case 'A':
    case 'AAAA':
      return Buffer.from(
        (isIPv6(data) ? ipaddr.IPv6.parse(data) : ipaddr.IPv4.parse(data)).toByteArray(),
      );
    case 'MX': {
      const [priority = '', exchange = ''] = data.split(' ');
      const number = Buffer.alloc(2);
      number.writeUInt16BE(Number(priority));
      return Buffer.concat([number, encodeName(exchange)]);
    }
    case 'TXT':
      return Buffer.concat((data.match(/.{1,255}/g) ?? ['']).map(encodeString));
    case 'CAA': {
      const [flags = '', tag = '', value = ''] = data.split(' ');
      return Buffer.concat([Buffer.from([Number(flags)]), encodeString(tag), Buffer.from(value)]);
    }
    default:
      return encodeName(data);
  }
}

function encodeName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  return Buffer.concat([...labels.map(encodeString), Buffer.from([0])]);
}

function encodeString(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
}
