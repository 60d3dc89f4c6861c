import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAuthenticator } from '../../../src/credentials/index.ts';
import { issueGrants } from '../../../src/policy/index.ts';
import { plain, session } from '../../credentials/support.ts';
import { startTestAws, type TestAws } from '../../support/aws.ts';
import { type Cli, groupCli } from '../support.ts';

let aws: TestAws;
let cli: Cli;
beforeAll(async () => {
  aws = await startTestAws();
  cli = groupCli('credentials', aws);
});
afterAll(() => aws.close());

function signIn(username: string, password: string) {
  return createAuthenticator({
    issueGrants,
    client: aws.dynamoDb,
    table: aws.resources.table,
  }).authenticate(plain(username, password), session());
}

test('add --json prints the user name and a password that signs in, and nothing else', async () => {
  const { exitCode, stdout, stderr } = await cli(['add', 'Scanner', '--json']);
  expect([exitCode, stderr]).toEqual([0, '']);
  const printed: { username: string; password: string } = JSON.parse(stdout);
  expect(stdout).toBe(`${JSON.stringify(printed)}\n`);
  expect(Object.keys(printed)).toEqual(['username', 'password']);
  expect(printed.username).toBe('scanner');
  expect(Buffer.from(printed.password, 'base64url')).toHaveLength(32);
  expect(await signIn('scanner', printed.password)).toMatchObject({ kind: 'accept' });
});

test('add shows the password once to a person', async () => {
  const { exitCode, stdout, stderr } = await cli(['add', 'camera']);
  expect([exitCode, stderr]).toEqual([0, 'The password is shown only once and is not stored.\n']);
  const [, password = ''] = /^username {2}camera\npassword {2}(\S+)\n$/.exec(stdout) ?? [];
  expect(await signIn('camera', password)).toMatchObject({ kind: 'accept' });
});

test('add leaves a credential of that name as it is', async () => {
  const first: { password: string } = JSON.parse((await cli(['add', 'twice', '--json'])).stdout);
  expect(await cli(['add', 'TWICE', '--json'])).toEqual({
    exitCode: 1,
    stdout: '',
    stderr: 'mailsluice credentials add: there is already a credential "twice"\n',
  });
  expect(await signIn('twice', first.password)).toMatchObject({ kind: 'accept' });
});

test('list prints every credential and no secret', async () => {
  const added: { password: string } = JSON.parse(
    (await cli(['add', 'listed', '--json', '--note', 'third floor'])).stdout,
  );
  const { stdout } = await cli(['list']);
  expect(stdout).toMatch(/^USERNAME +STATE +CREATED +EXPIRES +LAST USED +NOTE\n/);
  expect(stdout).toMatch(/^listed +enabled +\d{4}-\d\d-\d\d +- +- +third floor$/m);
  const json = (await cli(['list', '--json'])).stdout;
  expect(JSON.parse(json)).toContainEqual(
    expect.objectContaining({ username: 'listed', state: 'enabled', note: 'third floor' }),
  );
  for (const text of [stdout, json]) {
    expect(text).not.toContain(added.password);
    expect(text).not.toMatch(/\$hs256|storedKey|salt/i);
  }
});

test('list fits the terminal', async () => {
  await cli(['add', 'wordy', '--note', 'a long note '.repeat(20)]);
  const { stdout } = await cli(['list'], { columns: 72 });
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(72);
  expect(stdout).toContain('…');
});

test('remove removes, once', async () => {
  await cli(['add', 'leaver']);
  expect(await cli(['remove', 'leaver', '--json'])).toMatchObject({
    exitCode: 0,
    stdout: '{"username":"leaver"}\n',
  });
  expect(await cli(['remove', 'leaver'])).toEqual({
    exitCode: 1,
    stdout: '',
    stderr: 'mailsluice credentials remove: there is no credential "leaver"\n',
  });
});

test.each([
  ['an unknown option', ['add', 'name', '--nonsense'], /unknown option '--nonsense'/],
  ['a missing name', ['add'], /missing required argument 'name'/],
  ['an unknown command', ['frobnicate'], /unknown command 'frobnicate'/],
])('%s exits 2 with one line', async (_, args, line) => {
  const { exitCode, stdout, stderr } = await cli(args);
  expect([exitCode, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(line);
});

test('help exits 0', async () => {
  const { exitCode, stdout } = await cli(['--help']);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/add .*\n.*list/s);
});

test('a user name that cannot be is refused with the reason', async () => {
  const { exitCode, stderr } = await cli(['add', 'a\u0007b']);
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^mailsluice credentials add: user name "a\\u0007b": expected/);
});

test('a table that is not there is one friendly line', async () => {
  const { exitCode, stdout, stderr } = await cli(['list', '--table', 'no-such-table']);
  expect([exitCode, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^mailsluice credentials list: table "no-such-table": not found; .*\n$/);
});

test('an endpoint where nothing listens is one friendly line', async () => {
  const lost = groupCli('credentials', { ...aws, dynamoDbEndpoint: 'http://127.0.0.1:1' });
  const { exitCode, stderr } = await lost(['list']);
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(
    /^mailsluice credentials list: DynamoDB is not reachable \(ECONNREFUSED\)/,
  );
});
