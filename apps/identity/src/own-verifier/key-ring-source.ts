import { parseKeySet } from '@countersign/token-verifier';
import type { KeySet, KeySource, KeySourceState } from '@countersign/token-verifier';
import type { KeyRing } from '../signing-keys/key-ring.js';

/** Keys for identity's own verifier: the published ones, straight from the key ring. Never old, never away. */
export class KeyRingSource implements KeySource {
  #seen: { readonly body: string; readonly keys: KeySet } | undefined;

  constructor(private readonly keyRing: KeyRing) {}

  start(onChange: () => void): void {
    this.keyRing.onChange(onChange);
    onChange();
  }

  current(): KeySet {
    const { body } = this.keyRing.document();
    if (this.#seen?.body !== body) this.#seen = { body, keys: parseKeySet(JSON.parse(body)) };
    return this.#seen.keys;
  }

  refreshForUnknownKey(): Promise<void> {
    return Promise.resolve();
  }

  state(): KeySourceState {
    return { kids: [...this.current().keys()], ageSeconds: 0 };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
