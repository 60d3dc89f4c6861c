// The reference of the settings: the page, the JSON Schema and the program say the same.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { configurationJsonSchema, parseConfiguration } from '../../src/config/index.ts';
import { settings, settingsPage, withSettings } from './settings-table.ts';

interface JsonSchema {
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

const schema: JsonSchema = configurationJsonSchema();
const all = settings();

/** Path → what the JSON Schema says of it; `[]` stands for the entries of a list. */
function nodesOf(node: JsonSchema, path: string): [string, JsonSchema][] {
  const inside = [node, ...(node.anyOf ?? [])].flatMap(({ properties, items }) => [
    ...Object.entries(properties ?? {}).flatMap(([name, field]) =>
      nodesOf(field, path === '' ? name : `${path}.${name}`),
    ),
    ...(items === undefined ? [] : nodesOf(items, `${path}[]`)),
  ]);
  return [[path, node], ...inside];
}

const nodes = nodesOf(schema, '');
const byPath = new Map(nodes);

test('the table of settings in the README is the one of the schema', () => {
  const page = readFileSync(settingsPage, 'utf8');
  expect(withSettings(page)).toBe(page);
});

test.each(all)('$path has a range and one sentence of plain text', ({ type, range, meaning }) => {
  expect(meaning).toMatch(/^[A-Z][^.]*(?:\.[^ ][^.]*)*\.$/);
  expect(meaning).not.toMatch(/\$\{|undefined|`/);
  if (type !== 'object') expect(range).not.toBe('');
});

test('every limit is named, with its units', () => {
  const row = (path: string) => all.find((setting) => setting.path === path);
  expect(row('limits.maxMessageSize')).toMatchObject({
    default: '`"40MB"`',
    range: '1KB to 500MB',
  });
  expect(row('limits.answerTimeout')).toMatchObject({ default: '`"2m"`', range: '1s to 10m' });
  expect(row('limits.messageTimeout')).toMatchObject({ default: '`"1h"`', range: '1s to 1d' });
  expect(row('limits.maxRecipientDomains')).toMatchObject({ default: 'none', range: '1 to 1,000' });
  expect(row('hostname')).toMatchObject({ default: '**required**', type: 'text' });
});

test('the defaults of the table are those of the program', () => {
  const given: Record<string, unknown> = {
    hostname: 'mx.example.com',
    tls: { certificates: [{ certFile: 'mx.crt', keyFile: 'mx.key' }] },
    store: { bucket: 'mail-bucket' },
    notify: { topicArn: 'arn:aws:sns:eu-west-1:111122223333:mail' },
    credentials: { table: 'mail-credentials' },
    duplicates: { window: '1h' },
    scan: { spam: { url: 'http://127.0.0.1:11333' }, virus: { address: '127.0.0.1:3310' } },
    local: {},
  };
  const document = structuredClone(given);
  const written = all.filter(
    ({ path, default: value }) =>
      value.startsWith('`') && !path.includes('[]') && path !== 'tls.certificates',
  );
  for (const { path, default: value } of written) {
    const names = path.split('.');
    const last = names.pop() ?? '';
    let section = document;
    for (const name of names) section = (section[name] ??= {}) as Record<string, unknown>;
    section[last] = JSON.parse(value.slice(1, -1));
  }
  expect(written.length).toBeGreaterThan(40);
  expect(parseConfiguration(document)).toEqual(parseConfiguration(given));
});

test('the examples of the README are what the program does', () => {
  const page = readFileSync(settingsPage, 'utf8');
  const [, example = ''] = /```json\n(.*?)```/s.exec(page) ?? [];
  expect(parseConfiguration(JSON.parse(example)).limits).toMatchObject({
    maxMessageSize: 25e6,
    answerTimeout: 60,
  });
  const [, messages = ''] = /```\n(listeners.*?)\n```/s.exec(page) ?? [];
  const wrong = {
    ...JSON.parse(example),
    listeners: [
      { name: 'mx', port: '25', colour: 'red' },
      { name: 'smtps', port: 465, tls: 'implicit', auth: 'required' },
    ],
    routes: [{ recipients: ['*@*'] }],
  };
  const { listeners, credentials: _, ...rest } = wrong;
  const problems = [wrong, { ...rest, listeners: listeners.slice(1) }].flatMap((document) => {
    try {
      parseConfiguration(document);
      return [];
    } catch (error) {
      return String((error as Error).message).split('\n');
    }
  });
  const expected = messages.split('\n');
  expect(expected).toHaveLength(4);
  expect([...new Set(problems)]).toEqual(expected);
});

describe('the JSON Schema', () => {
  test.each(all)(
    'the JSON Schema says of $path what the table says',
    ({ path, default: value, meaning }) => {
      const node = byPath.get(path);
      expect(node?.description).toBe(meaning);
      if (value.startsWith('`')) expect(node?.default).toEqual(JSON.parse(value.slice(1, -1)));
      if (value === 'none' || value.startsWith('**required'))
        expect(node).not.toHaveProperty('default');
    },
  );

  test('the JSON Schema has a description of every field, and refuses unknown ones', () => {
    const open = nodes.filter(
      ([, node]) => node.type === 'object' && node.additionalProperties !== false,
    );
    expect(open).toEqual([]);
    expect(nodes.filter(([, { description }]) => description === undefined)).toEqual([]);
  });

  test.each(all.filter(({ type }) => type === 'number'))(
    'the JSON Schema has the range of $path',
    ({ path, range }) => {
      const { minimum, maximum } = byPath.get(path) ?? {};
      expect(`${minimum} to ${maximum}`).toBe(range.replaceAll(',', ''));
    },
  );

  test.each(all.filter(({ type }) => type === 'choice'))(
    'the JSON Schema has the choices of $path',
    ({ path, range }) => {
      expect(
        byPath
          .get(path)
          ?.enum?.map((choice) => `"${choice}"`)
          .join(', '),
      ).toBe(range);
    },
  );

  test.each(all.filter(({ type }) => type === 'size' || type === 'time'))(
    'the JSON Schema has the range and the units of $path',
    ({ path }) => {
      const [number, text] = byPath.get(path)?.anyOf ?? [];
      expect(number).toMatchObject({ type: 'number', minimum: expect.any(Number) });
      expect(number?.maximum).toBeGreaterThan(number?.minimum ?? Infinity);
      expect(text?.type).toBe('string');
      expect(new RegExp(text?.pattern ?? '').test('40')).toBe(false);
    },
  );

  test('the JSON Schema has the fields that must be given', () => {
    expect(schema.required).toEqual(['hostname', 'store', 'notify']);
    expect(byPath.get('listeners[]')?.required).toEqual(['name', 'port']);
    expect(byPath.get('limits')?.required).toBeUndefined();
  });
});
