// Who may ask: a program of this machine, and of browsers only the page itself.
import type { IncomingMessage } from 'node:http';

/** Why a request is refused; `undefined`: it is answered. */
export function refusalOf(request: IncomingMessage, port: number): string | undefined {
  const { host, origin } = request.headers;
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`];
  // A name of someone else that resolves to this machine (DNS rebinding).
  if (host === undefined || !hosts.includes(host)) {
    return `Host: expected ${hosts[0]} or ${hosts[1]}`;
  }
  // Another site in the browser of the developer (cross-site request forgery).
  if (origin !== undefined && origin !== `http://${host}`) {
    return `Origin: expected none, or http://${host}`;
  }
  const site = request.headers['sec-fetch-site'];
  const isOfPage = site === undefined || site === 'same-origin' || site === 'none';
  const isVisit =
    request.headers['sec-fetch-mode'] === 'navigate' &&
    request.headers['sec-fetch-dest'] === 'document' &&
    request.method === 'GET' &&
    (request.url === '/' || request.url?.startsWith('/?') === true);
  if (!isOfPage && !isVisit) return 'Sec-Fetch-Site: expected same-origin';
  return undefined;
}
