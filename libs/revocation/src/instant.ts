/** A point in time on both clocks of a process, milliseconds. */
export interface Instant {
  /** Wall clock, since the Unix epoch. */
  readonly wallMs: number;
  /** A clock that never jumps; its origin does not matter. */
  readonly monotonicMs: number;
}
