import { createRequire } from 'node:module';
import type { dictionary as Dictionary } from '@zxcvbn-ts/language-common';

let common: ReadonlySet<string> | undefined;

/** Whether a password is on the list of the ones used most (some 49 000), in whatever case. */
export function isCommon(password: string): boolean {
  common ??= load();
  return common.has(password.toLowerCase());
}

/** Loaded when the first password is set: the list takes a moment, and most processes of the command line never ask. */
function load(): ReadonlySet<string> {
  const { dictionary } = createRequire(import.meta.url)('@zxcvbn-ts/language-common') as {
    readonly dictionary: typeof Dictionary;
  };
  return new Set(dictionary['passwords-common'].map((password) => password.toLowerCase()));
}
