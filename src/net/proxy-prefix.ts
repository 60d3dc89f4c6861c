// The PROXY protocol header that a load balancer may put in front of an HTTP health check. Read only to be
// skipped: who asks for health does not matter.

const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V1_SIGNATURE = Buffer.from('PROXY ', 'latin1');
/** The v1 header is at most 107 octets, by its specification. */
const V1_OCTETS = 107;
/** A v2 header says its own length in 16 bits; no health check needs more than a kilobyte. */
const V2_OCTETS = 1024;
const V2_FIXED_OCTETS = 16;

/**
 * How many octets of PROXY header stand at the start: 0 for none, `more` when that cannot be told yet,
 * `invalid` for a header that is none.
 */
export function proxyPrefixLength(bytes: Buffer): number | 'more' | 'invalid' {
  if (startsAs(bytes, V2_SIGNATURE)) {
    if (bytes.length < V2_FIXED_OCTETS) return 'more';
    const length = V2_FIXED_OCTETS + bytes.readUInt16BE(14);
    if (bytes.readUInt8(12) >> 4 !== 2 || length > V2_OCTETS) return 'invalid';
    return bytes.length < length ? 'more' : length;
  }
  if (startsAs(bytes, V1_SIGNATURE)) {
    const end = bytes.indexOf('\r\n', 0, 'latin1');
    if (end === -1) return bytes.length < V1_OCTETS ? 'more' : 'invalid';
    return end + 2 <= V1_OCTETS ? end + 2 : 'invalid';
  }
  return 0;
}

/** Whether what is there so far agrees with the signature, whole or in part. */
function startsAs(bytes: Buffer, signature: Buffer): boolean {
  const length = Math.min(bytes.length, signature.length);
  return bytes.subarray(0, length).equals(signature.subarray(0, length));
}
