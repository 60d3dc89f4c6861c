import type { FastifyInstance } from 'fastify';

/** What the embedded services parse themselves, because SQS and SNS are called with it. */
const PARSED_TYPES = ['application/x-amz-json-1.0', 'application/x-www-form-urlencoded'];
const declared = Symbol('the content type that the client declared');

/** Makes the embedded S3 take what S3 takes: an empty object, and an object of any content type. */
export function acceptWhatS3Accepts(app: FastifyInstance): void {
  app.decorateRequest(declared, undefined);
  app.addHook('onRequest', async (request) => {
    const { headers } = request;
    const type = headers['content-type'];
    if (request.method !== 'PUT' || !PARSED_TYPES.some((each) => type?.includes(each))) return;
    // Read as octets, and stored under its own type.
    request.setDecorator(declared, type);
    headers['content-type'] = 'application/octet-stream';
  });
  app.addHook('preHandler', async (request) => {
    if (request.method !== 'PUT') return;
    const type = request.getDecorator<string | undefined>(declared);
    if (type !== undefined) request.headers['content-type'] = type;
    // A request without a body has none at all, where it does not declare a content type.
    request.body ??= Buffer.alloc(0);
  });
}
