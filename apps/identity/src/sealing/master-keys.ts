import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** A key that seals other secrets. */
export interface MasterKey {
  readonly id: string;
  readonly bytes: Buffer;
}

/** Where master keys come from: a file, or a text of the same form. Exactly one of them. */
export interface MasterKeySettings {
  readonly MASTER_KEY_FILE?: string | undefined;
  readonly MASTER_KEY?: string | undefined;
}

/** Master keys that must not be used. The message says which line, never what it holds. */
export class UnusableMasterKeys extends Error {
  override readonly name = 'UnusableMasterKeys';
}

const MASTER_KEY_BYTES = 32;

/** A line of a master key file, with a new key. */
export function newMasterKeyLine(id = `mk-${randomBytes(4).toString('hex')}`): string {
  return `${id} ${randomBytes(MASTER_KEY_BYTES).toString('base64url')}`;
}

/**
 * The master keys of this process: the first seals, all of them open. Their file holds one key per line:
 * an id, white space, 256 bits as base64url. In an environment variable, commas may stand for the ends of lines.
 */
export class MasterKeys {
  readonly #byId: ReadonlyMap<string, MasterKey>;

  private constructor(
    readonly current: MasterKey,
    keys: readonly MasterKey[],
  ) {
    this.#byId = new Map(keys.map((key) => [key.id, key]));
  }

  /** @throws {UnusableMasterKeys} */
  static fromSettings({ MASTER_KEY_FILE: file, MASTER_KEY: text = '' }: MasterKeySettings) {
    if (file !== undefined) return MasterKeys.fromFile(file);
    return MasterKeys.parse(text.replaceAll(',', '\n'), 'MASTER_KEY');
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
    return MasterKeys.parse(text, `the master key file ${path}`);
  }

  /** @param source how messages name the text @throws {UnusableMasterKeys} */
  static parse(text: string, source = 'the master key file'): MasterKeys {
    const lines = text.split('\n').map((line) => line.trim());
    const keys = lines.flatMap((line, index) =>
      line === '' || line.startsWith('#') ? [] : [readLine(line, index + 1, source)],
    );
    const [current] = keys;
    if (!current) throw new UnusableMasterKeys(`${source} holds no key`);
    if (new Set(keys.map(({ id }) => id)).size !== keys.length) {
      throw new UnusableMasterKeys(`${source} holds two keys with one id`);
    }
    return new MasterKeys(current, keys);
  }

  /** All of them, the one that seals first. */
  ids(): readonly string[] {
    return [...this.#byId.keys()];
  }

  /** One of them alone. @throws {TypeError} when it is not there */
  only(id: string): MasterKeys {
    const key = this.#byId.get(id);
    if (!key) throw new TypeError(`there is no master key "${id}"`);
    return new MasterKeys(key, [key]);
  }

  get(id: string): MasterKey | undefined {
    return this.#byId.get(id);
  }
}

function readLine(line: string, number: number, source: string): MasterKey {
  const [id = '', encoded = '', ...rest] = line.split(/\s+/);
  const fault = (why: string) =>
    new UnusableMasterKeys(`line ${String(number)} of ${source} ${why}`);
  if (encoded === '' || rest.length > 0) throw fault('is not "<id> <base64url of 32 bytes>"');
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(id))
    throw fault('has an id that is not 1 to 64 of A-Za-z0-9._-');
  const digits = encoded.replace(/=+$/, '');
  const bytes = Buffer.from(digits, 'base64url');
  if (bytes.toString('base64url') !== digits) throw fault('has a key that is not base64url');
  if (bytes.length !== MASTER_KEY_BYTES) {
    throw fault(
      `has a key of ${String(bytes.length)} bytes; it must be ${String(MASTER_KEY_BYTES)}`,
    );
  }
  return { id, bytes };
}
