import { createHmac, timingSafeEqual } from 'node:crypto';

/** The parts of a refresh token `sid.generation.proof`, not verified. */
export interface UnverifiedRefreshToken {
  readonly sid: string;
  readonly generation: number;
  readonly proof: string;
}

const SPELLING = /^([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})\.(0|[1-9]\d{0,8})\.([\w-]{43})$/;

/** Makes the refresh token of one generation: the same every time. The proof is HMAC-SHA-256(row secret, generation), base64url. */
export function makeRefreshToken(sid: string, generation: number, rowSecret: Buffer): string {
  return `${sid}.${String(generation)}.${proofOf(generation, rowSecret)}`;
}

/** Takes a refresh token apart. `undefined` when it is not spelt as ours are. */
export function parseRefreshToken(text: string): UnverifiedRefreshToken | undefined {
  const [, sid, generation, proof] = SPELLING.exec(text) ?? [];
  if (sid === undefined || generation === undefined || proof === undefined) return undefined;
  return { sid, generation: Number(generation), proof };
}

/** Whether whoever made the token knew the row secret. In constant time. */
export function isProofGood(
  { generation, proof }: UnverifiedRefreshToken,
  rowSecret: Buffer,
): boolean {
  // Compared as text: of base64url several spellings can decode to the same bytes.
  return timingSafeEqual(Buffer.from(proof), Buffer.from(proofOf(generation, rowSecret)));
}

function proofOf(generation: number, rowSecret: Buffer): string {
  return createHmac('sha256', rowSecret).update(String(generation)).digest('base64url');
}
