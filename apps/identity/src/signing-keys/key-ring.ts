import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { IdentityConfig } from '../config/identity-config.js';
import { Clock } from '../platform/clock.js';
import { Database } from '../platform/database.js';
import { createJwksDocument } from './jwks-document.js';
import type { JwksDocument } from './jwks-document.js';
import { KeyRotation } from './key-rotation.js';
import { KeyVault } from './key-vault.js';
import type { Signer } from './signer.js';
import { PUBLISHED_STATES } from './signing-key.js';
import type { SigningKey } from './signing-key.js';

/** However soon a change is planned, the key set may be cached for so long, seconds, if the settings allow that at all. */
const SHORTEST_CACHE_SECONDS = 30;

/** SQL for the key that signs now, `null` when none does. */
export const ACTIVE_KID = `(SELECT kid FROM signing_keys WHERE state = 'active')`;

type PublishedKey = Pick<
  SigningKey,
  'kid' | 'state' | 'publicJwk' | 'sealedPrivateKey' | 'masterKeyId' | 'activatedAt'
>;
interface RingReading {
  readonly version: string;
  readonly keys: readonly PublishedKey[];
}

/** The signing keys of this issuer, as this process knows them. It follows the database: see `RotationDriver`. */
@Injectable()
export class KeyRing {
  #version = -1n;
  #document: JwksDocument | undefined;
  #signers: ReadonlyMap<string, Signer> = new Map();
  #nextChangeAtMs = 0;
  #activatedAtMs = Number.NaN;
  readonly #listeners: (() => void)[] = [];

  constructor(
    private readonly config: IdentityConfig,
    private readonly database: Database,
    private readonly vault: KeyVault,
    private readonly rotation: KeyRotation,
    private readonly clock: Clock,
  ) {}

  /**
   * Loads the keys, making the first ones for an empty ring, and opens those that sign or will.
   *
   * @throws {UnsealFailed} when one of them cannot be opened: the process must not start
   */
  async load(): Promise<void> {
    // First what is there: who cannot open it must add nothing.
    await this.follow();
    const { plan } = await this.rotation.turn();
    this.noteNextChange(plan.nextChangeIn);
    await this.follow();
  }

  /** Takes over what has changed in the database. @throws {UnsealFailed} and goes on with what it had */
  async follow(): Promise<void> {
    const [row] = await this.database.run((manager) =>
      manager.query<[{ version: string }]>(`SELECT version FROM key_ring`),
    );
    if (BigInt(row.version) > this.#version) {
      this.#take(await this.database.run((manager) => readRing(manager)));
    }
  }

  /** The published keys. @throws {TypeError} before {@link load} */
  document(): JwksDocument {
    if (!this.#document) throw new TypeError('the key ring has not been loaded');
    return this.#document;
  }

  /** How long the document may be cached, seconds: until the next planned change, within limits. */
  cacheSeconds(): number {
    const longest = this.config.JWKS_CACHE_SECONDS;
    const left = Math.floor((this.#nextChangeAtMs - this.clock.now().getTime()) / 1000);
    return Math.min(longest, Math.max(SHORTEST_CACHE_SECONDS, left));
  }

  /** @param seconds until the published keys may change; `null` when nothing is in sight */
  noteNextChange(seconds: number | null): void {
    this.#nextChangeAtMs = this.clock.now().getTime() + (seconds ?? Infinity) * 1000;
  }

  /** By this machine's clock; not a number before the first change is known. */
  nextChangeInSeconds(): number {
    return Math.max(0, (this.#nextChangeAtMs - this.clock.now().getTime()) / 1000);
  }

  /** How long the active key has signed, by this machine's clock; not a number when none does. */
  activeForSeconds(): number {
    return (this.clock.now().getTime() - this.#activatedAtMs) / 1000;
  }

  /** Calls `listener` after each change of the published keys. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  canSign(): boolean {
    return this.#signers.size > 0;
  }

  /** {@link signerOf} the key that is active now. */
  async activeSigner(tx: EntityManager): Promise<Signer> {
    const [row] = await tx.query<[{ kid: string | null }]>(`SELECT ${ACTIVE_KID} AS kid`);
    return this.signerOf(tx, row.kid);
  }

  /**
   * The signer of the key that was read as the active one. Call inside the transaction that fixes a token's claims, with the
   * key ring lock shared: the key cannot then be revoked before the transaction ends. This replica publishes the key before it
   * signs with it.
   */
  async signerOf(tx: EntityManager, activeKid: string | null): Promise<Signer> {
    if (activeKid === null) throw new TypeError('no key signs: the key ring has not been loaded');
    const known = this.#signers.get(activeKid);
    if (known) return known;
    this.#take(await readRing(tx));
    const signer = this.#signers.get(activeKid);
    if (!signer) throw new TypeError('the key ring changed under its lock');
    return signer;
  }

  #take({ version, keys }: RingReading): void {
    // An older reading may come late.
    if (BigInt(version) < this.#version) return;
    const signers = keys.flatMap(({ kid, sealedPrivateKey: box, masterKeyId }) =>
      box && masterKeyId !== null
        ? [[kid, this.#signers.get(kid) ?? this.#open(kid, box, masterKeyId)] as const]
        : [],
    );
    const before = this.#document?.body;
    this.#signers = new Map(signers);
    const active = keys.find(({ state }) => state === 'active');
    this.#activatedAtMs = active?.activatedAt?.getTime() ?? Number.NaN;
    this.#document = createJwksDocument(keys.map(({ publicJwk }) => publicJwk));
    this.#version = BigInt(version);
    if (this.#document.body !== before) for (const tell of this.#listeners) tell();
  }

  #open(kid: string, box: Buffer, masterKeyId: string): Signer {
    return this.vault.open(kid, { box, masterKeyId });
  }
}

/** One statement, so that the keys are those of the version. */
async function readRing(manager: EntityManager): Promise<RingReading> {
  const rows = await manager.query<({ version: string } & PublishedKey)[]>(
    `SELECT version, kid, state, public_jwk AS "publicJwk", sealed_private_key AS "sealedPrivateKey",
       master_key_id AS "masterKeyId", activated_at AS "activatedAt"
     FROM key_ring LEFT JOIN signing_keys ON state = ANY($1) ORDER BY prepared_at, kid`,
    [PUBLISHED_STATES],
  );
  const keys = rows.filter(({ kid }: { kid: string | null }) => kid !== null);
  return { version: rows[0]?.version ?? '0', keys };
}
