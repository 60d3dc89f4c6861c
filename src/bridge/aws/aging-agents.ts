import type { Agent } from 'node:http';
import type { Duplex } from 'node:stream';

/** An older connection takes no further request, so that a change of the service's name in the DNS is followed. */
export const MAX_CONNECTION_AGE_MILLIS = 5 * 60_000;

/** Limits the age of the connections that `agent` keeps, from the end of their first request on. */
export function limitAge<A extends Agent>(agent: A, maxAgeMillis = MAX_CONNECTION_AGE_MILLIS): A {
  const firstFreeAt = new WeakMap<Duplex, number>();
  const keepSocketAlive = agent.keepSocketAlive.bind(agent) as (socket: Duplex) => unknown;
  /** Called when a request has ended. `false` closes the connection. */
  const keepYoung = (socket: Duplex): boolean => {
    const now = performance.now();
    const since = firstFreeAt.get(socket) ?? now;
    firstFreeAt.set(socket, since);
    return now - since < maxAgeMillis && keepSocketAlive(socket) === true;
  };
  agent.keepSocketAlive = keepYoung;
  return agent;
}
