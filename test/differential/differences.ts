// Where Mailsluice and Postfix differ, and why. A line that is not here must be taken by both or refused by both.

export interface Difference {
  readonly takenBy: 'postfix' | 'mailsluice';
  readonly reason: string;
  readonly lines: readonly string[];
}

const inBoth = (path: string): string[] => [`MAIL FROM:${path}`, `RCPT TO:${path}`];
const named = (name: string): string[] => [`EHLO ${name}`, `HELO ${name}`];
const addresses = ['a@x.test', 'a..b@x.test', '"a b"@x.test', 'root', 'postmaster'];

export const differences: readonly Difference[] = [
  {
    takenBy: 'postfix',
    reason:
      'A control character in a command is refused, in whatever place: it is an attack or a broken connection, and would reach terminals and logs.',
    lines: [
      'MAIL FROM:<"a\tb"@x.test>',
      'MAIL FROM:<a\u0001b@x.test>',
      'MAIL FROM:<a\u007fb@x.test>',
      ...inBoth('<a\u0085@x.test>'),
      ...['x\u0001x', 'x\u007fx', 'x\u0085'].flatMap(named),
      'RCPT TO:<a@x.test> ORCPT=rfc822;a+0A@x.test',
    ],
  },
  {
    takenBy: 'postfix',
    reason:
      'A path has at most 900 octets, so that the Return-Path field, which cannot be folded, fits into a line (RFC 5322 section 2.1.1).',
    lines: inBoth(`<${'l'.repeat(1000)}@x.test>`),
  },
  {
    takenBy: 'postfix',
    reason:
      'A comment or a domain literal that does not close is a truncated address. Postfix closes it, or takes the whole for a comment and so for the null path.',
    lines: ['MAIL FROM:<(c@x.test>', ...inBoth('<a@[192.0.2.1>')],
  },
  {
    takenBy: 'postfix',
    reason: 'A domain is never quoted. No sender is known that does it.',
    lines: inBoth('<a@"x.test">'),
  },
  {
    takenBy: 'postfix',
    reason:
      'A name in front of an address belongs into a header. The same with a blank between them, "Joe <a@x.test>", is refused by both.',
    lines: [
      ...addresses.flatMap((address) => [
        ...inBoth(`(c)<${address}>`),
        ...inBoth(`Joe<${address}>`),
      ]),
      'MAIL FROM:(c)<>',
      'MAIL FROM:Joe<>',
    ],
  },
  {
    takenBy: 'postfix',
    reason:
      'Text beside the brackets of the null path: it cannot be told whether the sender means the null path or the text. Postfix takes the text, also "SIZE=1" and ".".',
    lines: [
      ...addresses.flatMap((address) => [...inBoth(`<>${address}`), `MAIL FROM:${address}<>`]),
      ...inBoth('<>.'),
      ...inBoth('<><b@x.test>'),
      ...inBoth('<>,<b@x.test>'),
      ...inBoth('<>SIZE=1'),
    ],
  },
  {
    takenBy: 'postfix',
    reason: 'There is no path at all. A bounce says <>, with or without blanks in it.',
    lines: ['MAIL FROM:>', 'MAIL FROM:,', 'MAIL FROM:<(c)>', 'MAIL FROM:< (c (d))>'],
  },
  {
    takenBy: 'postfix',
    reason: 'A source route without an address behind it.',
    lines: [
      ...[
        '<@y.test:>',
        '<@y.test,@z.test:>',
        '<@[192.0.2.1]:>',
        '@y.test:',
        '<@:>',
        '<@y.test: >',
      ].map((path) => `MAIL FROM:${path}`),
      ...inBoth('<@y.test:@z.test:>'),
    ],
  },
  {
    takenBy: 'postfix',
    reason:
      'Square brackets stand around the address of a host, never around a mailbox. Postfix takes "[root]" for a local user of that name, and "[]" for one without a name.',
    lines: ['[root]', '[postmaster]', '[]'].flatMap(inBoth),
  },
  {
    takenBy: 'postfix',
    reason: 'The domain after the last @ is missing. Postfix rewrites the rest to user@host.',
    lines: inBoth('<a@b@>'),
  },
  {
    takenBy: 'postfix',
    reason: 'A quoted string in the middle of a word: which local part is meant cannot be told.',
    lines: ['mailto:"a b"@x.test', '<mailto:"a b"@x.test>'].flatMap(inBoth),
  },
  {
    takenBy: 'mailsluice',
    reason: 'HELP is part of RFC 5321 section 4.1.1.8. Postfix does not have it.',
    lines: ['HELP'],
  },
  {
    takenBy: 'mailsluice',
    reason:
      'Postfix protects the command lines of delivery programs from a leading hyphen (allow_min_user). Nothing here runs programs.',
    lines: inBoth('<-a@x.test>'),
  },
  {
    takenBy: 'mailsluice',
    reason:
      'RFC 5321 sections 4.1.2 and 4.1.3 allow domains of digits and general address literals. Postfix must look them up in the DNS and cannot.',
    lines: ['<a@123>', '<a@1.2.3.4>', '<a@[2001:db8::1]>', '<a@[x-tag:y]>'].flatMap(inBoth),
  },
  {
    takenBy: 'mailsluice',
    reason:
      'A domain that is not ASCII, without SMTPUTF8: a sender that knows such an address and not the extension. The transaction is marked.',
    lines: ['<a@ä.test>', '<a@x.例え>'].flatMap(inBoth),
  },
  {
    takenBy: 'mailsluice',
    reason:
      'A parameter for delivery reports twice: the last one counts, as with SIZE and BODY in both. No mail is lost over it.',
    lines: [
      'MAIL FROM:<a@x.test> RET=FULL RET=FULL',
      'MAIL FROM:<a@x.test> ENVID=a ENVID=b',
      'RCPT TO:<a@x.test> NOTIFY=FAILURE NOTIFY=DELAY',
      'RCPT TO:<a@x.test> ORCPT=rfc822;a ORCPT=rfc822;b',
    ],
  },
];

/** Why a client outside the trusted networks is refused more lines: none of them has a domain. */
export const WITHOUT_DOMAIN =
  'Postfix completes an address without a domain with its own name, for everybody. From a stranger that is a mistake or spam, and nobody could answer it: the reply says that the domain is missing. Devices are named in trustedNetworks, or sign in.';

export interface OtherMeaning {
  readonly line: string;
  readonly postfix: string;
  readonly mailsluice: string;
  readonly reason: string;
}

/** Recipients that both take, and that are not the same for both. */
export const otherMeanings: readonly OtherMeaning[] = [
  {
    line: 'RCPT TO:<a\\@x.test>',
    postfix: 'a@x.test',
    mailsluice: '"a@x.test"@mx.example',
    reason:
      'A backslash makes the @ a part of the name (RFC 821 section 4.1.2), and the domain is missing: accepted from trusted clients only.',
  },
  {
    line: 'RCPT TO:<b!a>',
    postfix: 'a@b',
    mailsluice: 'b!a@mx.example',
    reason:
      'Postfix routes mail for UUCP (swap_bangpath). Nothing is routed here, and without a domain it is accepted from trusted clients only.',
  },
  {
    line: 'RCPT TO:<b%a>',
    postfix: 'b@a',
    mailsluice: 'b%a@mx.example',
    reason:
      'Postfix relays by the percent sign (allow_percent_hack). Nothing is relayed here, and without a domain it is accepted from trusted clients only.',
  },
];
