// show, disable, enable, rotate, import, export and passwords, each on the embedded table.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createAuthenticator } from '../../../src/credentials/index.ts';
import { issueGrants } from '../../../src/policy/index.ts';
import { codeOf, plain, session, TestClock } from '../../credentials/support.ts';
import { startFaultyTable } from '../../credentials/faulty-table.ts';
import { startTestAws, type TestAws } from '../../support/aws.ts';
import { need } from '../../support/programs.ts';
import { type Cli, groupCli } from '../support.ts';

let aws: TestAws;
let cli: Cli;
let folder: string;
beforeAll(async () => {
  aws = await startTestAws();
  folder = await mkdtemp(join(tmpdir(), 'mailsluice-credentials-'));
});
beforeEach(() => {
  cli = groupCli('credentials', aws);
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await aws.close();
});

async function signIn(username: string, password: string, table = aws.resources.table) {
  const authenticator = createAuthenticator({
    issueGrants,
    client: aws.dynamoDb,
    table,
    clock: new TestClock(),
    recordLastUse: false,
  });
  return codeOf(await authenticator.authenticate(plain(username, password), session()));
}

async function added(...args: string[]): Promise<string> {
  const { stdout, stderr } = await cli(['add', ...args, '--json']);
  expect(stderr).toBe('');
  const { password }: { password: string } = JSON.parse(stdout);
  return password;
}

describe('add', () => {
  test('credentials add takes every grant, and show tells them', async () => {
    await added(
      ...['tenant', '--note', 'third floor', '--expires', '2099-01-31'],
      ...['--sender', '*@a.example', '--sender', 'x@b.example', '--recipient', '*'],
      ...['--cidr', '192.0.2.0/24', '--max-message-size', '10MB', '--prefix', 'tenant/'],
      ...['--messages', '100/1h', '--volume', '50MB/1h'],
      ...['--topic-arn', 'arn:aws:sns:eu-west-1:111122223333:tenant'],
    );
    expect(JSON.parse((await cli(['show', 'TENANT', '--json'])).stdout)).toMatchObject({
      username: 'tenant',
      state: 'enabled',
      note: 'third floor',
      version: 1,
      expiresAt: '2099-01-31T00:00:00.000Z',
      secrets: [{ kind: 'generated', scram: true }],
      allowedSenders: ['*@a.example', 'x@b.example'],
      allowedRecipients: ['*'],
      allowedCidrs: ['192.0.2.0/24'],
      maxMessageSize: 10_000_000,
      rate: { messages: 100, octets: 50_000_000, periodSeconds: 3600 },
      prefix: 'tenant/',
      topicArn: 'arn:aws:sns:eu-west-1:111122223333:tenant',
    });
    const { stdout } = await cli(['show', 'tenant']);
    expect(stdout).toMatch(/^rate +100 messages and 50,000,000 octets in 3600 s$/m);
    expect(stdout).toMatch(/^expires +2099-01-31 00:00 UTC$/m);
    expect(stdout).toMatch(/^may send as +\*@a\.example x@b\.example$/m);
  });

  test.each([
    ['--sender', 'example.com', /expected an address/],
    ['--sender', '*@*', /expected an address, "\*@domain", .* or "\*", got "\*@\*"/],
    ['--recipient', 'a*b@example.com', /"local@\*" or "\*", got "a\*b@example\.com"/],
    ['--cidr', '192.0.2.0/33', /expected an address or a network/],
    ['--max-message-size', 'ten', /expected a size/],
    ['--messages', '100', /expected an amount and a period/],
    ['--volume', '50MB/0s', /expected an amount and a period/],
    ['--expires', 'soon', /expected a time from now/],
    ['--topic-arn', 'tenant', /expected the ARN/],
  ])('credentials add refuses %s %s, exit 2', async (option, value, message) => {
    const { exitCode, stdout, stderr } = await cli(['add', 'refused', option, value]);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
  });

  test('credentials add refuses two rates with two periods', async () => {
    const { exitCode, stderr } = await cli([
      ...['add', 'refused', '--messages', '1/1h', '--volume', '1MB/1d'],
    ]);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/the same period/);
  });

  test('credentials add --expires takes a time from now', async () => {
    await added('temporary', '--expires', '90d');
    const shown: { expiresAt: string; createdAt: string } = JSON.parse(
      (await cli(['show', 'temporary', '--json'])).stdout,
    );
    const days = (Date.parse(shown.expiresAt) - Date.parse(shown.createdAt)) / 86_400_000;
    expect(days).toBeCloseTo(90, 2);
  });

  test('credentials add --token-only makes no secret', async () => {
    const { stdout } = await cli(['add', 'by-token', '--token-only', '--json']);
    expect(stdout).toBe('{"username":"by-token"}\n');
    expect((await cli(['show', 'by-token'])).stdout).toMatch(/^secret +none: signs in by token$/m);
  });
});

describe('passwords', () => {
  test('passwords come from standard input, and are not printed', async () => {
    const { exitCode, stdout, stderr } = await cli(['add', 'person', '--password-stdin'], {
      stdin: 'correct horse\n',
    });
    expect([exitCode, stdout, stderr]).toEqual([0, 'username  person\n', '']);
    expect(await signIn('person', 'correct horse')).toBe(235);
  });

  test.each([
    ['an empty password', '', /empty/],
    ['a password with a control character', 'a\u0007b', /SASLprep/],
    ['an endless password', 'x'.repeat(10_000), /too long/],
    ['a password longer than may be', 'x'.repeat(1025), /longer than 1024/],
  ])('%s is refused without being repeated', async (_, password, message) => {
    const { exitCode, stdout, stderr } = await cli(['add', 'nobody', '--password-stdin'], {
      stdin: `${password}\n`,
    });
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain(password === '' ? '\0' : password);
  });

  test('credentials add has no option to say a password on the command line', async () => {
    const { exitCode, stderr } = await cli(['add', 'nobody', '--password', 'secret']);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/unknown option '--password'/);
  });

  test('--ask-password without a terminal says what to use instead', async () => {
    const { exitCode, stderr } = await cli(['add', 'nobody', '--ask-password']);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/--password-stdin/);
  });

  const ask = async (answers: string, username: string) => {
    const main = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
    const prompt = fileURLToPath(new URL('prompt.py', import.meta.url));
    const command = [
      ...[process.execPath, main, 'credentials', 'add', username, '--ask-password'],
      ...['--table', aws.resources.table],
    ];
    return promisify(execFile)('/usr/bin/python3', [prompt, answers, ...command], {
      env: { PATH: process.env['PATH'], ...aws.environment },
    });
  };

  test('passwords are asked for twice on a terminal, which shows nothing of them', async ({
    skip,
  }) => {
    need(skip, '/usr/bin/python3');
    const { stdout } = await ask(
      'typed hXorse\\ntyped hXorse'.replaceAll('X', 'X\u007f'),
      'typist',
    );
    expect(stdout).toContain('Password: ');
    expect(stdout).toContain('Again: ');
    expect(stdout).toContain('username  typist');
    expect(stdout).not.toMatch(/typed|orse/);
    expect(await signIn('typist', 'typed horse')).toBe(235);
  });

  test('passwords that differ are refused', async ({ skip }) => {
    need(skip, '/usr/bin/python3');
    await expect(ask('one password\\nanother', 'nobody')).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringContaining('the two passwords differ'),
    });
  });
});

test('disable and enable turn a credential off and on', async () => {
  const secret = await added('switched');
  expect((await cli(['disable', 'switched'])).stdout).toBe('disabled switched\n');
  expect(await signIn('switched', secret)).toBe(535);
  expect((await cli(['show', 'switched'])).stdout).toMatch(/^state +disabled$/m);
  expect((await cli(['enable', 'switched', '--json'])).stdout).toBe(
    '{"username":"switched","enabled":true}\n',
  );
  expect(await signIn('switched', secret)).toBe(235);
});

describe('rotate', () => {
  test('credentials rotate gives a new secret and lets the old one go on for a day', async () => {
    const old = await added('rotated');
    const { stdout } = await cli(['rotate', 'rotated', '--json']);
    const { username, password, oldUntil }: Record<string, string> = JSON.parse(stdout);
    expect(username).toBe('rotated');
    expect(await signIn('rotated', password ?? '')).toBe(235);
    expect(await signIn('rotated', old)).toBe(235);
    expect((Date.parse(oldUntil ?? '') - Date.now()) / 3600_000).toBeCloseTo(24, 1);
    const shown: { secrets: object[] } = JSON.parse(
      (await cli(['show', 'rotated', '--json'])).stdout,
    );
    expect(shown.secrets).toHaveLength(2);
  });

  test('credentials rotate --keep 0s ends the old one', async () => {
    const old = await added('leaked');
    const { stdout, stderr } = await cli(['rotate', 'leaked', '--keep', '0s']);
    const [, password = ''] = /^password {2}(\S+)$/m.exec(stdout) ?? [];
    expect(stderr).toMatch(/within a minute/);
    expect(await signIn('leaked', old)).toBe(535);
    expect(await signIn('leaked', password)).toBe(235);
  });

  test('credentials rotate takes a password', async () => {
    await added('chooser');
    await cli(['rotate', 'chooser', '--password-stdin'], { stdin: 'my own choice' });
    expect(await signIn('chooser', 'my own choice')).toBe(235);
  });

  test('credentials rotate refuses a name that is not there, and a time that is none', async () => {
    expect(await cli(['rotate', 'nobody'])).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'mailsluice credentials rotate: there is no credential "nobody"\n',
    });
    expect((await cli(['rotate', 'nobody', '--keep', 'long'])).exitCode).toBe(2);
  });
});

describe('export and import', () => {
  test('credentials export and import carry a whole table over, secrets and grants and all', async () => {
    const table = { TableName: 'another-table', BillingMode: 'PAY_PER_REQUEST' } as const;
    await aws.dynamoDb.send(
      new CreateTableCommand({
        ...table,
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      }),
    );
    const secret = await added('mover', '--sender', '*@a.example', '--messages', '5/1m');
    await cli(['rotate', 'mover', '--password-stdin'], { stdin: 'chosen one' });
    const exported = await cli(['export']);
    expect(exported.stderr).toMatch(/protect it like the table/);
    const file = join(folder, 'exported');
    await writeFile(file, exported.stdout);
    const imported = await cli(['import', file, '--table', 'another-table', '--json']);
    const lines = exported.stdout.trimEnd().split('\n').length;
    expect(imported).toMatchObject({
      exitCode: 0,
      stdout: `{"imported":${lines},"taken":[]}\n`,
    });
    expect(await signIn('mover', secret, 'another-table')).toBe(235);
    expect(await signIn('mover', 'chosen one', 'another-table')).toBe(235);
    const sorted = (text: string): string[] => text.trimEnd().split('\n').toSorted();
    expect(sorted((await cli(['export', '--table', 'another-table'])).stdout)).toEqual(
      sorted(exported.stdout),
    );
  });

  // Made by "argon2 somesalt -id -t 2 -m 16 -p 1" of the word "password".
  const argon2id =
    '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';

  test('credentials import: a password file of argon2id hashes is taken, from standard input', async () => {
    const { exitCode, stdout } = await cli(['import', '-'], {
      stdin: `# users\nOlder:${argon2id}\r\n\ndovecot:{ARGON2ID}${argon2id}::::::\n`,
    });
    expect([exitCode, stdout]).toEqual([0, '2 imported\n']);
    expect(await signIn('older', 'password')).toBe(235);
    expect(await signIn('dovecot', 'password')).toBe(235);
    expect(await signIn('older', 'passwort')).toBe(535);
    expect((await cli(['show', 'older'])).stdout).toMatch(/^secret +imported .*, not for SCRAM$/m);
  });

  test('credentials import: a file with wrong lines imports nothing, and each line is reported without its hash', async () => {
    const bcrypt = '$2y$10$nOUIs5kJ7naTuTFkBy1veuK0kSxUFXfuaOKdOKf9xYT0KKIGSJwFa';
    const { exitCode, stdout, stderr } = await cli(['import', '-'], {
      stdin: [
        `fine:${argon2id}`,
        `old:${bcrypt}`,
        'sha:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=',
        'no hash at all',
        '{"username":"half"}',
        `FINE:${argon2id}`,
      ].join('\n'),
    });
    expect([exitCode, stdout]).toEqual([1, '']);
    const lines = stderr.trimEnd().split('\n');
    expect(lines.map((line) => line.slice(0, 4))).toEqual([
      '-:2:',
      '-:3:',
      '-:4:',
      '-:5:',
      '-:6:',
      'mail',
    ]);
    expect(lines[0]).toMatch(/bcrypt/);
    expect(lines[3]).toMatch(/version/);
    expect(lines[4]).toMatch(/"fine" appears twice/);
    expect(stderr).not.toContain(bcrypt);
    expect(stderr).not.toContain('W6ph5');
    expect((await cli(['show', 'fine'])).exitCode).toBe(1);
  });

  test('credentials import: names that are taken stay as they are, unless --replace', async () => {
    const secret = await added('holder');
    const stdin = `holder:${argon2id}\n`;
    const refused = await cli(['import', '-'], { stdin });
    expect(refused).toMatchObject({ exitCode: 1, stdout: '0 imported\n' });
    expect(refused.stderr).toMatch(/were not changed.*holder/);
    expect(await signIn('holder', secret)).toBe(235);
    expect((await cli(['import', '-', '--replace'], { stdin })).exitCode).toBe(0);
    expect(await signIn('holder', secret)).toBe(535);
    expect(await signIn('holder', 'password')).toBe(235);
    expect(JSON.parse((await cli(['show', 'holder', '--json'])).stdout)).toMatchObject({
      version: 2,
    });
  });

  test('credentials import: --dry-run writes nothing', async () => {
    const { exitCode, stdout } = await cli(['import', '-', '--dry-run'], {
      stdin: `dry:${argon2id}\n`,
    });
    expect([exitCode, stdout]).toEqual([0, '1 would be imported\n']);
    expect((await cli(['show', 'dry'])).exitCode).toBe(1);
  });

  test('credentials import: a file that is not there is one line', async () => {
    const { exitCode, stderr } = await cli(['import', join(folder, 'none')]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^mailsluice credentials import: .*none: cannot be read \(ENOENT\)\n$/);
  });
});

describe('what AWS can say', () => {
  test.each([
    ['denied', /have no right/],
    ['expired', /the AWS session has expired: sign in again/],
    ['unrecognized', /AWS refuses these credentials/],
    ['throttle', /throttling/],
    ['reset', /not reachable \(ECONNRESET\)/],
  ] as const)('the AWS failure "%s" is one friendly line, exit 1', async (fault, line) => {
    await using table = await startFaultyTable(aws);
    table.fault = fault;
    const { exitCode, stdout, stderr } = await groupCli('credentials', {
      ...aws,
      dynamoDbEndpoint: table.endpoint,
    })(['list']);
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^mailsluice credentials list: .*\n$/);
    expect(stderr).toMatch(line);
  });

  test('a table with another key is recognized by its key', async () => {
    await aws.dynamoDb.send(
      new CreateTableCommand({
        TableName: 'somebody-elses',
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      }),
    );
    const { exitCode, stderr } = await cli(['show', 'name', '--table', 'somebody-elses']);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/expected a partition key "pk"/);
  });

  test.each([
    ['no region', { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' }, /no AWS region/],
    ['no credentials', { AWS_REGION: 'eu-west-1' }, /no AWS credentials found/],
  ])(
    '%s for AWS is one friendly line of the program itself, exit 1',
    async (_, environment, line) => {
      const main = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
      await expect(
        promisify(execFile)(
          process.execPath,
          [main, 'credentials', 'list', '--table', 'any-table'],
          {
            env: {
              PATH: process.env['PATH'],
              HOME: folder,
              // No question to the metadata service of a machine that is not one of Amazon's.
              AWS_EC2_METADATA_DISABLED: 'true',
              ...environment,
            },
          },
        ),
      ).rejects.toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringMatching(line),
      });
    },
  );
});
