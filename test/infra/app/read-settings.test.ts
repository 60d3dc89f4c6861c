import { describe, expect, test } from 'vitest';
import { readSettings } from '../../../infra/app/read-settings.ts';
import { makeApp } from '../support.ts';

function settings(context: Record<string, unknown>) {
  return readSettings(makeApp(context).node);
}

function errors(context: Record<string, unknown>): string[] {
  try {
    settings(context);
  } catch (error) {
    return (error as Error).message.split('\n').map((line) => line.trim());
  }
  return [];
}

describe('the settings of the ready app', () => {
  test('only the host name is required', () => {
    expect(errors({})).toEqual([
      'settings (-c name=value, or "stages" in cdk.json): one error',
      'hostname: expected the name of the mail server, like "mx.example.com", got nothing',
    ]);
    expect(settings({ hostname: 'mx.example.com' })).toMatchObject({
      stage: 'prod',
      egress: 'nat',
      zones: 2,
      certificate: 'self-signed',
    });
  });

  test('all errors are reported together, each with what was expected and what was found', () => {
    expect(
      errors({
        hostname: 'mx.example.com',
        egress: 'tunnel',
        zones: 'two',
        dualStack: 'yes',
        certificate: 'acm',
        hostedZoneId: 'Z1',
        config: '/nowhere/config.json',
        hostnme: 'mx.example.com',
        certificateArn:
          'arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012',
        certificateSecretArn: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:mx-AbCdEf',
        vpcId: 'vpc-0123456789abcdef0',
        ports: '26',
      }).slice(1),
    ).toEqual([
      'hostedZoneId and hostedZoneName: expected both or neither',
      'certificateArn and certificateSecretArn: expected one of them, got both',
      'vpcId: expected vpcCidr and taskSubnetIds and publicSubnetIds beside it, got nothing',
      'ports: expected some of 25, 587, 465, got "26"',
      'hostnme: expected no such setting',
      'config: expected a readable JSON file, got "/nowhere/config.json" (ENOENT)',
      'egress: expected "nat", "endpoints" or "public", got "tunnel"',
      'zones: expected a whole number from 1 to 6, got "two"',
      'dualStack: expected "true" or "false", got "yes"',
    ]);
  });

  test('the command line takes precedence over the entry of a stage in cdk.json', () => {
    const stages = {
      test: { hostname: 'mx.test.example', egress: 'public', mailDomains: ['a.example'] },
    };
    expect(settings({ stages, stage: 'test' })).toMatchObject({
      stage: 'test',
      hostname: 'mx.test.example',
      egress: 'public',
      mailDomains: ['a.example'],
    });
    expect(settings({ stages, stage: 'test', egress: 'nat' }).egress).toBe('nat');
    expect(errors({ stages: { prod: { hostnam: 'x' } }, hostname: 'mx.example.com' })[1]).toBe(
      'stages.prod.hostnam: expected no such setting',
    );
  });

  test('the name of a stage can be part of the name of a stack', () => {
    for (const stage of ['a b', 'x'.repeat(32), '1']) {
      expect(errors({ hostname: 'mx.example.com', stage })[1]).toBe(
        `stage: expected a letter, then up to 30 letters, digits and "-", like "prod", got "${stage}"`,
      );
    }
    expect(settings({ hostname: 'mx.example.com', stage: 'x'.repeat(31) }).stage).toHaveLength(31);
  });

  test('a value out of its range is reported here, before AWS would refuse it', () => {
    expect(
      errors({
        hostname: 'mx.example.com',
        zones: '7',
        cpu: '300',
        memoryMiB: '100',
        certificateSecretArn: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:mx',
      }).slice(1),
    ).toEqual([
      expect.stringMatching(
        /^certificateSecretArn: expected the complete ARN of a secret .*got "arn:/,
      ),
      'zones: expected a whole number from 1 to 6, got "7"',
      'cpu: expected 256, 512, 1024, 2048, 4096, 8192 or 16384, got "300"',
      'memoryMiB: expected a whole number from 512 to 122880, got "100"',
    ]);
  });
});
