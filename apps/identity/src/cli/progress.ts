const QUIET_MS = 2_000;
const AGAIN_MS = 2_000;

/** Says every two seconds that something is still going on, and says nothing about what is quicker. */
export async function withProgress<T>(
  what: string,
  say: (text: string) => void,
  work: Promise<T>,
): Promise<T> {
  let seconds = QUIET_MS / 1000;
  const timer = setInterval(() => {
    say(`still waiting: ${what} (${String(seconds)} s)`);
    seconds += AGAIN_MS / 1000;
  }, QUIET_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
