// The construct accepts the patterns that the program accepts, and refuses the others at synthesis with its sentence.
import { expect, test } from 'vitest';
import { MailBridge } from '../../../infra/index.ts';
import { pairs, refused } from '../../policy/address-patterns.ts';
import { makeStack, synthBridge } from '../support.ts';

function configurationWith(recipients: readonly string[]) {
  return { hostname: 'mx.example.com', routes: [{ recipients: [...recipients] }] };
}

test('the construct accepts every address pattern', () => {
  const patterns = pairs.map(([, pattern]) => pattern);
  expect(() => synthBridge(() => ({ configuration: configurationWith(patterns) }))).not.toThrow();
});

test('the construct refuses every text that is no address pattern, with its path', () => {
  const texts = ['*@*', 'a*b@example.com', 'a@b*', '**@a.b', ...refused];
  let message = '';
  try {
    void new MailBridge(makeStack(), 'Bridge', {
      stage: 'test',
      configuration: configurationWith(texts),
    });
  } catch (error) {
    message = error instanceof Error ? error.message : '';
  }
  const expected = texts.map((text, at) =>
    expect.stringContaining(
      `routes[0].recipients[${at}]: expected an address, "*@domain", "*@*.domain", "local@*" or "*", got ${JSON.stringify(text)}`,
    ),
  );
  expect(message.split('\n').slice(1)).toEqual(expected);
});
