import { TailFilter } from './tail-filter.js';
import { SEGMENT_CAPACITY, UuidSegment } from './uuid-segment.js';
import type { UuidWords } from './uuid-words.js';

/** With so many bits in common, identifiers are not random; a set of 100 million stays below. */
const MAX_DEPTH = 16;
/** A sweep is complete after so many calls, or sooner. */
const SWEEP_CALLS = 32;
const MIN_SWEPT = 8;

/**
 * UUIDs with an end each, compared whole: 21 bytes of memory per slot outside the garbage-collected heap, by extendible
 * hashing. A directory, indexed by the leading bits of the hash, names segments of 64 KB; a full one is split in two by
 * one more bit. So no step of growth moves more than one segment, and no memory is held twice.
 */
export class UuidSet {
  #depth = 0;
  #directory: UuidSegment[] = [new UuidSegment(0)];
  #size = 0;
  #swept = 0;
  #horizon = 0;
  readonly #filter = new TailFilter();

  /** How many are held, those included that have ended and not been swept up yet. */
  get size(): number {
    return this.#size;
  }

  /** False when no identifier with this last word is held. */
  mayHave(last: number): boolean {
    return this.#size > 0 && this.#filter.mayHave(last);
  }

  has(id: UuidWords): boolean {
    if (this.#size === 0) return false;
    const hash = hashOf(id);
    const expiresAt = this.#segmentOf(hash).expiryOf(id, hash);
    return expiresAt !== 0 && expiresAt >= this.#horizon;
  }

  /**
   * @param expiresAt NumericDate seconds, a whole number from 1 to 2^32 - 1
   * @returns `full` when nothing was done because there is no room where it belongs, which random identifiers never meet
   */
  add(id: UuidWords, expiresAt: number): 'changed' | 'unchanged' | 'full' {
    const hash = hashOf(id);
    let segment = this.#segmentOf(hash);
    while (segment.count >= SEGMENT_CAPACITY) {
      if (!this.#makeRoom(segment, hash)) return 'full';
      segment = this.#segmentOf(hash);
    }
    const before = segment.count;
    const changed = segment.add(id, hash, expiresAt);
    this.#filter.add(id[3] ?? 0, expiresAt);
    this.#size += segment.count - before;
    return changed ? 'changed' : 'unchanged';
  }

  /** From now on, what ended before `horizon` is not there. Gives back a part of its memory at each call. */
  sweep(horizon: number): void {
    this.#horizon = Math.max(this.#horizon, horizon);
    this.#filter.sweep(this.#horizon);
    if (this.#size === 0) return;
    const share = Math.max(MIN_SWEPT, Math.ceil(this.#directory.length / SWEEP_CALLS));
    for (let n = 0; n < Math.min(share, this.#directory.length); n += 1) {
      this.#swept = (this.#swept + 1) & (this.#directory.length - 1);
      const segment = this.#directory[this.#swept];
      if (segment) this.#compact(segment, this.#swept);
    }
  }

  #segmentOf(hash: number): UuidSegment {
    // A shift by 32 is one by 0.
    const index = this.#depth === 0 ? 0 : hash >>> (32 - this.#depth);
    return this.#directory[index] as UuidSegment;
  }

  /** Splits a full segment, unless enough in it has ended. */
  #makeRoom(segment: UuidSegment, hash: number): boolean {
    this.#reclaim(segment);
    if (segment.count < SEGMENT_CAPACITY * 0.75) return true;
    if (segment.depth === MAX_DEPTH) return segment.count < SEGMENT_CAPACITY;
    if (segment.depth === this.#depth) {
      this.#directory = this.#directory.flatMap((each) => [each, each]);
      this.#depth += 1;
    }
    this.#split(segment, hash);
    return true;
  }

  #split(segment: UuidSegment, hash: number): void {
    segment.depth += 1;
    const sibling = new UuidSegment(segment.depth);
    const width = 2 ** (this.#depth - segment.depth);
    const low = Math.floor((hash >>> (32 - this.#depth)) / (2 * width)) * 2 * width;
    this.#directory.fill(sibling, low + width, low + 2 * width);
    segment.refill(0, (id, expiresAt) => {
      const own = hashOf(id);
      const upper = (own >>> (32 - segment.depth)) & 1;
      (upper === 1 ? sibling : segment).add(id, own, expiresAt);
    });
  }

  #reclaim(segment: UuidSegment): void {
    if (!segment.hasEnded(this.#horizon)) return;
    const before = segment.count;
    segment.refill(this.#horizon, (id, expiresAt) => {
      segment.add(id, hashOf(id), expiresAt);
    });
    this.#size += segment.count - before;
  }

  /** Forgets what has ended, and joins the segment with the one it was split from when both are nearly empty. */
  #compact(segment: UuidSegment, index: number): void {
    this.#reclaim(segment);
    if (segment.depth === 0) return;
    const width = 2 ** (this.#depth - segment.depth);
    const low = Math.floor(index / (2 * width)) * 2 * width;
    const other = this.#directory[index < low + width ? low + width : low];
    if (other?.depth !== segment.depth) return;
    if (other.count + segment.count > SEGMENT_CAPACITY / 2) return;
    segment.depth -= 1;
    other.refill(0, (id, expiresAt) => {
      segment.add(id, hashOf(id), expiresAt);
    });
    this.#directory.fill(segment, low, low + 2 * width);
  }
}

/** 32 bits that all depend on the first and the last word: at least one of them is random in every version of UUID. */
function hashOf(id: UuidWords): number {
  let hash = Math.imul(id[0] ?? 0, 0x85ebca6b) ^ (id[3] ?? 0);
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 13), 0x27d4eb2f);
  return hash ^ (hash >>> 16);
}
