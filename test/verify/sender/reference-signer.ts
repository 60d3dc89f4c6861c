// A DKIM signer written for the eye: whole strings and regular expressions, nothing of the code under test. It signs whatever
// tags it is given, so that signatures that nobody should make can be tested.
import { createHash, generateKeyPairSync, type KeyObject, sign as signOctets } from 'node:crypto';

export interface TestKey {
  readonly privateKey: KeyObject;
  /** Of the record, after `p=`. */
  readonly published: string;
  readonly algorithm: 'rsa-sha256' | 'ed25519-sha256';
}

export function makeRsaKey(bits = 2048, publicExponent = 0x10001): TestKey {
  const pair = generateKeyPairSync('rsa', { modulusLength: bits, publicExponent });
  const der = pair.publicKey.export({ type: 'spki', format: 'der' });
  return {
    privateKey: pair.privateKey,
    published: der.toString('base64'),
    algorithm: 'rsa-sha256',
  };
}

export function makeEd25519Key(): TestKey {
  const pair = generateKeyPairSync('ed25519');
  const der = pair.publicKey.export({ type: 'spki', format: 'der' });
  return {
    privateKey: pair.privateKey,
    published: der.subarray(-32).toString('base64'),
    algorithm: 'ed25519-sha256',
  };
}

/** The tags in the order of the field; `bh` and `b` are computed where they are not given. */
export type Tags = Readonly<Record<string, string>>;

/** The message with a signature in front. Default: `c=relaxed/relaxed`, From and Subject signed, `d=a.example; s=s`. */
export function sign(
  message: string,
  key: TestKey,
  tags: Tags = {},
  name: 'DKIM-Signature' | 'ARC-Message-Signature' = 'DKIM-Signature',
): string {
  const all: Record<string, string> = {
    ...(name === 'DKIM-Signature' && { v: '1' }),
    a: key.algorithm,
    c: 'relaxed/relaxed',
    d: 'a.example',
    s: 's',
    h: 'from:subject',
    ...tags,
  };
  const [headerForm = '', bodyForm = 'simple'] = (all['c'] ?? '').split('/');
  const [header = '', ...rest] = message.split('\r\n\r\n');
  const body = canonicalBody(rest.join('\r\n\r\n'), bodyForm).slice(0, limitOf(all['l']));
  all['bh'] ??= createHash('sha256').update(body, 'latin1').digest('base64');
  const given = Object.entries(all).filter(([tag]) => tag !== 'b');
  const field = `${name}: ${given.map(([tag, value]) => `${tag}=${value}`).join('; ')}; b=`;
  const signed = [
    ...signedFields(`${header}\r\n`, all['h'] ?? ''),
    // Without its line end.
    `${field}\r\n`,
  ].map((each) => canonicalField(each, headerForm));
  const text = signed.join('').replace(/\r\n$/, '');
  return `${field}${all['b'] ?? signatureOf(text, key)}\r\n${message}`;
}

/** The message with the first ARC set in front (RFC 8617 section 5.1). `signature`: tags of ARC-Message-Signature. */
export function sealFirst(
  message: string,
  key: TestKey,
  { seal = {}, signature = {} }: { readonly seal?: Tags; readonly signature?: Tags } = {},
): string {
  const results =
    'ARC-Authentication-Results: i=1; mx.a.example;\r\n dmarc=pass header.from=a.example\r\n';
  const signed = sign(message, key, { i: '1', ...signature }, 'ARC-Message-Signature');
  const messageSignature = signed.slice(0, signed.length - message.length);
  const all = { i: '1', a: key.algorithm, cv: 'none', d: 'a.example', s: 's', ...seal };
  const tags = Object.entries(all).map(([tag, value]) => `${tag}=${value}`);
  const field = `ARC-Seal: ${tags.join('; ')}; b=`;
  const text = [results, messageSignature, `${field}\r\n`].map((each) =>
    canonicalField(each, 'relaxed'),
  );
  const b = signatureOf(text.join('').replace(/\r\n$/, ''), key);
  return `${field}${b}\r\n${messageSignature}${results}${message}`;
}

function limitOf(l: string | undefined): number | undefined {
  return l === undefined ? undefined : Number(l);
}

function signatureOf(text: string, { privateKey, algorithm }: TestKey): string {
  const octets = Buffer.from(text, 'latin1');
  const isRsa = algorithm === 'rsa-sha256';
  const data = isRsa ? octets : createHash('sha256').update(octets).digest();
  return signOctets(isRsa ? 'sha256' : null, data, privateKey).toString('base64');
}

/** RFC 6376 section 5.4.2: from the bottom, each once. */
function signedFields(header: string, h: string): string[] {
  const fields = header.match(/^[^ \t\r\n][^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*/gm) ?? [];
  return h.split(':').flatMap((name) => {
    const index = fields.findLastIndex(
      (field) => field.split(':')[0]?.trim().toLowerCase() === name.trim().toLowerCase(),
    );
    return index === -1 ? [] : fields.splice(index, 1);
  });
}

/** RFC 6376 sections 3.4.1 and 3.4.2. */
export function canonicalField(field: string, form: string): string {
  if (form !== 'relaxed') return field;
  const colon = field.indexOf(':');
  const value = field
    .slice(colon + 1)
    .replaceAll('\r\n', '')
    .replace(/[ \t]+/g, ' ')
    .trim();
  return `${field.slice(0, colon).trim().toLowerCase()}:${value}\r\n`;
}

/** RFC 6376 sections 3.4.3 and 3.4.4. */
export function canonicalBody(body: string, form: string): string {
  const reduced = form === 'relaxed' ? body.split('\r\n').map(reduceSpace).join('\r\n') : body;
  let end = reduced.length;
  while (end > 0 && reduced.slice(end - 2, end) === '\r\n') end -= 2;
  const text = reduced.slice(0, end);
  return form === 'relaxed' && text === '' ? '' : `${text}\r\n`;
}

function reduceSpace(line: string): string {
  return line.replace(/[ \t]+/g, ' ').replace(/ $/, '');
}
