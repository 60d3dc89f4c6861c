// Props of the construct that are choices with their own values.

/** How the tasks reach AWS services. S3 and DynamoDB always go through gateway endpoints, which are free. */
export class Egress {
  readonly kind: 'nat' | 'endpoints' | 'public';
  /** Number of NAT gateways; 0 unless `kind` is `nat`. */
  readonly natGateways: number;

  private constructor(kind: Egress['kind'], natGateways: number) {
    this.kind = kind;
    this.natGateways = natGateways;
  }

  /** Private subnets and NAT gateways. One is enough: if it fails, notifications wait in the outbox and no mail is lost. */
  static nat(gateways = 1): Egress {
    return new Egress('nat', gateways);
  }

  /** Isolated subnets and interface endpoints: no traffic leaves the AWS network. */
  static endpoints(): Egress {
    return new Egress('endpoints', 0);
  }

  /** Public subnets and a public address for each task. The security group still admits only the load balancer. */
  static publicAddresses(): Egress {
    return new Egress('public', 0);
  }
}

/** How the program learns the address of a client behind the load balancer. */
export class ClientAddress {
  readonly kind: 'preserved' | 'proxy-protocol';

  private constructor(kind: ClientAddress['kind']) {
    this.kind = kind;
  }

  /** The load balancer keeps the client's address on the connection. IPv4 only. */
  static preserved(): ClientAddress {
    return new ClientAddress('preserved');
  }

  /**
   * The load balancer sends the client's address in a PROXY protocol v2 header. Required for IPv6 and PrivateLink.
   *
   * **Does not work with the default settings of an NLB.** It sends the header only with the client's first octets,
   * and in SMTP the server speaks first: both sides wait until they time out. Ask AWS Support, before the first
   * deployment, to set `proxy_protocol_v2.client_to_server.header_placement` to `on_first_ack` for the target groups; there
   * is no API for it.
   */
  static proxyProtocol(): ClientAddress {
    return new ClientAddress('proxy-protocol');
  }
}

/**
 * How much of the service CloudWatch shows, which it charges for. `full`: all metrics, every alarm, a dashboard and
 * Container Insights. `basic`: eight metrics, six alarms and those of subscribers, no dashboard, no Container Insights.
 */
export type Monitoring = 'full' | 'basic';

/** Whether MTA-STS (RFC 8461) tells other mail servers to require TLS. */
export type MtaStsMode = 'none' | 'testing' | 'enforce';
