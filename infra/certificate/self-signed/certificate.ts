// A self-signed X.509 v3 certificate (RFC 5280) on P-256, written by hand: Node.js reads certificates but
// does not make them, and this is all of DER that one needs.
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

export interface SelfSigned {
  /** PEM. */
  readonly cert: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

const OID = {
  ecdsaWithSha256: '2a8648ce3d040302',
  commonName: '550403',
  subjectAltName: '551d11',
  basicConstraints: '551d13',
  extendedKeyUsage: '551d25',
  serverAuth: '2b06010505070301',
} as const;

/** RFC 5280 upper bound ub-common-name; longer host names stand in subjectAltName alone. */
const COMMON_NAME_CHARACTERS = 64;

export function makeSelfSigned(hostname: string, notBefore: Date, validDays: number): SelfSigned {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const notAfter = new Date(notBefore.getTime() + validDays * 24 * 3600 * 1000);
  const algorithm = sequence(oid(OID.ecdsaWithSha256));
  const name = sequence(
    set(sequence(oid(OID.commonName), utf8(hostname.slice(0, COMMON_NAME_CHARACTERS)))),
  );
  // Positive and at most 20 octets (RFC 5280 section 4.1.2.2).
  const serial = Buffer.concat([Buffer.from([0x40]), randomBytes(15)]);
  const toBeSigned = sequence(
    tagged(0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, serial),
    algorithm,
    name,
    sequence(time(notBefore), time(notAfter)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(
      3,
      sequence(
        extension(OID.subjectAltName, sequence(tlv(0x82, Buffer.from(hostname, 'latin1')))),
        extension(OID.basicConstraints, sequence(), true),
        extension(OID.extendedKeyUsage, sequence(oid(OID.serverAuth))),
      ),
    ),
  );
  const certificate = sequence(
    toBeSigned,
    algorithm,
    bitString(sign('sha256', toBeSigned, privateKey)),
  );
  return {
    cert: pem('CERTIFICATE', certificate),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function tlv(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag]), length(content.length), content]);
}

function length(octets: number): Buffer {
  if (octets < 0x80) return Buffer.from([octets]);
  return octets < 0x100
    ? Buffer.from([0x81, octets])
    : Buffer.from([0x82, octets >> 8, octets & 0xff]);
}

const sequence = (...parts: Buffer[]) => tlv(0x30, Buffer.concat(parts));
const set = (...parts: Buffer[]) => tlv(0x31, Buffer.concat(parts));
const tagged = (number: number, part: Buffer) => tlv(0xa0 + number, part);
const oid = (hex: string) => tlv(0x06, Buffer.from(hex, 'hex'));
const utf8 = (text: string) => tlv(0x0c, Buffer.from(text, 'utf8'));
const bitString = (bytes: Buffer) => tlv(0x03, Buffer.concat([Buffer.from([0]), bytes]));

function extension(id: string, value: Buffer, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [tlv(0x01, Buffer.from([0xff]))] : []), tlv(0x04, value));
}

/** UTCTime until 2049, GeneralizedTime from 2050 on (RFC 5280 section 4.1.2.5). */
function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]|\.\d+/g, '');
  return date.getUTCFullYear() < 2050
    ? tlv(0x17, Buffer.from(digits.slice(2), 'latin1'))
    : tlv(0x18, Buffer.from(digits, 'latin1'));
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
