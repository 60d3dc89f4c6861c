// What stops the program before it serves: one clear line for each fault, the right exit code, no stack.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeSelfSignedCertificate } from '../../src/app/local/self-signed.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { freePort } from '../support/free-port.ts';
import { mailsluice } from '../support/cli.ts';

let aws: TestAws;
let folder: string;
let busy: Server;
let busyPort: number;
let serving: {
  hostname: string;
  listeners: object[];
  tls: object;
  store: object;
  notify: object;
  health: object;
};

beforeAll(async () => {
  aws = await startTestAws();
  folder = mkdtempSync(join(tmpdir(), 'mailsluice-start-'));
  const { cert, key } = await makeSelfSignedCertificate('mx.example');
  writeFileSync(join(folder, 'mx.crt'), cert);
  writeFileSync(join(folder, 'mx.key'), key);
  writeFileSync(join(folder, 'other.key'), (await makeSelfSignedCertificate('other.example')).key);
  writeFileSync(join(folder, 'no.crt'), 'this is no certificate\n');
  busy = createServer();
  await new Promise<void>((resolve) => {
    busy.listen(0, '127.0.0.1', resolve);
  });
  busyPort = (busy.address() as { port: number }).port;
  serving = {
    hostname: 'mx.example',
    listeners: [{ name: 'mx', host: '127.0.0.1', port: 0 }],
    tls: { certificates: [{ certFile: `${folder}/mx.crt`, keyFile: `${folder}/mx.key` }] },
    store: { bucket: aws.resources.bucket },
    notify: { topicArn: aws.resources.topicArn },
    health: { host: '127.0.0.1', port: 0 },
  };
});
afterAll(async () => {
  busy.close();
  rmSync(folder, { recursive: true });
  await aws.close();
});

/** Runs `serve` with the good configuration changed; gives what it said on the way out. */
async function serve(changes: object, environment = aws.environment) {
  const { code, lines } = await mailsluice(
    ['serve', '--config', JSON.stringify({ ...serving, ...changes, log: { level: 'silent' } })],
    environment,
  );
  expect(lines.join('\n')).not.toMatch(/^\s+at |node:internal|Error:/m);
  return { code, lines };
}

async function startWebServer(status: number) {
  const server = createHttpServer((request, response) => {
    request.resume();
    response.writeHead(status, { 'content-type': 'text/html' });
    response.end('<!DOCTYPE html><html><body><h1>It works!</h1></body></html>');
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    endpoint: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Each was once accepted by the schema and refused by the routes, without a path. */
const notPatterns = ['*@*', 'a*b@example.com', 'a@b*', '**@a.b'];
const notPatternLines = notPatterns.map(
  (pattern, at) =>
    `routes[0].recipients[${at}]: expected an address, "*@domain", "*@*.domain", "local@*" or "*", got "${pattern}"`,
);
/** The problem alone, without the name of the command before it. */
function withoutProgram(line: string): string {
  return line.replace(/^mailsluice[a-z ]*: /, '');
}

describe('serve', () => {
  test('serve: a text that is no address pattern is refused with its path, exit 2', async () => {
    const { code, lines } = await serve({ routes: [{ recipients: notPatterns }] });
    expect({ code, lines: lines.map(withoutProgram) }).toEqual({ code: 2, lines: notPatternLines });
  });

  test('serve: a listener’s port in use is one line, exit 1', async () => {
    const { code, lines } = await serve({
      listeners: [{ name: 'mx', host: '127.0.0.1', port: busyPort }],
    });
    expect(code).toBe(1);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(new RegExp(`mx.*${busyPort}.*another program listens on`));
  });

  test('serve: the health port in use is one line, exit 1', async () => {
    const { code, lines } = await serve({ health: { host: '127.0.0.1', port: busyPort } });
    expect(code).toBe(1);
    expect(lines).toEqual([
      `mailsluice serve: health.port: expected an address that is free, got 127.0.0.1:${busyPort} (EADDRINUSE)`,
    ]);
  });

  test.each([
    ['on loopback', [], {}, '127.0.0.1'],
    ['where --health-host says', ['--health-host', '0.0.0.0'], {}, '0.0.0.0'],
    [
      'where the configuration says, whatever --health-host says',
      ['--health-host', '0.0.0.0'],
      { host: '127.0.0.1' },
      '127.0.0.1',
    ],
  ])('serve: the health server listens %s', async (_, args, health, host) => {
    const configuration = { ...serving, health: { ...health, port: busyPort } };
    const { lines } = await mailsluice(
      [
        'serve',
        ...args,
        '--config',
        JSON.stringify({ ...configuration, log: { level: 'silent' } }),
      ],
      aws.environment,
    );
    expect(lines).toEqual([
      `mailsluice serve: health.port: expected an address that is free, got ${host}:${busyPort} (EADDRINUSE)`,
    ]);
  });

  test('serve: the image has its health server listen on every address, for probes from outside', () => {
    const dockerfile = readFileSync(new URL('../../Dockerfile', import.meta.url), 'utf8');
    const command = /^CMD (.+)$/m.exec(dockerfile)?.[1] ?? '[]';
    expect(JSON.parse(command)).toEqual(['serve', '--health-host', '0.0.0.0']);
  });

  test('serve: a --health-host that is no host is refused, exit 2', async () => {
    const { health: _, ...configuration } = serving;
    const { code, lines } = await mailsluice(
      ['serve', '--health-host', 'a b', '--config', JSON.stringify(configuration)],
      aws.environment,
    );
    expect(code).toBe(2);
    expect(lines.map(withoutProgram)).toEqual([
      expect.stringMatching(/^health\.host: expected .*, got "a b"$/),
    ]);
  });

  test('serve: certificates that cannot be read are a line each, exit 1', async () => {
    const { code, lines } = await serve({
      tls: {
        certificates: [
          { certFile: '/nowhere/a.crt', keyFile: `${folder}/mx.key` },
          { certFile: '/nowhere/b.crt', keyFile: `${folder}/mx.key` },
        ],
      },
    });
    expect(code).toBe(1);
    expect(lines).toEqual([
      'mailsluice serve: tls.certificates[0].certFile: expected a readable PEM file, got "/nowhere/a.crt" (ENOENT)',
      'mailsluice serve: tls.certificates[1].certFile: expected a readable PEM file, got "/nowhere/b.crt" (ENOENT)',
    ]);
  });

  test.each([
    ['that is none', 'no.crt', 'mx.key'],
    ['whose key is another’s', 'mx.crt', 'other.key'],
  ])('serve: a certificate %s is one line, exit 1', async (_, certFile, keyFile) => {
    const { code, lines } = await serve({
      tls: {
        certificates: [{ certFile: join(folder, certFile), keyFile: join(folder, keyFile) }],
      },
    });
    expect(code).toBe(1);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^mailsluice serve: .*certificate.*expected .* got /);
  });

  test('serve: a bucket that is not there is one line, exit 1', async () => {
    const { code, lines } = await serve({ store: { bucket: 'not-there' } });
    expect(code).toBe(1);
    expect(lines).toEqual([
      'mailsluice serve: store.bucket: expected a bucket that can be used, got "not-there" (there is no such bucket)',
    ]);
  });

  test.each([
    ['S3', 200],
    ['S3', 404],
    ['DynamoDB', 200],
  ])(
    'serve: a web server in the place of %s that answers %i is one line, exit 1',
    async (of, status) => {
      const { bucket, table } = aws.resources;
      await using web = await startWebServer(status);
      const { code, lines } = await serve(
        { credentials: { table } },
        {
          ...aws.environment,
          [of === 'S3' ? 'AWS_ENDPOINT_URL_S3' : 'AWS_ENDPOINT_URL_DYNAMODB']: web.endpoint,
        },
      );
      const problem =
        of === 'S3'
          ? `store.bucket: expected a bucket that can be used, got "${bucket}" (${web.endpoint} answered ListObjectsV2 with ${status} (text/html)`
          : `credentials.table: expected a credential table, got "${table}" (${web.endpoint} does not answer as DynamoDB`;
      expect(code).toBe(1);
      expect(lines).toHaveLength(1);
      expect(lines[0]).toContain(`mailsluice serve: ${problem}`);
      expect(lines[0]).toContain('check the endpoint');
    },
  );

  test('serve: a table that is not there is one line, exit 1', async () => {
    const { code, lines } = await serve({ credentials: { table: 'not-there' } });
    expect(code).toBe(1);
    expect(lines).toEqual([
      'mailsluice serve: credentials.table: expected a credential table, got "not-there" (there is no such table)',
    ]);
  });

  test('serve: a table with another key is one line, exit 1', async () => {
    await aws.dynamoDb.send(
      new CreateTableCommand({
        TableName: 'other-key',
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'N' }],
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      }),
    );
    const { code, lines } = await serve({ credentials: { table: 'other-key' } });
    expect(code).toBe(1);
    expect(lines).toEqual([
      'mailsluice serve: credentials.table: expected a credential table, got "other-key" (its key is not the string "pk" alone)',
    ]);
  });

  test('serve: no configuration is one line, exit 2', async () => {
    const { code, lines } = await mailsluice(['serve']);
    expect(code).toBe(2);
    expect(lines).toHaveLength(1);
  });
});

describe('config check', () => {
  const five = JSON.stringify({
    hostname: 'two words',
    listeners: [{ name: 'mx', port: 70000, tls: 'none' }],
    store: { bucket: 'Capitals' },
    notify: { topicArn: 'mail' },
    limits: { maxMessageSize: 'huge' },
  });

  test('config check: five mistakes are five lines, each with path, expectation and value, exit 2', async () => {
    const { code, lines } = await mailsluice(['config', 'check', '--config', five]);
    expect(code).toBe(2);
    expect(lines).toHaveLength(5);
    expect(
      lines.map(
        (line) => /^mailsluice config check: ([^:]+): expected .+, got .+$/.exec(line)?.[1],
      ),
    ).toEqual([
      'hostname',
      'listeners[0].port',
      'store.bucket',
      'notify.topicArn',
      'limits.maxMessageSize',
    ]);
  });

  test('config check: what is valid and seldom meant is one warning, and the document is valid', async () => {
    const listeners = [{ name: 'scanners', port: 2526, tls: 'starttls', tlsProfile: 'old' }];
    const config = JSON.stringify({ ...serving, listeners });
    const { code, lines } = await mailsluice(['config', 'check', '--config', config]);
    expect(code).toBe(0);
    expect(lines).toEqual([
      expect.stringMatching(
        /^mailsluice config check: warning: listeners\[0\]\.tlsProfile: "old" allows/,
      ),
      '--config: valid',
    ]);
  });

  test('config check: "reject" without a resolver that answers is a warning', async () => {
    const resolver = `127.0.0.1:${await freePort()}`;
    const verify = { resolvers: [resolver], timeout: '500ms', dmarc: 'reject' };
    const config = JSON.stringify({ ...serving, verify });
    const { code, lines } = await mailsluice(['config', 'check', '--config', config]);
    expect(code).toBe(0);
    expect(lines).toEqual([
      expect.stringMatching(/^mailsluice config check: warning: verify\.dmarc: "reject" refuses/),
      '--config: valid',
    ]);
  });

  test('config check: a text that is no address pattern is refused with the sentence of serve, exit 2', async () => {
    const config = JSON.stringify({ ...serving, routes: [{ recipients: notPatterns }] });
    const { code, lines } = await mailsluice(['config', 'check', '--config', config]);
    expect({ code, lines: lines.map(withoutProgram) }).toEqual({ code: 2, lines: notPatternLines });
  });

  test('config check: the same document is found in MAILSLUICE_CONFIG, inline and as a path', async () => {
    const file = join(folder, 'five.json');
    writeFileSync(file, five);
    for (const MAILSLUICE_CONFIG of [five, file]) {
      const { code, lines } = await mailsluice(['config', 'check'], { MAILSLUICE_CONFIG });
      expect({ code, count: lines.length }).toEqual({ code: 2, count: 5 });
    }
  });

  test('config check: a document that is not JSON is reported with its place and without its text', async () => {
    const config = '{\n "password": "hunter2" "key": 1 }';
    const { code, lines } = await mailsluice(['config', 'check', '--config', config]);
    expect(code).toBe(2);
    expect(lines).toEqual([
      'mailsluice config check: --config: expected a JSON document, got something else at line 2, column 24',
    ]);
  });

  test('config check: a file that is not there is one line, exit 1', async () => {
    const { code, lines } = await mailsluice(['config', 'check', '--config', '/nowhere.json']);
    expect(code).toBe(1);
    expect(lines).toEqual([
      'mailsluice config check: --config: expected a readable file or a JSON document, got "/nowhere.json" (ENOENT)',
    ]);
  });

  test('config check: a valid configuration prints valid, exit 0', async () => {
    const { code, lines } = await mailsluice([
      'config',
      'check',
      '--config',
      JSON.stringify(serving),
    ]);
    expect({ code, lines }).toEqual({ code: 0, lines: ['--config: valid'] });
  });
});

test('config schema prints a JSON Schema, exit 0', async () => {
  const { code, output } = await mailsluice(['config', 'schema']);
  expect(code).toBe(0);
  expect(JSON.parse(output)).toMatchObject({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
  });
});

test.each([['bogus'], ['config', 'bogus'], ['serve', '--bogus'], ['config', 'check', 'x', 'y']])(
  'a command line that is wrong (%s %s) ends with 2',
  async (...args) => {
    const { code } = await mailsluice(args.filter((arg) => arg !== undefined));
    expect(code).toBe(2);
  },
);

test('--version and --help end with 0', async () => {
  expect(await mailsluice(['--version'])).toMatchObject({ code: 0, lines: ['0.1.0'] });
  expect((await mailsluice(['--help'])).code).toBe(0);
});
