/** A column that holds sealed secrets, one for each row: what has to be sealed anew when the master key changes. */
export interface SealedColumn {
  readonly table: string;
  /** The primary key. */
  readonly key: { readonly column: string; readonly type: 'text' | 'uuid' | 'bigint' | 'boolean' };
  /** `nonce, ciphertext, tag`; NULL when the row has no secret (any more). */
  readonly box: string;
  /** The id of the master key that the box is sealed under. */
  readonly masterKey: string;
  /** What the box of the row with this key (as text) is bound to. */
  readonly boundTo: (key: string) => string;
}
