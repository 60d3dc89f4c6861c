// Who sent a mail: SPF from MAIL on, DKIM and ARC while the octets arrive, DMARC at the end. Keeps the header section and
// nothing of the body. Every question of DNS begins as early as what it asks for is known.
import { fromFields } from '../../message/common-headers.ts';
import { type HeaderSection, readHeaderSection } from '../../message/header-section.ts';
import type { MailLookups, Resolver } from '../dns/resolver.ts';
import { type Author, readAuthor } from './author/author.ts';
import { KeyCache } from './dkim/key-cache.ts';
import { SignatureCheck, type SignatureResults } from './dkim/signature-check.ts';
import { type Dmarc, evaluateDmarc } from './dmarc/dmarc.ts';
import { TreeWalks } from './dmarc/tree-walk.ts';
import { HeaderCollector, type HeaderOctets } from './header/header-octets.ts';
import { MARK_ALL, type SenderModes } from './sender-modes.ts';
import { type SenderResult, summarize } from './sender-result.ts';
import { checkSpf } from './spf/check-spf.ts';
import type { SpfResult } from './spf/spf-result.ts';

export interface SenderCheckOptions {
  readonly resolver: Resolver;
  /** Our host name: the `receiver` of Received-SPF. */
  readonly hostname: string;
  /** How long DNS may take, from MAIL, from the end of the header section and from the end of the message. Default 5,000. */
  readonly timeoutMillis?: number;
  /** Default: all `mark`. */
  readonly modes?: SenderModes;
  /** What counts as one client, whose look-ups have a bound of their own, by an address of it. Default: the address. */
  readonly clientOf?: (address: string) => string;
  /** Sealers whose ARC chains are reported as trusted. They authenticate nothing. Default none. */
  readonly arcTrusted?: readonly string[];
}

/** The part of a session's facts that the checks read. The facts of the protocol engine have this shape. */
export interface CheckedSession {
  readonly clientAddress: string;
  /** The argument of EHLO, HELO or LHLO; `''` for none. */
  readonly clientDomain: string;
}

/** `null`: the null reverse-path. */
export type CheckedPath = {
  /** Without its quoting. */
  readonly localPart: string;
  readonly domain: string;
  readonly address: string;
} | null;

export interface SenderCheck {
  /** At MAIL: SPF begins, and nothing waits for it. `modes` override those of the options. */
  begin(session: CheckedSession, reversePath: CheckedPath, modes?: SenderModes): MailSenderCheck;
}

/** The checks of one mail. */
export interface MailSenderCheck {
  /** The next octets, as they are stored before any field is renamed. Keeps no view of them. */
  write(span: Buffer): void;
  /** The message is whole. `header`: what `commonHeaders` is read from. Settles within the timeout. */
  end(header: HeaderSection): Promise<SenderResult>;
  /** No message comes, or it is not taken. */
  discard(): void;
}

const TIMEOUT_MILLIS = 5_000;

export function createSenderCheck(options: SenderCheckOptions): SenderCheck {
  const keys = new KeyCache();
  return {
    begin: (session, reversePath, modes = options.modes ?? MARK_ALL) =>
      new SenderOfMail(options, { session, reversePath, modes, keys }),
  };
}

interface Transaction {
  readonly session: CheckedSession;
  readonly reversePath: CheckedPath;
  readonly modes: SenderModes;
  readonly keys: KeyCache;
}

class SenderOfMail implements MailSenderCheck {
  readonly #options: SenderCheckOptions;
  readonly #transaction: Transaction;
  readonly #lookups: MailLookups[] = [];
  readonly #spf: Promise<SpfResult> | undefined;
  readonly #header = new HeaderCollector();
  #signatures: SignatureCheck | undefined;
  #walks: TreeWalks | undefined;
  #early: EarlyAuthor | undefined;

  constructor(options: SenderCheckOptions, transaction: Transaction) {
    this.#options = options;
    this.#transaction = transaction;
    const { session, reversePath, modes } = transaction;
    if (modes.spf === 'off' && modes.dmarc === 'off') return;
    this.#spf = checkSpf({
      lookups: this.#newLookups(),
      address: session.clientAddress,
      helo: session.clientDomain === '' ? undefined : session.clientDomain,
      reversePath,
      hostname: options.hostname,
    });
  }

  write(span: Buffer): void {
    const bodyStart = this.#header.write(span);
    const { header } = this.#header;
    if (header === undefined) return;
    if (this.#early === undefined) this.#beginHeader(header);
    if (bodyStart < span.length) this.#signatures?.write(span, bodyStart);
  }

  async end(header: HeaderSection): Promise<SenderResult> {
    const octets = this.#header.end();
    const early = this.#early ?? this.#beginHeader(octets);
    const { session, reversePath, modes } = this.#transaction;
    const author = early.isOf(header) ? early.author : readAuthor(header, octets.octets);
    this.#walks?.continueWith(this.#newLookups());
    const [spf, signatures] = await Promise.all([
      this.#spf,
      this.#signatures?.end(),
      author.kind === 'mailbox' && this.#walks?.walk(author.domain),
    ]);
    const isDkimChecked = modes.dkim !== 'off' || modes.dmarc !== 'off';
    const dmarc = await this.#evaluate(author, spf, signatures);
    return summarize({
      modes,
      hostname: this.#options.hostname,
      address: session.clientAddress,
      helo: session.clientDomain,
      envelopeFrom: reversePath?.address ?? '',
      author,
      spf,
      dkim: isDkimChecked ? signatures?.dkim : undefined,
      unjudged: signatures?.unjudged ?? 0,
      arc: modes.arc === 'off' ? undefined : signatures?.arc,
      dmarc,
      lookups: this.#lookups.reduce((sum, { count }) => sum + count, 0),
    });
  }

  discard(): void {
    this.#signatures = undefined;
  }

  #evaluate(
    author: Author,
    spf: SpfResult | undefined,
    signatures: SignatureResults | undefined,
  ): Promise<Dmarc> | undefined {
    if (this.#walks === undefined) return undefined;
    return evaluateDmarc({
      author,
      spf: spf ?? { result: 'none', domain: '' },
      dkim: signatures?.dkim ?? [],
      walks: this.#walks,
    });
  }

  /** The policy and the keys are asked for side by side. */
  #beginHeader(header: HeaderOctets): EarlyAuthor {
    const { modes, keys } = this.#transaction;
    const isDmarcOn = modes.dmarc !== 'off';
    const lookups = this.#newLookups();
    this.#early = new EarlyAuthor(header);
    if (isDmarcOn) {
      const { author } = this.#early;
      this.#walks = new TreeWalks(lookups);
      if (author.kind === 'mailbox') void this.#walks.walk(author.domain);
    }
    if (isDmarcOn || modes.dkim !== 'off' || modes.arc !== 'off') {
      this.#signatures = new SignatureCheck({
        dkim: isDmarcOn || modes.dkim !== 'off',
        arc: modes.arc !== 'off',
        lookups,
        keys,
        now: Date.now(),
        ...(this.#options.arcTrusted && { arcTrusted: this.#options.arcTrusted }),
      });
      this.#signatures.begin(header);
    }
    return this.#early;
  }

  #newLookups(): MailLookups {
    const { resolver, timeoutMillis = TIMEOUT_MILLIS, clientOf } = this.#options;
    const { clientAddress } = this.#transaction.session;
    const client = clientOf?.(clientAddress) ?? clientAddress;
    const lookups = resolver.forMail(performance.now() + timeoutMillis, { client });
    this.#lookups.push(lookups);
    return lookups;
  }
}

/** The author as the octets show him, before the bridge has read the header section. */
class EarlyAuthor {
  readonly author: Author;
  readonly #text: string;

  constructor({ kind, octets }: HeaderOctets) {
    const section = readHeaderSection(octets, kind === 'whole');
    this.author = readAuthor(section, octets);
    this.#text = authorText(section);
  }

  /** Whether `header` shows the same From. */
  isOf(header: HeaderSection): boolean {
    return authorText(header) === this.#text;
  }
}

/** What of a header section the author is read from, as one text. */
function authorText({ fields, truncated }: HeaderSection): string {
  const values = fromFields(fields).map(({ value }) => value);
  return `${String(truncated)}\n${values.join('\n')}`;
}
