/** The wall clock of this process. */
export abstract class Clock {
  abstract now(): Date;
}
