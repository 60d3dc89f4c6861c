type Environment = Readonly<Record<string, string | undefined>>;

const PROXY_VARIABLES = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'];
const ENDPOINT_VARIABLES = ['AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL'];

/** The variable that names a proxy, which no request to AWS goes through; `undefined` where that is meant. */
export function ignoredProxy(environment: Environment): string | undefined {
  if (environment['NO_PROXY'] === '*' || environment['no_proxy'] === '*') return undefined;
  const [endpoint] = ENDPOINT_VARIABLES.map((name) => environment[name]).filter(Boolean);
  if (endpoint !== undefined && isLoopback(endpoint)) return undefined;
  return PROXY_VARIABLES.find((name) => environment[name]);
}

function isLoopback(url: string): boolean {
  return URL.canParse(url) && /^(?:localhost|127\..+|\[::1\])$/.test(new URL(url).hostname);
}
