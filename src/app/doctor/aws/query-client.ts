// The query APIs of CloudFormation and EC2, for three calls that read. Their SDK clients are 25 MB installed; the
// signer, the credentials and the region of the SNS client serve these services as well.
import type { SNSClient } from '@aws-sdk/client-sns';
import { Agent, request as send } from 'undici';

export type QueryService = 'cloudformation' | 'ec2';

const VERSIONS: Readonly<Record<QueryService, string>> = {
  cloudformation: '2010-05-15',
  ec2: '2016-11-15',
};

/** Idle connections keep no process from its end. */
const agent = new Agent({ maxResponseSize: 4_000_000 });

interface SignableRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The part of a client's configuration that signs, the same in every client of the SDK. */
interface SigningConfig {
  readonly region: () => Promise<string>;
  readonly signer: (scheme: object) => Promise<{
    sign(
      request: SignableRequest,
      scope: { readonly signingService: string; readonly signingRegion: string },
    ): Promise<{ readonly headers: Readonly<Record<string, string>> }>;
  }>;
}

export class QueryClient {
  readonly #config: SigningConfig;
  readonly #environment: Readonly<Record<string, string | undefined>>;

  constructor(
    { config }: Pick<SNSClient, 'config'>,
    environment: Readonly<Record<string, string | undefined>>,
  ) {
    this.#config = config as unknown as SigningConfig;
    this.#environment = environment;
  }

  /** The answer's XML. Rejects as the SDK does: the error has AWS's code as its name. */
  async call(
    service: QueryService,
    parameters: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<string> {
    const region = await this.#config.region();
    const url = new URL(this.#endpointOf(service, region));
    // The client keeps the first scheme for good, so it gets its own; each signature names its service.
    const signer = await this.#config.signer({
      name: 'sigv4',
      signingName: 'sns',
      signingRegion: region,
      properties: {},
    });
    const body = new URLSearchParams({ ...parameters, Version: VERSIONS[service] }).toString();
    const request = {
      method: 'POST',
      protocol: url.protocol,
      hostname: url.hostname,
      ...(url.port !== '' && { port: Number(url.port) }),
      path: url.pathname,
      query: {},
      headers: { host: url.host, 'content-type': 'application/x-www-form-urlencoded' },
      body,
    };
    const { headers } = await signer.sign(request, {
      signingService: service,
      signingRegion: region,
    });
    const response = await send(url, {
      ...{ method: 'POST', headers, body, signal },
      dispatcher: agent,
    });
    const text = await response.body.text();
    const { statusCode } = response;
    if (statusCode === 200) return text;
    throw Object.assign(new Error(elementOf(text, 'Message') ?? `HTTP status ${statusCode}`), {
      name: elementOf(text, 'Code') ?? 'UnknownError',
      $metadata: { httpStatusCode: statusCode },
    });
  }

  /** By the rules of the SDK. */
  #endpointOf(service: QueryService, region: string): string {
    const environment = this.#environment;
    const own =
      environment['AWS_IGNORE_CONFIGURED_ENDPOINT_URLS'] === 'true'
        ? undefined
        : environment[`AWS_ENDPOINT_URL_${service.toUpperCase()}`] ||
          environment['AWS_ENDPOINT_URL'];
    if (own !== undefined && own !== '') return own;
    const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
    return `https://${service}.${region}.${suffix}/`;
  }
}

/** The text of the first element of that name. */
export function elementOf(xml: string, name: string): string | undefined {
  return elementsOf(xml, name)[0];
}

/** The texts of the elements of that name, which have no children. */
export function elementsOf(xml: string, name: string): string[] {
  const pattern = new RegExp(`<${name}>([^<]*)</${name}>`, 'g');
  return [...xml.matchAll(pattern)].map(([, text = '']) => unescapeXml(text));
}

const ENTITIES: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  apos: "'",
};

function unescapeXml(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(String(hex), 16));
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    return ENTITIES[String(name)] ?? whole;
  });
}
