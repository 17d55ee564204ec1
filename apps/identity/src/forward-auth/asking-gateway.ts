import type { FastifyRequest } from 'fastify';

/** Tells whether a request of the service listener comes from a gateway; the listener that authenticates it knows. */
export abstract class AskingGateway {
  abstract isGateway(request: FastifyRequest): Promise<boolean>;
}
