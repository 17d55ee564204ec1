import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { Injectable } from '@nestjs/common';
import { IdentityConfig } from '../config/identity-config.js';

/** A line: SHA-1 in upper case, and perhaps how often it was seen. */
const LINE = /^([\dA-F]{40})(:\d{1,12})?\r?$/;
/** Two lines fit into so many bytes, with what may stand before the first. */
const CHUNK_BYTES = 160;

/** The file of breached passwords cannot be used. The message says why. */
export class UnusablePasswordFile extends Error {
  override readonly name = 'UnusablePasswordFile';
}

/** A line of the file, with the offsets of its first byte and of the one after its end. */
interface Line {
  readonly hash: string;
  readonly begins: number;
  readonly ends: number;
}

/**
 * Looks passwords up in a file of breached ones, sorted by their SHA-1, as "Pwned Passwords" can be downloaded. Nothing leaves the
 * machine, and nothing of the file is kept in memory: some thirty-five reads for a billion lines.
 */
@Injectable()
export class BreachedPasswords {
  #file: { readonly handle: FileHandle; readonly bytes: number } | undefined;

  constructor(private readonly config: IdentityConfig) {}

  /** Opens the file, when there is one. @throws {UnusablePasswordFile} when it cannot be read, or is something else */
  async load(): Promise<void> {
    const { BREACHED_PASSWORDS_FILE: path } = this.config;
    if (path === undefined) return;
    try {
      const handle = await open(path);
      this.#file = { handle, bytes: (await handle.stat()).size };
      await this.#lineFrom(0);
    } catch (error) {
      await this.close();
      throw new UnusablePasswordFile((error as Error).message);
    }
  }

  async close(): Promise<void> {
    await this.#file?.handle.close();
    this.#file = undefined;
  }

  /** Whether the password, in its one spelling, is in the file; `false` without one. */
  async has(password: string): Promise<boolean> {
    const wanted = createHash('sha1').update(password).digest('hex').toUpperCase();
    // The line begins at one of these offsets, if it is there.
    let [low, end] = [0, this.#file?.bytes ?? 0];
    while (low < end) {
      const middle = Math.floor((low + end) / 2);
      const line = await this.#lineFrom(middle);
      if (line?.hash === wanted) return true;
      if (line && line.hash < wanted) low = line.ends;
      else end = middle;
    }
    return false;
  }

  /** The first line that begins at this offset or later; `undefined` when there is none. */
  async #lineFrom(offset: number): Promise<Line | undefined> {
    if (!this.#file) return undefined;
    const start = Math.max(0, offset - 1);
    const { buffer, bytesRead } = await this.#file.handle.read({
      buffer: Buffer.alloc(CHUNK_BYTES),
      position: start,
    });
    const text = buffer.toString('latin1', 0, bytesRead);
    const first = offset === 0 ? 0 : text.indexOf('\n') + 1;
    if (offset > 0 && first === 0) return undefined;
    const begins = start + first;
    if (begins >= this.#file.bytes) return undefined;
    const [line = ''] = text.slice(first).split('\n', 1);
    const [, hash] = LINE.exec(line) ?? [];
    if (hash === undefined) throw new Error(`at byte ${String(begins)} there is no line of SHA-1`);
    return { hash, begins, ends: begins + line.length + 1 };
  }
}
