/** The two clocks of a process. Injected, so that tests can hold them. */
export interface VerifierClock {
  /** Wall clock, milliseconds since the Unix epoch. */
  wallMs(): number;
  /** A clock that never jumps, milliseconds from any origin. */
  monotonicMs(): number;
}
