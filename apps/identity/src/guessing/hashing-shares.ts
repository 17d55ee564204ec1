import { Injectable } from '@nestjs/common';
import { IdentityConfig } from '../config/identity-config.js';
import { DomainError } from '../platform/domain-error.js';

/** With fewer, a network would wait for itself where nobody else is there. */
const FEWEST = 2;

/**
 * Of the places in which passwords are hashed and wait for it, one network has half at most, whatever it wants hashed: right passwords
 * count for one account only, and with many of their own anybody could keep everybody else from signing in. Each replica for itself, since the places are its own.
 */
@Injectable()
export class HashingShares {
  readonly #most: number;
  readonly #underWay = new Map<string, number>();

  constructor({ PASSWORD_HASH_PROCESSES, PASSWORD_HASH_QUEUE }: IdentityConfig) {
    const places = PASSWORD_HASH_PROCESSES + PASSWORD_HASH_QUEUE;
    this.#most = Math.max(FEWEST, Math.floor(places / 2));
  }

  /** @returns gives the place back, once @throws {DomainError} `overloaded` */
  take(network: string): () => void {
    const underWay = this.#underWay.get(network) ?? 0;
    if (underWay >= this.#most)
      throw new DomainError('overloaded', 'too many passwords at once; try again in a moment');
    this.#underWay.set(network, underWay + 1);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const left = (this.#underWay.get(network) ?? 1) - 1;
      if (left > 0) this.#underWay.set(network, left);
      else this.#underWay.delete(network);
    };
  }
}
