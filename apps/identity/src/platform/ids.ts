import { randomBytes, randomInt, randomUUID } from 'node:crypto';

/** The source of identifiers and opaque secrets. */
export abstract class Ids {
  /** A random UUID (version 4). */
  abstract uuid(): string;
  /** 256 random bits as base64url, for secrets that are handed out. */
  abstract secret(): string;
  /** A random whole number from 0 to `limit` - 1. */
  abstract below(limit: number): number;
}

export class RandomIds extends Ids {
  uuid(): string {
    return randomUUID();
  }

  secret(): string {
    return randomBytes(32).toString('base64url');
  }

  below(limit: number): number {
    return randomInt(limit);
  }
}
