// Header fields made by rule, read by us, by Python's `email` and by postal-mime. We read each as it is meant; where one of
// the others does not, the table says why.
import PostalMime from 'postal-mime';
import { expect, test } from 'vitest';
import { parseAddressList } from '../../src/message/address-list.ts';
import { readCommonHeaders } from '../../src/message/common-headers.ts';
import { readHeaderSection } from '../../src/message/header-section.ts';
import { need, runProgram } from '../support/programs.ts';
import { type MadeMail, makeCorpus, type Meaning } from './corpus.ts';

const PYTHON = '/usr/bin/python3';
const READ = `
import base64, json, sys
from email import message_from_bytes, policy

def read(octets):
    try:
        message = message_from_bytes(octets, policy=policy.default)
        if message["To"] is not None:
            return {"to": [{"name": a.display_name, "address": a.addr_spec} for a in message["To"].addresses]}
        return {"subject": str(message["Subject"])}
    except Exception as error:
        return {"error": type(error).__name__}

print(json.dumps([read(base64.b64decode(line)) for line in sys.stdin]))
`;

const corpus = makeCorpus();
const octetsOf = ({ header }: MadeMail): Buffer =>
  Buffer.concat([header, Buffer.from('\r\nX-End: 1\r\n\r\nbody\r\n')]);

function readByUs(mail: MadeMail): Meaning {
  const { commonHeaders } = readCommonHeaders(readHeaderSection(octetsOf(mail), true).fields, '');
  if (commonHeaders.subject !== undefined) return { subject: commonHeaders.subject };
  return { to: (commonHeaders.to ?? []).map(splitText) };
}

/** The name of a text as a subscriber may take it: quoted or not, in front of the angle brackets. */
function splitText(text: string): { name: string; address: string } {
  const [{ address } = { address: '' }] = parseAddressList(text);
  const written = text.endsWith(` <${address}>`) ? text.slice(0, -address.length - 3) : '';
  const isQuoted = written.startsWith('"');
  const name = isQuoted ? written.slice(1, -1).replace(/\\(.)/g, '$1') : written;
  return { name, address };
}

async function readByPostalMime(mail: MadeMail): Promise<Meaning> {
  const { subject, to } = await PostalMime.parse(octetsOf(mail));
  if (subject !== undefined) return { subject };
  const mailboxes = (to ?? []).flatMap((each) => each.group ?? [each]);
  return { to: mailboxes.map(({ name, address }) => ({ name, address: address ?? '' })) };
}

/** Trait, or several with `+`, → why the parser reads what has them otherwise than it is meant. */
type Differences = Readonly<Record<string, string>>;

const ofBoth: Differences = {
  'raw windows-1252':
    'takes octets that are no UTF-8 for unknown characters, where much mail means windows-1252',
  'a control character': 'gives control characters to its caller',
  'a tab': 'gives control characters to its caller',
  'a control character in a word': 'gives control characters to its caller',
  'a line end in a word': 'gives line ends to its caller: header injection',
  'an unknown charset':
    'decodes the word as if it were ASCII and drops the blank, so that nobody can decode it later',
};

const ofPython: Differences = {
  ...ofBoth,
  'an address in UTF-8':
    'reads no UTF-8 outside encoded words (RFC 6532): each octet is a lone surrogate',
  'a name in UTF-8':
    'reads no UTF-8 outside encoded words (RFC 6532): each octet is a lone surrogate',
  'charset windows-31j': 'does not know the label',
  'two encoded words': 'shows the blank between two words of a name, against RFC 2047 section 6.2',
  'cut within a character':
    'decodes each word by itself, except in UTF-8 (RFC 2047 section 5 forbids the cut)',
};

const ofPostalMime: Differences = {
  ...ofBoth,
  'charset cp850': 'does not know the label, which is not in the WHATWG Encoding Standard',
  'charset cp437': 'does not know the label, which is not in the WHATWG Encoding Standard',
  'charset cp949': 'does not know the label, which is not in the WHATWG Encoding Standard',
  'charset iso-2022-kr':
    'does not know the label, which the WHATWG Encoding Standard maps to no charset',
  'charset utf-7': 'does not know the label, which is not in the WHATWG Encoding Standard',
  'cut within a character':
    'joins words in B as one base64 text, so that the padding of the first is within it',
  'nested comments':
    'ends the comment at the first closing parenthesis (RFC 5322 section 3.2.2 nests them)',
  'blanks in an address': 'knows no obsolete local-part and domain (RFC 5322 section 4.4)',
  'no name+a comment':
    'takes the comment for the name, as mail of the 1980s meant it; we leave it in the text',
  'no name+a comment with a comma': 'takes the comment for the name',
  'no name+a comment with an address': 'takes the comment for the name',
  'no name+a quoted local-part':
    'drops the quotes of a local-part outside angle brackets, and with them what it means',
  'no name+an IPv6 literal': 'takes a colon within a literal for that of a group',
};

/** The mails that a parser reads otherwise than they are meant, and the reasons that apply to none of them. */
function explain(read: readonly unknown[], differences: Differences): object {
  const unused = new Set(Object.keys(differences));
  const unexplained = corpus.flatMap((mail, index) => {
    const { header, meant, traits } = mail;
    if (JSON.stringify(read[index]) === JSON.stringify(meant)) return [];
    const reasons = Object.keys(differences).filter((reason) =>
      reason.split('+').every((trait) => traits.includes(trait)),
    );
    for (const reason of reasons) unused.delete(reason);
    return reasons.length > 0
      ? []
      : [{ traits, header: header.toString('latin1'), read: read[index] }];
  });
  return { unexplained: unexplained.slice(0, 20), count: unexplained.length, unused: [...unused] };
}

const explained = { unexplained: [], count: 0, unused: [] };

test('the corpus has thousands of fields, each with a meaning', () => {
  expect(corpus.length).toBeGreaterThan(3000);
});

test('the reader of the notification takes every field of the corpus as it is meant', () => {
  expect(explain(corpus.map(readByUs), {})).toEqual(explained);
});

test('Python reads every field of the corpus as it is meant, but for those in the table', async ({
  skip,
}) => {
  need(skip, PYTHON);
  const input = corpus.map((mail) => octetsOf(mail).toString('base64')).join('\n');
  const { output } = await runProgram(PYTHON, ['-c', READ], input);
  expect(explain(JSON.parse(output) as unknown[], ofPython)).toEqual(explained);
});

test('postal-mime reads every field of the corpus as it is meant, but for those in the table', async () => {
  const read = await Promise.all(corpus.map(readByPostalMime));
  expect(explain(read, ofPostalMime)).toEqual(explained);
});
