// The HTTP server of the page, on a loopback address alone.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OperatorError } from '../../operator-error.ts';
import { answer, answerJson } from './answers.ts';
import { type AssetName, readAssets } from './assets.ts';
import { refusalOf } from './guard.ts';
import type { Page } from './page.ts';
import { RequestError } from './request.ts';
import { route } from './routes.ts';

const HOST = '127.0.0.1';

const ASSETS: Readonly<Record<string, AssetName>> = {
  '/': 'page.html',
  '/page.js': 'page.js',
  '/page.css': 'page.css',
  '/icon.svg': 'icon.svg',
  '/frame': 'frame.html',
};

export class PageServer {
  readonly #server: Server;
  readonly #page: Page;
  readonly #assets = readAssets();
  readonly #ending = new AbortController();

  private constructor(page: Page) {
    this.#page = page;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  /** @throws OperatorError where the port is taken or the page is not built */
  static async start(page: Page, port: number): Promise<PageServer> {
    const started = new PageServer(page);
    started.#server.listen(port, HOST);
    try {
      await once(started.#server, 'listening');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const why = code === 'EACCES' ? 'not permitted' : 'in use';
      throw new OperatorError(`local.pagePort: expected a port that is free, got ${port} (${why})`);
    }
    return started;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://${HOST}:${this.port}`;
  }

  async close(): Promise<void> {
    this.#ending.abort();
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined);
    try {
      const refusal = refusalOf(request, this.port);
      if (refusal !== undefined) throw new RequestError(403, refusal);
      const { pathname, searchParams } = new URL(request.url ?? '/', this.url);
      const asset = ASSETS[pathname];
      if (asset !== undefined) {
        if (request.method !== 'GET') throw new RequestError(405, 'method: expected GET');
        const { content, contentType } = this.#assets[asset];
        const frame = searchParams.has('remote') ? 'remoteFrame' : 'frame';
        answer(response, content, { contentType, policy: asset === 'frame.html' ? frame : 'page' });
        return;
      }
      const gone = new AbortController();
      response.once('close', () => gone.abort());
      const signal = AbortSignal.any([this.#ending.signal, gone.signal]);
      await route(this.#page, pathname, { request, response, query: searchParams, signal });
    } catch (error) {
      if (response.headersSent || response.destroyed) response.destroy();
      else if (error instanceof RequestError) {
        answerJson(response, { error: error.message }, error.status);
      } else {
        const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
        answerJson(response, { error: reason }, 500);
      }
    }
  }
}
