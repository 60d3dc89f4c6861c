// PROXY protocol version 1, one line of text: section 2.1.
import { canonicalIpv6 } from '../address-text.ts';
import { isIpv4, isIpv6 } from '../address-literal.ts';
import { parseDecimal } from '../ascii.ts';
import { MORE, type ProxyRead, invalid } from './proxy-header.ts';

export const V1_PREFIX = Buffer.from('PROXY ');
/** The longest line, its CRLF counted (section 2.1). */
const V1_OCTETS = 107;
const HIGHEST_PORT = 65_535;

/** Reads a header that begins with `PROXY `. */
export function readV1(octets: Buffer): ProxyRead {
  const end = octets.subarray(0, V1_OCTETS).indexOf('\r\n', 0, 'latin1');
  if (end === -1) return octets.length < V1_OCTETS ? MORE : invalid('too-long');
  const line = octets.toString('latin1', V1_PREFIX.length, end);
  const rest = octets.subarray(end + 2);
  const [protocol, ...fields] = line.split(' ');
  // Whatever follows UNKNOWN is to be ignored.
  if (protocol === 'UNKNOWN') {
    return { kind: 'header', header: { kind: 'local', version: 1, tlvs: [] }, rest };
  }
  if (protocol !== 'TCP4' && protocol !== 'TCP6') return invalid('protocol');
  const [client = '', server = '', fromPort = '', toPort = '', ...more] = fields;
  const clientAddress = readAddress(client, protocol);
  const serverAddress = readAddress(server, protocol);
  if (clientAddress === undefined || serverAddress === undefined) return invalid('address');
  const clientPort = readPort(fromPort);
  const serverPort = readPort(toPort);
  if (clientPort === undefined || serverPort === undefined || more.length > 0)
    return invalid('port');
  const addresses = { clientAddress, clientPort, serverAddress, serverPort };
  return { kind: 'header', header: { kind: 'proxied', version: 1, ...addresses, tlvs: [] }, rest };
}

function readAddress(text: string, protocol: 'TCP4' | 'TCP6'): string | undefined {
  if (protocol === 'TCP4') return isIpv4(text) ? text : undefined;
  return isIpv6(text) ? canonicalIpv6(text) : undefined;
}

function readPort(text: string): number | undefined {
  const port = parseDecimal(text, 5);
  if (port === undefined || port > HIGHEST_PORT || String(port) !== text) return undefined;
  return port;
}
