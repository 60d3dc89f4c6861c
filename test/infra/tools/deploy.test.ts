import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { Route53Client } from '@aws-sdk/client-route-53';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  checkAccount,
  checkCli,
  checkContainerBuilder,
  checkDeployment,
  checkRegions,
  type DeployClients,
  doctorsStack,
  optionOf,
  readContext,
  readOptions,
} from '../../../infra/tools/deploy.ts';
import { SettingsError } from '../../../infra/bridge/settings-error.ts';
import { startOwnTestAws, type TestAws } from '../../support/aws.ts';

let aws: TestAws;
beforeAll(async () => {
  aws = await startOwnTestAws({ region: 'eu-west-1' });
});
afterAll(() => aws.close());

describe('before a deployment', () => {
  test.each([
    ['2.1148.1 (build 0a1b2c3)\n', 'fine'],
    ['3.0.0 (build 0a1b2c3)\n', 'missing'],
    ['', 'missing'],
  ])('the CDK command line %j is %s', (output, kind) => {
    expect(checkCli(output, '2.1148.1').kind).toBe(kind);
  });

  test('a missing container builder is named, with what to do', () => {
    expect(checkContainerBuilder('docker', 0)).toEqual({ kind: 'fine' });
    expect(checkContainerBuilder('podman', null)).toMatchObject({
      kind: 'missing',
      says: expect.stringContaining('"podman"') as string,
    });
  });

  test('an account without bootstrap in this region gets the command for it, and one with it passes', async () => {
    expect(await checkAccount(aws.s3)).toMatchObject({
      kind: 'missing',
      says: expect.stringContaining('Run "npx cdk bootstrap" once') as string,
    });
    const create = (region: string) =>
      aws.s3.send(
        new CreateBucketCommand({ Bucket: `cdk-hnb659fds-assets-111122223333-${region}` }),
      );
    await create('us-east-1');
    expect((await checkAccount(aws.s3)).kind).toBe('missing');
    await create('eu-west-1');
    expect(await checkAccount(aws.s3)).toEqual({ kind: 'fine' });
  });

  test('a bootstrap with another qualifier is named, and passes where it is given', async () => {
    await aws.s3.send(
      new CreateBucketCommand({ Bucket: 'cdk-ours1-assets-111122223333-eu-west-1' }),
    );
    expect(await checkAccount(aws.s3, 'ours1')).toEqual({ kind: 'fine' });
    expect(await checkAccount(aws.s3, 'theirs')).toMatchObject({
      kind: 'unknown',
      says: expect.stringContaining('@aws-cdk/core:bootstrapQualifier=') as string,
    });
  });

  test.each([
    [['--profile', 'prod'], { profile: 'prod' }],
    [['--profile=prod', '-c', 'hostname=mx.example.com'], { profile: 'prod' }],
    [['-c', 'image=ghcr.io/x/y:1'], { image: 'ghcr.io/x/y:1' }],
    [['--context', 'stage=test'], { image: 'from-cdk-json:1' }],
    [['-c', '@aws-cdk/core:bootstrapQualifier=ours1'], { qualifier: 'ours1' }],
    [['--context=@aws-cdk/core:bootstrapQualifier=ours1'], { qualifier: 'ours1' }],
    [['--require-approval', 'never'], { approval: true }],
    [[], {}],
  ])('the arguments %j are understood as the CDK command line does', (args, options) => {
    const cdkJson = { context: { stages: { test: { image: 'from-cdk-json:1' } } } };
    expect(readOptions(args, cdkJson)).toEqual({
      profile: undefined,
      qualifier: 'hnb659fds',
      image: undefined,
      approval: false,
      ...options,
    });
  });

  test('no credentials, no region and an unreachable account are each one plain sentence', async () => {
    const without = new S3Client({
      region: 'eu-west-1',
      endpoint: aws.endpoint,
      credentials: () =>
        Promise.reject(
          Object.assign(new Error('Could not load credentials'), {
            name: 'CredentialsProviderError',
          }),
        ),
    });
    expect(await checkAccount(without)).toMatchObject({
      kind: 'missing',
      says: expect.stringMatching(/^AWS credentials: none found\. [^\n]+$/) as string,
    });
    const nowhere = new S3Client({
      region: (): Promise<string> => Promise.reject(new Error('Region is missing')),
      endpoint: aws.endpoint,
    });
    expect(await checkAccount(nowhere)).toMatchObject({
      kind: 'missing',
      says: expect.stringMatching(/^AWS region: not set\./) as string,
    });
    const unreachable = new S3Client({
      region: 'eu-west-1',
      endpoint: 'http://127.0.0.1:1',
      maxAttempts: 1,
      credentials: aws.credentials,
    });
    expect((await checkAccount(unreachable)).kind).toBe('unknown');
  });

  test('on a bare machine it says all that is missing, a line each, and deploys nothing', async () => {
    const failed = await promisify(execFile)(
      process.execPath,
      [fileURLToPath(new URL('../../../infra/tools/deploy.ts', import.meta.url))],
      {
        env: {
          PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
          HOME: mkdtempSync(join(tmpdir(), 'home-')),
          CDK_DOCKER: '/nonexistent/docker',
          AWS_EC2_METADATA_DISABLED: 'true',
        },
      },
    ).catch(
      (error: { readonly code: number; readonly stderr: string; readonly stdout: string }) => error,
    );
    expect(failed).toMatchObject({ code: 1, stdout: '' });
    expect(failed.stderr.trim().split('\n')).toEqual([
      expect.stringMatching(/^mailsluice deploy: Container builder: "\/nonexistent\/docker"/),
      expect.stringMatching(/^mailsluice deploy: AWS region: not set/),
    ]);
  });
});

test('errors in the settings end a deployment before it starts, all at once and without a stack trace', async () => {
  const without: DeployClients = {
    cloudFormation: new CloudFormationClient({
      region: 'eu-west-1',
      endpoint: 'http://127.0.0.1:1',
    }),
    route53: new Route53Client({ region: 'eu-west-1', endpoint: 'http://127.0.0.1:1' }),
  };
  await expect(checkDeployment({ egress: 'tunnel' }, without)).rejects.toThrow(SettingsError);
  await expect(checkDeployment({ egress: 'tunnel' }, without)).rejects.toThrow(
    /hostname: expected .*\n.*egress: expected/s,
  );
});

test.each(['certificateArn', 'certificateSecretArn'])(
  'the setting %s is compared with the region of the deployment',
  (name) => {
    const context = { [name]: 'arn:aws:acm:us-east-1:111122223333:certificate/1-2' };
    expect(checkRegions(context, 'us-east-1')).toEqual([]);
    expect(checkRegions(context, 'eu-west-1')).toEqual([
      {
        kind: 'missing',
        says: `${name}: expected one in the region eu-west-1 of the deployment, got us-east-1`,
      },
    ]);
  },
);

test.each([
  [['-c', 'hostname=mx.example.com', '--context=a=b=c'], { hostname: 'mx.example.com', a: 'b=c' }],
  [['--profile', 'x'], {}],
])('the arguments %j give the context that the command line reads', (args, context) => {
  expect(readContext(args)).toEqual(context);
});

describe('after a deployment', () => {
  test.each<[args: string[], value: string | undefined]>([
    [['-c', 'hostname=mx.example.com'], undefined],
    [['--profile', 'prod'], 'prod'],
    [['--profile=prod'], 'prod'],
    [['--profile', 'test', '--profile=prod'], 'prod'],
    [['--profile'], undefined],
  ])('%j has the profile %j', (args, value) => {
    expect(optionOf(args, '--profile')).toBe(value);
  });

  test('the doctor looks at the stack whose outputs name it', () => {
    expect(
      doctorsStack({
        'Mailsluice-prod-Data': { ExportsOutputRefKey: 'x' },
        'Mailsluice-prod-Service': { DoctorCommand: 'npx mailsluice doctor --stack x' },
      }),
    ).toBe('Mailsluice-prod-Service');
    expect(doctorsStack({ Other: {} })).toBeUndefined();
  });

  test('the doctor runs, and what it cannot do does not make the deployment fail', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'outputs-'));
    const file = join(folder, 'outputs.json');
    writeFileSync(file, JSON.stringify({ 'Mailsluice-prod-Service': { DoctorCommand: 'x' } }));
    const deploy = new URL('../../../infra/tools/deploy.ts', import.meta.url).href;
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      [
        '--input-type=module',
        '--eval',
        `const { runDoctor } = await import(${JSON.stringify(deploy)}); await runDoctor(${JSON.stringify(file)}, undefined);`,
      ],
      {
        env: {
          AWS_REGION: 'eu-west-1',
          AWS_ACCESS_KEY_ID: 'x',
          AWS_SECRET_ACCESS_KEY: 'x',
          AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
        },
      },
    );
    rmSync(folder, { recursive: true });
    expect(stdout).toBe('\nmailsluice doctor --stack Mailsluice-prod-Service\n');
    expect(stderr).toBe(
      'mailsluice doctor: AWS is not reachable (ECONNREFUSED): check the network, AWS_REGION and AWS_ENDPOINT_URL\n',
    );
  });
});
