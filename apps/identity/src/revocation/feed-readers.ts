import { Injectable } from '@nestjs/common';
import { ProblemError } from '@countersign/service-host';
import type { FastifyRequest } from 'fastify';

/** Instances of one relying service that may follow the feed of one replica of identity. */
export const MAX_READERS_PER_SERVICE = 1_000;

/** Tells which relying service sent a request; the listener that authenticates it knows. */
export abstract class FeedAudience {
  abstract serviceOf(request: FastifyRequest): string;
}

/** Who opens a connection. */
export interface ReaderIdentity {
  readonly serviceId: string;
  /** New at each boot of the instance; a reader that names none is counted, and replaces nobody. */
  readonly instanceId: string | undefined;
}

/** A connection, as far as its place is concerned. */
export interface PlacedReader {
  cutOff(): void;
}

/**
 * The places of readers from outside. An instance has one: its new connection takes the place of the old one, which is cut off,
 * because its other end may be gone without anybody having heard of it. So instances that reconnect in a storm hold no more than
 * their number.
 */
@Injectable()
export class FeedReaders {
  readonly #byService = new Map<string, Map<string | PlacedReader, PlacedReader>>();

  /**
   * @returns how to give the place back
   * @throws {ProblemError} `too_many_requests` when all places of the service are taken
   */
  admit({ serviceId, instanceId }: ReaderIdentity, reader: PlacedReader): () => void {
    const readers =
      this.#byService.get(serviceId) ?? new Map<string | PlacedReader, PlacedReader>();
    const place = instanceId ?? reader;
    const former = readers.get(place);
    if (!former && readers.size >= MAX_READERS_PER_SERVICE) {
      throw new ProblemError('too_many_requests', {
        detail: 'too many instances of this service follow the feed here',
      });
    }
    this.#byService.set(serviceId, readers);
    readers.set(place, reader);
    former?.cutOff();
    return () => {
      if (readers.get(place) === reader) readers.delete(place);
      if (readers.size === 0) this.#byService.delete(serviceId);
    };
  }

  countOf(serviceId: string): number {
    return this.#byService.get(serviceId)?.size ?? 0;
  }
}
