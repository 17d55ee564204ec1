/** The wall clock of this process. What must agree between replicas takes its time from the database instead. */
export abstract class Clock {
  abstract now(): Date;
}
