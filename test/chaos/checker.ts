/** What a service said to one request with a token. `unavailable`: 503. `unreachable`: no answer at all. `broken`: anything else. */
export type Answer = 'accepted' | 'refused' | 'unavailable' | 'unreachable' | 'broken';

/** One request with a token. Times in milliseconds on one clock. */
export interface Probe {
  readonly token: number;
  readonly service: 'orders' | 'payments';
  readonly began: number;
  readonly ended: number;
  readonly answer: Answer;
}

/** One logout. `failed`: it was not confirmed, so that the token may be revoked or not. */
export interface Logout {
  readonly token: number;
  readonly asked: number;
  readonly answered: number;
  readonly status: 'applied' | 'pending' | 'failed';
}

/** All that was seen while something was broken and afterwards. */
export interface History {
  readonly probes: readonly Probe[];
  readonly logouts: readonly Logout[];
  /** Services were whole again, and given time, from here on. */
  readonly settledAt: number;
}

/** A promise that was broken, in one sentence. */
export interface Breach {
  readonly kind: 'wrong_accept' | 'wrong_refusal' | 'lost' | 'not_healed' | 'broken';
  readonly text: string;
}

/** The promises that were broken; empty when all were kept. */
export function breaches(history: History, hardLimitMs: number): Breach[] {
  const logouts = new Map(history.logouts.map((logout) => [logout.token, logout]));
  return history.probes.flatMap((probe) => {
    const logout = logouts.get(probe.token);
    const found: [Breach['kind'], string | undefined][] = [
      ['wrong_accept', acceptedAfterReceipt(probe, logout)],
      ['wrong_accept', acceptedPastTheLimit(probe, logout, hardLimitMs)],
      ['wrong_refusal', refusedWithoutReason(probe, logout)],
      ['lost', lost(probe, logout, history.settledAt)],
      ['not_healed', notHealed(probe, logout, history.settledAt)],
      ['broken', answeredOtherwise(probe)],
    ];
    return found.flatMap(([kind, text]) => (text === undefined ? [] : [{ kind, text }]));
  });
}

/** The same, one sentence each. */
export function brokenPromises(history: History, hardLimitMs: number): string[] {
  return breaches(history, hardLimitMs).map(({ text }) => text);
}

function acceptedAfterReceipt(probe: Probe, logout: Logout | undefined): string | undefined {
  if (logout?.status !== 'applied' || probe.answer !== 'accepted') return undefined;
  if (probe.began <= logout.answered) return undefined;
  return `${name(probe)} was accepted ${after(probe, logout)} after its receipt`;
}

function acceptedPastTheLimit(
  probe: Probe,
  logout: Logout | undefined,
  hardLimitMs: number,
): string | undefined {
  if (!logout || logout.status === 'failed' || probe.answer !== 'accepted') return undefined;
  if (probe.began <= logout.answered + hardLimitMs) return undefined;
  return `${name(probe)} was accepted ${after(probe, logout)} after its logout, past the hard limit`;
}

function refusedWithoutReason(probe: Probe, logout: Logout | undefined): string | undefined {
  if (probe.answer !== 'refused' || (logout && logout.asked <= probe.ended)) return undefined;
  return `${name(probe)} was refused although nobody had revoked it`;
}

function lost(probe: Probe, logout: Logout | undefined, settledAt: number): string | undefined {
  if (!logout || logout.status === 'failed' || probe.began < settledAt) return undefined;
  if (probe.answer === 'refused') return undefined;
  return `${name(probe)} was ${probe.answer} at the end although it was revoked`;
}

function notHealed(probe: Probe, logout: Logout | undefined, settledAt: number) {
  if (logout || probe.began < settledAt || probe.answer === 'accepted') return undefined;
  return `${name(probe)} was ${probe.answer} at the end although it is good`;
}

function answeredOtherwise(probe: Probe): string | undefined {
  if (probe.answer !== 'broken') return undefined;
  return `${name(probe)} was answered neither yes, no, nor 503`;
}

function name({ token, service }: Probe): string {
  return `token ${String(token)} at ${service}`;
}

function after(probe: Probe, logout: Logout): string {
  return `${(probe.began - logout.answered).toFixed(0)} ms`;
}
