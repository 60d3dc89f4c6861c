// A small judge: keeps the hash and the size of what it saw, and says what its test wants.
import { createHash } from 'node:crypto';
import type {
  JudgedContent,
  Judgement,
  MailJudge,
  SenderFindings,
} from '../../src/verify/index.ts';

export const PROVED: SenderFindings = {
  authenticated: true,
  domain: 'sender.example',
  address: 'ann@sender.example',
  by: ['dkim'],
  dmarc: 'pass',
  spf: 'fail',
  dkim: [{ result: 'pass', domain: 'sender.example', selector: 'one', aligned: true }],
  arc: 'none',
};

export const VERIFIED: Judgement = {
  verification: {
    spam: 'PASS',
    virus: 'GRAY',
    spf: 'FAIL',
    dkim: 'PASS',
    dmarc: 'PASS',
    results: [
      'spf=fail smtp.mailfrom=sender.example',
      'dkim=pass header.d=sender.example header.s=one',
      'dmarc=pass header.from=sender.example',
    ],
    receivedSpf: 'fail (mx.in.example: not permitted) client-ip=192.0.2.7;',
  },
  sender: PROVED,
  scan: { spam: { verdict: 'PASS', score: 1.5, symbols: ['R_DKIM_ALLOW'] } },
  lists: [
    { zone: 'quiet.example', result: 'not-listed', subject: '192.0.2.7' },
    { zone: 'dead.example', result: 'unknown', subject: '192.0.2.7' },
  ],
};

export const REFUSED: Judgement = {
  verification: { ...VERIFIED.verification, dmarc: 'FAIL', dmarcPolicy: 'reject' },
  refusal: {
    rule: 'dmarc',
    reply: { code: 550, status: '7.1', text: 'The policy of sender.example refuses this mail' },
    subject: 'sender.example',
    detail: 'dmarc=fail p=reject',
  },
};

export class HashingJudge implements MailJudge {
  readonly #says: (content: JudgedContent) => Judgement | Promise<Judgement>;
  /** Whether the write of that number, from 1 on, asks for a pause. */
  readonly #pausesAt: number;
  readonly #hash = createHash('sha256');
  writes = 0;
  octets = 0;
  discards = 0;
  content: JudgedContent | undefined;

  constructor(
    says: Judgement | ((content: JudgedContent) => Judgement | Promise<Judgement>),
    pausesAt = 0,
  ) {
    this.#says = typeof says === 'function' ? says : () => says;
    this.#pausesAt = pausesAt;
  }

  write(span: Buffer): boolean {
    this.writes += 1;
    this.octets += span.length;
    this.#hash.update(span);
    return this.writes !== this.#pausesAt;
  }

  async end(content: JudgedContent): Promise<Judgement> {
    this.content = content;
    return this.#says(content);
  }

  discard(): void {
    this.discards += 1;
  }

  /** Of all that it saw; once. */
  sha256(): string {
    return this.#hash.digest('hex');
  }
}
