import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readStageSettings, SETTINGS } from '../../../infra/app/stage-settings.ts';
import { makeApp } from '../support.ts';

function settings(context: Record<string, unknown>) {
  return readStageSettings(makeApp(context).node);
}

function mistakes(context: Record<string, unknown>): string[] {
  try {
    settings(context);
  } catch (error) {
    return (error as Error).message.split('\n').map((line) => line.trim());
  }
  return [];
}

describe('the settings of the ready app', () => {
  test('only the host name must be given', () => {
    expect(mistakes({})).toEqual([
      'settings (-c name=value, or "stages" in cdk.json): one mistake',
      'hostname: expected the name of the mail server, like "mx.example.com", got nothing',
    ]);
    expect(settings({ hostname: 'mx.example.com' })).toMatchObject({
      stage: 'prod',
      egress: 'nat',
      zones: 2,
      certificate: 'self-signed',
    });
  });

  test('every mistake is told at once, with what was expected and what was found', () => {
    expect(
      mistakes({
        hostname: 'mx.example.com',
        egress: 'tunnel',
        zones: 'two',
        dualStack: 'yes',
        certificate: 'acm',
        hostedZoneId: 'Z1',
        config: '/nowhere/config.json',
      }).slice(1),
    ).toEqual([
      'hostedZoneId and hostedZoneName: expected both or neither',
      'config: expected a readable JSON file, got "/nowhere/config.json" (ENOENT)',
      'egress: expected "nat", "endpoints" or "public", got "tunnel"',
      'zones: expected a whole number from 2 to 6, got "two"',
      'dualStack: expected "true" or "false", got "yes"',
    ]);
  });

  test('a stage has settings of its own, and the command line wins over them', () => {
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
    expect(mistakes({ stages: { prod: { hostnam: 'x' } }, hostname: 'mx.example.com' })[1]).toBe(
      'stages.prod.hostnam: expected no such setting',
    );
  });

  test('a stage’s name can be part of a stack’s', () => {
    expect(mistakes({ hostname: 'mx.example.com', stage: 'a b' })[1]).toBe(
      'stage: expected letters, digits and "-", got "a b"',
    );
  });

  test('the page lists every setting, and no other', () => {
    const readme = readFileSync(new URL('../../../infra/README.md', import.meta.url), 'utf8');
    const [, table = ''] = /## Settings\n([\s\S]*?)\n## /.exec(readme) ?? [];
    const rows = table.split('\n').filter((line) => line.startsWith('| `'));
    const named = rows.flatMap((row) =>
      [...(row.split('|')[1] ?? '').matchAll(/`([A-Za-z]+)`/g)].map(([, name]) => name ?? ''),
    );
    expect(named.sort()).toEqual(Object.keys(SETTINGS).sort());
  });
});
