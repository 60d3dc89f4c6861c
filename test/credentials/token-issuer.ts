// An issuer of tokens on the loopback: it signs them, and serves its keys over HTTP.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';

export interface TokenWish {
  readonly claims?: JWTPayload;
  /** Signs it with a key that the issuer does not publish. */
  readonly by?: 'stranger';
  /** A claim to leave out. */
  readonly without?: string;
  /** Milliseconds since the epoch. Default: the system's time. */
  readonly now?: number;
}

export interface TokenIssuer extends AsyncDisposable {
  /** Its `iss` claim. */
  readonly issuer: string;
  /** How the keys are served. */
  outage: 'none' | 'error' | 'reset';
  token(sub: string, wish?: TokenWish): Promise<string>;
}

export async function startTokenIssuer(): Promise<TokenIssuer> {
  const { publicKey, privateKey } = await generateKeyPair('RS256');
  const stranger: CryptoKey = (await generateKeyPair('RS256')).privateKey;
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' };
  const server = createServer((request, response) => {
    if (started.outage === 'reset') request.socket.resetAndDestroy();
    else if (started.outage === 'error' || request.url !== '/pool/.well-known/jwks.json') {
      response.writeHead(503).end();
    } else {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ keys: [jwk] }));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}/pool`;
  const started: TokenIssuer = {
    issuer,
    outage: 'none',
    token(sub, { claims = {}, by, without, now = Date.now() } = {}) {
      const seconds = Math.floor(now / 1000);
      const times = { iat: seconds, exp: seconds + 3600 };
      const all: JWTPayload = { iss: issuer, aud: 'mail', sub, ...times, ...claims };
      if (without !== undefined) delete all[without];
      return new SignJWT(all)
        .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
        .sign(by === 'stranger' ? stranger : privateKey);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return started;
}
