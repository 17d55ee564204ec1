/** One line of the doctor's screen. `wrong` needs somebody; `note` is worth knowing. */
export interface Finding {
  readonly check: string;
  readonly verdict: 'ok' | 'note' | 'wrong';
  readonly detail: string;
}
