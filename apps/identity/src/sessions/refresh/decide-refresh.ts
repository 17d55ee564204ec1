/** Which spent refresh token came back: the last one, too late; or one from longer ago, which nobody should still hold. */
export type ReplayKind = 'last_one' | 'older_one';

/** What a refresh token with a good proof does to its session. */
export type RefreshDecision =
  /** A new generation, and its token. */
  | { readonly do: 'advance' }
  /** The token of the current generation, once more: whoever asks has not got the answer, or asks twice at once. */
  | { readonly do: 'repeat' }
  /** The token is of a generation that the row does not know yet: the row is an old copy. Not the caller's doing. */
  | { readonly do: 'refuse'; readonly because: 'session_ended' | 'store_behind' }
  /** Two hold tokens of one line: end the session. */
  | { readonly do: 'end'; readonly replay: ReplayKind };

/** What is known of the session, under its lock. */
export interface RefreshState {
  readonly isLive: boolean;
  readonly generation: number;
  /** Seconds since the generation went up; `null` when it never has. Below zero when the clock has been set back. */
  readonly sinceRefresh: number | null;
}

/**
 * Decides about a refresh token whose proof is good; its session's state comes first. Pure.
 *
 * @param generation of the token
 * @param graceSeconds for so long the last spent token is forgiven; 0: never
 */
export function decideRefresh(
  session: RefreshState,
  generation: number,
  graceSeconds: number,
): RefreshDecision {
  if (!session.isLive) return { do: 'refuse', because: 'session_ended' };
  if (generation === session.generation) return { do: 'advance' };
  if (generation > session.generation) return { do: 'refuse', because: 'store_behind' };
  if (generation < session.generation - 1) return { do: 'end', replay: 'older_one' };
  const isForgiven = session.sinceRefresh !== null && session.sinceRefresh < graceSeconds;
  return isForgiven ? { do: 'repeat' } : { do: 'end', replay: 'last_one' };
}
