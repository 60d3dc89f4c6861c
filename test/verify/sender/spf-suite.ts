// The test suite of openspf.org for RFC 7208, as the Python package pyspf carries it; fetched once into a folder beside.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { DnsAnswer } from '../../../src/verify/dns/resolver.ts';
import { failureOf, installOnce, requireInCi } from '../../support/install-once.ts';
import type { Zone } from '../../support/zone-lookups.ts';

const folder = fileURLToPath(new URL('.spf-suite', import.meta.url));
const PYSPF = '2.0.14';
const TO_JSON = `import json, sys, yaml
docs = [doc for doc in yaml.safe_load_all(open(sys.argv[1], encoding='utf-8')) if doc]
json.dump(docs, open(sys.argv[2], 'w'), default=str)`;

export interface SuiteTest {
  readonly helo: string;
  readonly host: string;
  readonly mailfrom: string;
  /** Several where the RFC leaves it open. */
  readonly result: string | readonly string[];
  readonly explanation?: string;
}

type Entry = string | Readonly<Record<string, unknown>>;

export interface Scenario {
  readonly description: string;
  readonly tests: Readonly<Record<string, SuiteTest>>;
  readonly zonedata: Readonly<Record<string, readonly Entry[]>>;
}

/** The scenarios, or why they are not there. */
export function readSuite(): readonly Scenario[] | string {
  const json = `${folder}/suite.json`;
  const tests = `pyspf-${PYSPF}/test/rfc7208-tests.yml`;
  const reason = installOnce(
    folder,
    PYSPF,
    () =>
      failureOf('python3', ['-m', 'venv', `${folder}/python`]) ??
      failureOf(`${folder}/python/bin/pip`, [
        'install',
        '--quiet',
        'PyYAML==6.0.3',
        'setuptools',
        'wheel',
      ]) ??
      failureOf(
        `${folder}/python/bin/pip`,
        // The tests are in the source package alone.
        [
          'download',
          '--no-deps',
          '--no-binary',
          ':all:',
          '--no-build-isolation',
          `pyspf==${PYSPF}`,
        ],
        { folder },
      ) ??
      failureOf('tar', ['xzf', `pyspf-${PYSPF}.tar.gz`], { folder }) ??
      failureOf(`${folder}/python/bin/python`, ['-c', TO_JSON, `${folder}/${tests}`, json]),
  );
  if (reason === undefined) return JSON.parse(readFileSync(json, 'utf8')) as Scenario[];
  requireInCi(`no SPF test suite: ${reason}`);
  return `no SPF test suite: ${reason}`;
}

const FAILED: DnsAnswer = { kind: 'failed', reason: 'timeout' };
const TYPES = ['A', 'AAAA', 'MX', 'PTR', 'TXT'] as const;

/** The zone of a scenario. An SPF record stands for TXT where there is no TXT, as the suite demands of its drivers. */
export function zoneOf({ zonedata }: Scenario): Zone {
  const zone: Record<string, readonly string[] | DnsAnswer> = {};
  for (const name of Object.keys(zonedata)) {
    for (const type of TYPES) {
      const answer = answerOf(zonedata, name, type);
      if (answer !== undefined) zone[`${name} ${type}`] = answer;
    }
    // A name without a record of a type that is asked for exists too.
    zone[`${name} NS`] = [];
  }
  return zone;
}

function answerOf(
  zonedata: Scenario['zonedata'],
  name: string,
  type: string,
): readonly string[] | DnsAnswer | undefined {
  const key = Object.keys(zonedata).find((each) => each.toLowerCase() === name.toLowerCase());
  const entries = zonedata[key ?? ''] ?? [];
  const isTimeout = entries.includes('TIMEOUT');
  const records = entries.filter((entry) => typeof entry !== 'string');
  const ofType = (wanted: string): unknown[] =>
    records.filter((entry) => wanted in entry).map((entry) => entry[wanted]);
  const hasTxt = ofType('TXT').length > 0;
  const values = type === 'TXT' && !hasTxt ? ofType('SPF') : ofType(type);
  const usual = values.filter((value) => value !== 'NONE');
  if (usual.includes('TIMEOUT')) return FAILED;
  if (usual.length > 0) return usual.map((value) => textOf(value, type));
  const [alias] = ofType('CNAME');
  if (typeof alias === 'string') return answerOf(zonedata, alias, type);
  return isTimeout ? FAILED : undefined;
}

function textOf(value: unknown, type: string): string {
  if (type === 'MX' && Array.isArray(value)) return `${value[0]} ${value[1]}`;
  const text = Array.isArray(value) ? value.join('') : String(value);
  return Buffer.from(text, 'utf8').toString('latin1');
}
