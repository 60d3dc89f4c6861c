// What the line of a refused command shows of its argument.
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { cleanText, showAddress, showArgument } from '../../src/telemetry/index.ts';

const hash = (address: string): string =>
  createHash('sha256').update(address).digest('hex').slice(0, 16);

test.each([
  ['RCPT', 'TO:<ann@in.example>', 'TO:<…@in.example>'],
  ['RCPT', 'TO:ann@in.example', 'TO:…@in.example'],
  ['RCPT', 'TO: <ann@in.example>', 'TO: <…@in.example>'],
  ['RCPT', 'TO:<root>', 'TO:<…>'],
  ['RCPT', 'TO:<Postmaster>', 'TO:<Postmaster>'],
  ['RCPT', 'TO:<ann@in.example', 'TO:<…@in.example'],
  ['RCPT', 'TO:"Ann Smith" <ann@in.example>', 'TO:… … <…@in.example>'],
  ['RCPT', 'TO:<"ann smith"@in.example>', 'TO:<… …@in.example>'],
  ['RCPT', 'TO:<@a.example,@b.example:ann@in.example>', 'TO:<…@in.example>'],
  ['RCPT', 'TO:<b@in.example> NOTIFY=FAILURE,FAILURE', 'TO:<…@in.example> NOTIFY=FAILURE,FAILURE'],
  [
    'RCPT',
    'TO:<b@in.example> ORCPT=rfc822;user=list@x.example',
    'TO:<…@in.example> ORCPT=rfc822;…@x.example',
  ],
  ['RCPT', 'TO:<b@in.example> NOTIFY=ann@x.example', 'TO:<…@in.example> NOTIFY=…@x.example'],
  ['MAIL', 'FROM:<>', 'FROM:<>'],
  [
    'MAIL',
    'FROM:<a@x.example> SIZE=999 ENVID=ann SMTPUTF8',
    'FROM:<…@x.example> SIZE=999 ENVID=… SMTPUTF8',
  ],
  ['MAIL', 'FROM:<a@x.example> AUTH=ann@y.example X=ann', 'FROM:<…@x.example> AUTH=…@y.example …'],
  ['MAIL', 'FROM:<try..this..0511@docomo.example>', 'FROM:<…@docomo.example>'],
  ['VRFY', 'ann', '…'],
  ['EHLO', 'Johns iPhone', 'Johns iPhone'],
  ['BDAT', '10 FIRST', '10 FIRST'],
])('%s %s shows the domain and no local part: %s', (verb, argument, shown) => {
  expect(showArgument(verb, argument, 'domain')).toBe(shown);
  expect(showArgument(verb, argument, 'full')).toBe(argument);
});

test('an address in an argument has the hash of the same address elsewhere in the log', () => {
  const shown = showArgument('RCPT', 'TO:<Ann@in.example> NOTIFY=NEVER', 'hash');
  expect(shown).toBe(`TO:<${hash('ann@in.example')}> NOTIFY=NEVER`);
  expect(shown).toContain(showAddress('Ann@in.example', 'hash'));
  expect(showArgument('MAIL', 'FROM:ann@in.example ORCPT=rfc822;b@x.example', 'hash')).toBe(
    `FROM:${hash('ann@in.example')} ORCPT=rfc822;${hash('b@x.example')}`,
  );
  expect(showArgument('RCPT', 'TO:<root>', 'hash')).toBe(`TO:<${hash('root')}>`);
});

test('what could steer a terminal or reorder a line is replaced, and long text is cut', () => {
  expect(showArgument('EHLO', 'a\u001b[31m\tb\u0000\u009b', 'domain')).toBe('a?[31m b??');
  expect(showArgument('RCPT', 'TO:<a@\u202etxt.example\u2066>', 'domain')).toBe(
    'TO:<…@?txt.example?>',
  );
  expect(showArgument('RCPT', 'TO:<\u202ea\u2028@x.example>', 'full')).toBe('TO:<?a?@x.example>');
  expect(showArgument('MAIL', `FROM:<${'a'.repeat(300)}@x.example>`, 'full')).toBe(
    `FROM:<${'a'.repeat(249)}…`,
  );
  expect(showArgument('MAIL', `FROM:<${'a'.repeat(300)}@x.example>`, 'domain')).toBe(
    'FROM:<…@x.example>',
  );
  expect(cleanText('\ud83d', 10)).toBe('\ufffd');
  expect(showAddress('a@x\u202e.example', 'domain')).toBe('x?.example');
  expect(showAddress('a\u0007@x.example', 'full')).toBe('a?@x.example');
});
