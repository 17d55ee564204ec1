// Preloaded into a process whose wall clock shall be wrong by SKEW_MS milliseconds.
const skew = Number(process.env.SKEW_MS ?? 0);
const RealDate = Date;
const now = () => RealDate.now() + skew;
globalThis.Date = class Date extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(now());
    else super(...args);
  }
  static now() {
    return now();
  }
};
