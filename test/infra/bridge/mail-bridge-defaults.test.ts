import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { MAIL_BRIDGE_DEFAULTS, withDefaults } from '../../../infra/bridge/mail-bridge-defaults.ts';

const props = readFileSync(
  new URL('../../../infra/bridge/mail-bridge-props.ts', import.meta.url),
  'utf8',
);

/** The text after `@default` in the documentation of a prop. */
function documentedDefault(name: string): string | undefined {
  const [, text] = new RegExp(`@default (.*)\\n   \\*/\\n  readonly ${name}\\?:`).exec(props) ?? [];
  return text;
}

test.each(Object.entries(MAIL_BRIDGE_DEFAULTS))(
  'the documentation of the prop %s says its default',
  (name, value) => {
    const documented = documentedDefault(name);
    expect(documented).toBeDefined();
    // Other defaults are objects of the CDK or lists, which the documentation names in words.
    if (typeof value === 'string') expect(documented).toBe(`'${value}'`);
    if (typeof value === 'boolean') expect(documented).toBe(String(value));
    if (typeof value === 'number' && name !== 'logRetention') {
      expect(documented).toBe(String(value));
    }
  },
);

test('a prop that is given as undefined has its default', () => {
  const given = { configuration: { hostname: 'mx.example.com' }, cpu: 1024, zones: undefined };
  // As a program in JavaScript can pass it.
  const filled = withDefaults(given as unknown as Parameters<typeof withDefaults>[0]);
  expect(filled.cpu).toBe(1024);
  expect(filled.zones).toBe(MAIL_BRIDGE_DEFAULTS.zones);
});
