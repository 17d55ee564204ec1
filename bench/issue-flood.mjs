// Latencies of refreshes and of /auth/me, while nothing else happens and under a flood of logins, by turns.
import { setTimeout as delay } from 'node:timers/promises';

const TURNS = 5;
const TURN_MS = 5_000;
/** Each of refreshes and of /auth/me. */
const PROBES_PER_SECOND = 25;
const SESSIONS = 25;
const TIMES_OVER = 4;

const percentile = (values, p) => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))];
};

/** Calls `act` at a steady pace, whether the last call has ended or not. Resolves when all have. */
async function steadily(perSecond, ms, act) {
  const start = performance.now();
  const acts = [];
  for (let n = 0; (n / perSecond) * 1000 < ms; n += 1) {
    const due = start + (n / perSecond) * 1000;
    const wait = due - performance.now();
    if (wait > 1) await delay(wait);
    const doing = act(n);
    // Told at the end, so that whoever started the processes can stop them.
    doing.catch(() => undefined);
    acts.push(doing);
  }
  await Promise.all(acts);
}

/**
 * @param capacity logins per second that identity can do
 * @returns p99 in milliseconds, quiet and in the flood, and what became of the flood
 */
export async function measureFlood(client, capacity, turns = TURNS) {
  const sessions = [];
  for (let n = 0; n < SESSIONS; n += 1) sessions.push(await client.logIn());
  const times = { quiet: [], flood: [] };
  const flood = { sent: 0, 200: 0, 401: 0, 503: 0 };

  const probe = async (when) => {
    const into = { refresh: [], me: [] };
    times[when]?.push(into);
    await steadily(PROBES_PER_SECOND, TURN_MS, async () => {
      const due = performance.now();
      // One that is under way is not in the list.
      while (sessions.length === 0) await delay(5);
      const session = sessions.shift();
      const meanwhile = client.me(session.access_token).then(() => {
        into.me.push(performance.now() - due);
      });
      sessions.push(await client.refresh(session.refresh_token));
      into.refresh.push(performance.now() - due);
      await meanwhile;
    });
  };
  const attack = () =>
    steadily(capacity * TIMES_OVER, TURN_MS, async (n) => {
      flood.sent += 1;
      const status = await client.tryLogIn(n % 2 === 0 ? 'a password for benchmarks' : 'another');
      flood[status] = (flood[status] ?? 0) + 1;
    });

  await probe('before');
  for (let turn = 0; turn < turns; turn += 1) {
    await probe('quiet');
    await Promise.all([probe('flood'), attack()]);
    await delay(300);
    process.stderr.write(`flood: turn ${turn + 1} of ${turns}\n`);
  }
  // The median of the turns: one of them may have been disturbed by something else on the machine.
  const median = (when, name, p) =>
    percentile(
      times[when].map((turn) => percentile(turn[name], p)),
      0.5,
    );
  const rows = Object.fromEntries(
    ['refresh', 'me'].map((name) => [
      name,
      {
        'quiet p50 ms': median('quiet', name, 0.5).toFixed(1),
        'quiet p99 ms': median('quiet', name, 0.99).toFixed(1),
        'flood p50 ms': median('flood', name, 0.5).toFixed(1),
        'flood p99 ms': median('flood', name, 0.99).toFixed(1),
      },
    ]),
  );
  const ratio = Math.max(
    ...['refresh', 'me'].map((name) => median('flood', name, 0.99) / median('quiet', name, 0.99)),
  );
  return { ratio, rows, flood };
}
