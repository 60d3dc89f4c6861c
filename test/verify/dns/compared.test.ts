// The same questions to the same Knot DNS by this client, by node:dns (c-ares) and by kdig: the answers are equal.
import { execFile } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { createResolver } from '../../../src/verify/dns/create-resolver.ts';
import { nodeResolver } from '../../support/node-resolver.ts';
import type { DnsAnswer, RecordType } from '../../../src/verify/dns/resolver.ts';
import { startKnot, untilTestEnds } from '../../support/name-servers.ts';
import { need } from '../../support/programs.ts';

const ORIGIN = 'example.test';
const types: readonly RecordType[] = ['A', 'AAAA', 'MX', 'TXT', 'PTR', 'CNAME', 'NS', 'SOA'];

/** Shapes of what senders publish; `#` is a number. */
const shapes = [
  'host# A 192.0.2.#\nhost# AAAA 2001:db8::#:0:#',
  'mail# MX # mx#.example.test.\nmail# MX 0 mx0.elsewhere.test.\nmail# A 192.0.2.#',
  'spf# TXT "v=spf1 ip4:192.0.2.#" " -all"\nspf# TXT "other"',
  'key#._domainkey TXT "v=DKIM1; p=" "@LONG"',
  '_dmarc.policy# TXT "v=DMARC1; p=reject; np=none"',
  'alias# CNAME host#',
  'chain# CNAME alias#',
  'dangling# CNAME nothing#',
  'outside# CNAME www.elsewhere.test.',
  'deep.er.than.name# A 192.0.2.#',
  'zone# NS ns.elsewhere.test.',
  String.raw`octets\#\000\255 TXT "\000\200\255" ""`,
  String.raw`dotted\.# A 192.0.2.#`,
  'null# MX 0 .',
  '*.wild# TXT "wild #"',
  'reverse# PTR host#.example.test.\nreverse# PTR host0.example.test.',
  'moved# DNAME name#',
  'large# TXT @LARGE',
];
const numbers = ['128', '150', '201'];

const ZONE = numbers
  .flatMap((number) => shapes.map((shape) => shape.replaceAll('#', number)))
  .join('\n')
  .replaceAll('@LONG', 'MIGfMA0G'.repeat(30))
  // Over what UDP takes: asked again by TCP.
  .replaceAll(
    '@LARGE',
    Array.from({ length: 12 }, (_, index) => `"${String(index % 10).repeat(250)}"`).join(' '),
  );

/** In the spelling of zone files. */
const names = numbers
  .flatMap((number) => [
    ...shapes.map((shape) => (shape.split(' ')[0] ?? '').replaceAll('#', number)),
    ...[
      'nothing#',
      'er.than.name#',
      'below.host#',
      'x.y.wild#',
      'wild#',
      'host.zone#',
      'deep.er.than.moved#',
      'x.octets',
      'HOST#',
      'a_b-c.host#',
      String.raw`sp\032ace\009#`,
      String.raw`quote\"\;\(\)\@\$#`,
      String.raw`utf\195\169#`,
      'xn--caf-dma#',
      '-#-',
      '*.wild#',
      '*.host#',
      `${'l'.repeat(60)}#`,
    ].map((name) => name.replaceAll('#', number)),
  ])
  .map((name) => `${name}.${ORIGIN}`);

/** The octets of a name in the spelling of zone files; a dot in a label stays escaped. */
function unescaped(text: string): string {
  return text
    .replace(/\\(\d{3}|\D)/g, (_, escaped: string) => {
      const octet = escaped.length === 3 ? String.fromCharCode(Number(escaped)) : escaped;
      return octet === '.' ? String.raw`\.` : octet;
    })
    .replace(/^(.+)\.$/, '$1');
}

interface KdigAnswer {
  readonly RCODE: number;
  readonly AA: number;
  readonly answerRRs?: readonly (Readonly<Record<string, unknown>> & {
    readonly TYPEname: string;
    readonly RDATAHEX: string;
  })[];
}

async function kdig(port: number, name: string): Promise<DnsAnswer[]> {
  const queries = types.flatMap((type) => ['-q', `${name}.`, '-t', type]);
  // What it remarks goes to the standard error.
  const { stdout } = await promisify(execFile)('kdig', [
    '+json',
    '+noidn',
    '@127.0.0.1',
    '-p',
    String(port),
    ...queries,
  ]);
  const parsed = JSON.parse(
    `[${stdout.trim().replaceAll(/\n\}\s*\{/g, '\n},\n{')}]`,
  ) as KdigAnswer[];
  expect(parsed).toHaveLength(types.length);
  return types.map((type, index) => kdigAnswer(type, parsed[index]));
}

function kdigAnswer(type: RecordType, answer: KdigAnswer | undefined): DnsAnswer {
  const records = (answer?.answerRRs ?? [])
    .filter(({ TYPEname }) => TYPEname === type)
    .map((record) =>
      type === 'TXT'
        ? stringsOf(record.RDATAHEX)
        : String(record[`rdata${type}`]).split(' ').map(unescaped).join(' '),
    );
  if (records.length > 0) return { kind: 'records', records: records.toSorted() };
  // Knot DNS has no recursion: what is behind a delegation it does not say.
  if (answer?.AA === 0) return { kind: 'failed', reason: 'refused' };
  return { kind: answer?.RCODE === 3 ? 'no-name' : 'no-data' };
}

function stringsOf(hex: string): string {
  const octets = Buffer.from(hex, 'hex');
  let text = '';
  for (let at = 0; at < octets.length; at += 1 + (octets[at] ?? 0)) {
    text += octets.toString('latin1', at + 1, at + 1 + (octets[at] ?? 0));
  }
  return text;
}

test('by kdig, for every name and type', async ({ skip }) => {
  need(skip, 'knotd', 'kdig');
  const knot = untilTestEnds(await startKnot({ [ORIGIN]: ZONE }));
  const resolver = createResolver({ servers: [knot.address] });
  onTestFinished(() => resolver.close());
  const kinds = new Map<string, number>();
  for (const name of names) {
    const lookups = resolver.forMail(performance.now() + 20_000);
    const expected = await kdig(knot.port, name);
    for (const [index, type] of types.entries()) {
      // A name with a dot in a label is one that nobody can ask for here.
      if (name.includes(String.raw`\.`)) continue;
      const answer = await lookups.lookUp(unescaped(name), type);
      const sorted =
        answer.kind === 'records' ? { ...answer, records: answer.records.toSorted() } : answer;
      expect([name, type, sorted]).toEqual([name, type, expected[index]]);
      kinds.set(answer.kind, (kinds.get(answer.kind) ?? 0) + 1);
    }
  }
  expect(names.length).toBeGreaterThan(100);
  for (const kind of ['records', 'no-data', 'no-name']) expect(kinds.get(kind)).toBeGreaterThan(50);
  // Only of the three delegated zones.
  expect(kinds.get('failed')).toBe(3 * 2 * types.length);
});

test('by node:dns, for every name that it takes, with its results and error codes', async ({
  skip,
}) => {
  need(skip, 'knotd');
  const knot = untilTestEnds(await startKnot({ [ORIGIN]: ZONE }));
  const resolver = createResolver({ servers: [knot.address] });
  onTestFinished(() => resolver.close());
  const node = new Resolver();
  node.setServers([knot.address]);
  let compared = 0;
  for (const name of names) {
    const ours = nodeResolver(resolver.forMail(performance.now() + 20_000));
    for (const type of types.filter((each) => each !== 'SOA')) {
      const expected = await settle(() => node.resolve(unescaped(name), type as 'A'));
      if (/(?:^|\.)zone\d/.test(name)) {
        // c-ares takes the referral of a server without recursion for an answer.
        expect(await settle(() => ours(unescaped(name), type))).toMatchObject({ code: 'EREFUSED' });
        continue;
      }
      if (expected.records?.length === 0) {
        // What c-ares makes of an alias for a name without a record of that type.
        const answer = await settle(() => ours(unescaped(name), type));
        expect([name, type, answer.code]).toEqual([name, type, 'ENODATA']);
        continue;
      }
      // It refuses names of most octets, for which there is kdig.
      if (expected.code === 'EBADNAME' || name.includes('\\')) continue;
      expect([name, type, await settle(() => ours(unescaped(name), type))]).toEqual([
        name,
        type,
        expected,
      ]);
      compared += 1;
    }
  }
  expect(compared).toBeGreaterThan(500);
});

interface Settled {
  readonly code?: string;
  readonly syscall?: string;
  readonly hostname?: string;
  readonly records?: readonly unknown[];
}

async function settle(call: () => Promise<unknown>): Promise<Settled> {
  try {
    const records = (await call()) as readonly unknown[];
    // TXT records of several strings are one string here, and MX records have no `type`.
    const joined = records.map((each) =>
      Array.isArray(each) ? [each.join('')] : withoutType(each),
    );
    return {
      records: joined.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b))),
    };
  } catch (error) {
    const { code, syscall, hostname } = error as {
      code: string;
      syscall: string;
      hostname: string;
    };
    return { code, syscall, hostname };
  }
}

function withoutType(record: unknown): unknown {
  if (typeof record !== 'object') return record;
  const { type: _, ...rest } = record as { readonly type?: string };
  return rest;
}
