// What a PROXY protocol header says (haproxy.org/download/3.2/doc/proxy-protocol.txt).

/** A type-length-value of version 2: section 2.2. AWS names its endpoint in type 0xEA. */
export interface ProxyTlv {
  readonly type: number;
  readonly value: Buffer;
}

/** One header. `local`: the connection is the proxy's own (a health probe), or it cannot say whose it is. */
export type ProxyHeader =
  | { readonly kind: 'local'; readonly version: 1 | 2; readonly tlvs: readonly ProxyTlv[] }
  | {
      readonly kind: 'proxied';
      readonly version: 1 | 2;
      /** Without brackets, IPv4-mapped IPv6 written as IPv4. */
      readonly clientAddress: string;
      readonly clientPort: number;
      readonly serverAddress: string;
      readonly serverPort: number;
      readonly tlvs: readonly ProxyTlv[];
    };

/** Why something is not a header. */
export type ProxyFault =
  | 'not-a-header'
  | 'too-long'
  | 'protocol'
  | 'address'
  | 'port'
  | 'version'
  | 'command'
  | 'transport'
  | 'truncated-addresses'
  | 'tlv';

/** What the octets so far amount to. */
export type ProxyRead =
  | { readonly kind: 'more' }
  /** `rest` are the octets after the header: the client's first. */
  | { readonly kind: 'header'; readonly header: ProxyHeader; readonly rest: Buffer }
  | { readonly kind: 'invalid'; readonly fault: ProxyFault };

export const MORE: ProxyRead = { kind: 'more' };

export function invalid(fault: ProxyFault): ProxyRead {
  return { kind: 'invalid', fault };
}
