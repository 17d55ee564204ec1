// npm run bench:refresh-rush [-- COUNT] [-- --self-check]: so many sessions (20,000) whose key is revoked all refresh at once. Every client does
// as it is told by Retry-After; one in forty shows its token in two tabs at once, another loses an answer and asks again. Last line: how long until all have a token again, and how many sessions were lost.
import { setTimeout as delay } from 'node:timers/promises';
import { ask, bearer, closeConnections } from './http-client.mjs';
import { startInstallation } from './installation.mjs';
import { makeSessions } from './many-sessions.mjs';
import pg from 'pg';

const selfCheck = process.argv.includes('--self-check');
const COUNT = Number(
  process.argv.slice(2).find((word) => /^\d+$/.test(word)) ?? (selfCheck ? 300 : 20_000),
);
const PER_SECOND = 200;
/** Everybody notices within so long that the token is dead. */
const NOTICED_WITHIN_MS = 2_000;
const LIMITS = { lost: 0, seconds: Math.max(20, (COUNT / PER_SECOND) * 3) };
const json = { 'content-type': 'application/json' };
const say = (text) => process.stderr.write(`  ${text}\n`);

async function operate(installation, token, method, path, body) {
  const headers = { ...bearer(token), ...(body ? json : {}) };
  const options = { method, headers, body: body && JSON.stringify(body) };
  const answer = await ask(installation.ports.operator, `/operator/keys${path}`, options);
  if (answer.status >= 300) throw new Error(`${path} was answered ${answer.status}`);
  return JSON.parse(answer.body);
}

/** @returns the answer once there is one, waiting as it is told; nothing when the session is lost */
async function refresh(installation, { refreshToken }, stats) {
  for (;;) {
    const body = JSON.stringify({ refresh_token: refreshToken });
    const options = { method: 'POST', headers: json, body };
    const answer = await ask(installation.ports.identity, '/auth/refresh', options).catch(() => ({
      status: 0,
    }));
    if (answer.status === 200) return JSON.parse(answer.body);
    if (answer.status !== 503 && answer.status !== 0) {
      if (stats.lost < 5) say(`a refresh was answered ${answer.status}: ${answer.body}`);
      return undefined;
    }
    stats.turnedAway += 1;
    await delay(Number(answer.headers?.['retry-after'] ?? 1) * 1000);
  }
}

/** A client: refreshes until it has a token again. */
async function client(installation, session, n, stats) {
  await delay(Math.random() * NOTICED_WITHIN_MS);
  const once = () => refresh(installation, session, stats);
  const answers =
    n % 40 === 0
      ? await Promise.all([once(), once()])
      : n % 40 === 20
        ? [await once(), await once()]
        : [await once()];
  const [first] = answers;
  if (first && answers.every((one) => one?.refresh_token === first.refresh_token)) {
    stats.drained += 1;
    session.accessToken = first.access_token;
  } else stats.lost += 1;
}

async function rush(installation, spoil = async () => undefined) {
  const operator = await installation.addOperator('bench', ['read', 'keys']);
  const sessions = await makeSessions(installation, COUNT);
  say(`${sessions.length} sessions`);
  await spoil();
  const { items } = await operate(installation, operator, 'GET', '');
  const active = items.find((key) => key.state === 'active').kid;
  await operate(installation, operator, 'POST', `/${active}/revoke`, { reason: 'a benchmark' });
  const stats = { drained: 0, lost: 0, turnedAway: 0 };
  const start = performance.now();
  const progress = setInterval(
    () => say(`${stats.drained} have a token again, ${stats.turnedAway} times told to wait`),
    10_000,
  );
  await Promise.all(sessions.map((session, n) => client(installation, session, n, stats)));
  clearInterval(progress);
  const seconds = (performance.now() - start) / 1000;
  for (const session of sessions.filter((one) => one.accessToken).slice(0, 20)) {
    const headers = bearer(session.accessToken);
    const { status } = await ask(installation.ports.orders, '/orders', { headers });
    if (status !== 200) stats.lost += 1;
  }
  return { ...stats, seconds };
}

async function endThree({ databaseUrl }) {
  const database = new pg.Client(databaseUrl);
  await database.connect();
  await database.query(
    `UPDATE sessions SET ended_at = now() WHERE sid IN (SELECT sid FROM sessions LIMIT 3)`,
  );
  await database.end();
}

async function withInstallation(identity, work) {
  const installation = await startInstallation({ identity });
  try {
    return await work(installation);
  } finally {
    await installation.stop();
  }
}

if (selfCheck) {
  const result = await withInstallation({ REFRESHES_PER_SECOND: '50' }, (installation) =>
    rush(installation, () => endThree(installation)),
  );
  const caught = result.lost === 3;
  console.log(`${caught ? 'caught' : 'MISSED'}: sessions that were lost`);
  if (!caught) process.exitCode = 1;
} else {
  const result = await withInstallation({ REFRESHES_PER_SECOND: String(PER_SECOND) }, rush);
  const faults = [
    result.lost > LIMITS.lost && 'sessions were lost',
    result.drained !== COUNT && 'not everybody has a token again',
    result.seconds > LIMITS.seconds && `it took longer than ${LIMITS.seconds} s`,
  ].filter(Boolean);
  for (const fault of faults) console.log(`FAIL: ${fault}`);
  console.log(
    `sessions=${COUNT} drained_s=${result.seconds.toFixed(1)} lost=${result.lost} told_to_wait=${result.turnedAway}`,
  );
  if (faults.length > 0) process.exitCode = 1;
}
closeConnections();
