// What the embedded SNS was asked to publish, for the page: seen in the process, so that it costs next to nothing.
import type { FastifyInstance } from 'fastify';

/** A request that was carried out, in the Query protocol. https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html */
export interface PublishRequest {
  readonly fields: Readonly<Record<string, string>>;
  /** Of the request's body, which is longer than the fields. */
  readonly octets: number;
  /** XML, with the ids of the messages. */
  readonly answer: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export type ObservePublishes = (request: PublishRequest) => void;

/** Adds the hook, and returns a function that sets its observer or, with `undefined`, removes it. */
export function publishRequests(
  app: FastifyInstance,
): (observe: ObservePublishes | undefined) => void {
  let observe: ObservePublishes | undefined;
  app.addHook('onSend', (request, reply, answer, done) => {
    if (observe !== undefined && reply.statusCode === 200 && isPublish(request.body)) {
      const octets = Number(request.headers['content-length'] ?? 0);
      observe({ fields: request.body, octets, answer: String(answer), at: Date.now() });
    }
    done();
  });
  return (newObserver) => {
    observe = newObserver;
  };
}

function isPublish(body: unknown): body is PublishRequest['fields'] {
  if (typeof body !== 'object' || body === null || !('Action' in body)) return false;
  return body.Action === 'Publish' || body.Action === 'PublishBatch';
}
