import type { AccessToken } from '../tokens/access-token.js';

/** A base class that gives its subclass an object which is already there, to put private members on. */
const OnObject = function (holder: object) {
  return holder;
} as unknown as new (holder: object) => object;

/**
 * The verified token of a request or a socket, as a private member of it: out of reach for everybody else, not seen by
 * logs or JSON, gone with its holder. A `WeakMap` does the same, at a price that every request would pay.
 */
export class HeldToken extends OnObject {
  #token: AccessToken | undefined;

  static of(holder: object): AccessToken | undefined {
    return #token in holder ? holder.#token : undefined;
  }

  static put(holder: object, token: AccessToken | undefined): void {
    if (!(#token in holder)) new HeldToken(holder);
    (holder as HeldToken).#token = token;
  }
}
