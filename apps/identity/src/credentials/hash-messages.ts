/** What the hashing process is asked. */
export type HashRequest =
  | {
      readonly id: number;
      readonly op: 'hash';
      readonly password: string;
      readonly memoryKiB: number;
      readonly passes: number;
    }
  | {
      readonly id: number;
      readonly op: 'verify';
      readonly password: string;
      readonly hash: string;
    };

/** What it answers. */
export type HashAnswer =
  | { readonly id: number; readonly hash: string }
  | { readonly id: number; readonly ok: boolean }
  | { readonly id: number; readonly error: string };
