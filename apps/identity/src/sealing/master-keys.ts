import { readFileSync } from 'node:fs';

/** A key that seals other secrets. */
export interface MasterKey {
  readonly id: string;
  readonly bytes: Buffer;
}

/** A master key file that must not be used. The message says which line, never what it holds. */
export class UnusableMasterKeys extends Error {
  override readonly name = 'UnusableMasterKeys';
}

const LINE = /^([A-Za-z0-9._-]{1,64})\s+([A-Za-z0-9_-]{43})=?$/;

/**
 * The master keys of this process: the first seals, all of them open. Their file holds one key per line:
 * an id, white space, 256 bits as base64url.
 */
export class MasterKeys {
  readonly #byId: ReadonlyMap<string, MasterKey>;

  private constructor(
    readonly current: MasterKey,
    keys: readonly MasterKey[],
  ) {
    this.#byId = new Map(keys.map((key) => [key.id, key]));
  }

  /** @throws {UnusableMasterKeys} when the file cannot be read or a line is not a key */
  static fromFile(path: string): MasterKeys {
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (error) {
      throw new UnusableMasterKeys(
        `the master key file ${path} cannot be read: ${(error as Error).message}`,
      );
    }
    return MasterKeys.parse(text);
  }

  /** @throws {UnusableMasterKeys} */
  static parse(text: string): MasterKeys {
    const lines = text.split('\n').map((line) => line.trim());
    const keys = lines.flatMap((line, index) =>
      line === '' || line.startsWith('#') ? [] : [readLine(line, index + 1)],
    );
    const [current] = keys;
    if (!current) throw new UnusableMasterKeys('the master key file holds no key');
    if (new Set(keys.map(({ id }) => id)).size !== keys.length) {
      throw new UnusableMasterKeys('the master key file holds two keys with one id');
    }
    return new MasterKeys(current, keys);
  }

  get(id: string): MasterKey | undefined {
    return this.#byId.get(id);
  }
}

function readLine(line: string, number: number): MasterKey {
  const [, id, encoded] = LINE.exec(line) ?? [];
  if (id === undefined || encoded === undefined) {
    throw new UnusableMasterKeys(
      `line ${String(number)} of the master key file is not "<id> <base64url of 32 bytes>"`,
    );
  }
  return { id, bytes: Buffer.from(encoded, 'base64url') };
}
