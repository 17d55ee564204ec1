// What identity does for its relying services while they have more and more instances.
import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { watchWork } from './growth-work.mjs';
import { ask, bearer } from './http-client.mjs';
import { startInstallation } from './installation.mjs';

const CHECK_INS = 1_000;
const WARM_UP_CHECK_INS = 2_000;
const IDLE_MS = 12_000;
const REVOKING_MS = 20_000;
const json = { 'content-type': 'application/json' };
const SERVICE = 'orders';

async function post(port, path, headers, body) {
  const answer = await ask(port, path, {
    method: 'POST',
    headers: { ...json, ...headers },
    body: JSON.stringify(body),
  });
  if (answer.status >= 300)
    throw new Error(`${path} was answered ${answer.status}: ${answer.body}`);
  return JSON.parse(answer.body);
}

/** Processor time of one report, milliseconds, while so many instances are live: each says what it holds, in turn. */
async function checkIns(installation, database, count) {
  const { ports, clientSecrets } = installation;
  const basic = Buffer.from(`${SERVICE}:${clientSecrets[SERVICE]}`).toString('base64');
  const headers = { authorization: `Basic ${basic}` };
  const report = (instance_id, more = {}) =>
    post(ports.service, '/relying-services/check-in', headers, {
      instance_id,
      kids: ['k'],
      ...more,
    });
  const instances = Array.from({ length: count }, () => randomUUID());
  let applied;
  for (const id of instances) {
    const { epoch, head } = await report(id);
    applied = { epoch, seq: head };
  }
  const worked = await watchWork(installation, database);
  for (let n = 0; n < CHECK_INS; n += 1) await report(instances[n % count], { applied });
  const each = (await worked()) / CHECK_INS;
  for (const id of instances) await report(id, { applied, goodbye: true });
  return each;
}

/** So many instances that follow the feed. @returns ends them */
async function startFleet({ issuer, discoveryUrl, clientSecrets }, count) {
  const settings = {
    count,
    issuer,
    discoveryUrl,
    audience: SERVICE,
    credentials: { clientId: SERVICE, clientSecret: clientSecrets[SERVICE] },
  };
  const child = fork(new URL('growth-fleet.mjs', import.meta.url), [JSON.stringify(settings)], {
    execArgv: [],
  });
  await once(child, 'message');
  return async () => {
    child.send('enough');
    await once(child, 'exit');
  };
}

/** With a fleet: processor time for following, in a second, and for one revocation on top of that. Milliseconds. */
async function following(installation, database, count) {
  const { ports, account } = installation;
  const revocations = count > 20 ? 10 : 40;
  const endFleet = await startFleet(installation, count);
  try {
    const tokens = [];
    while (tokens.length < revocations)
      tokens.push((await post(ports.identity, '/auth/login', {}, account)).access_token);
    await delay(3_000);
    const measure = async (act) => {
      const worked = await watchWork(installation, database);
      const start = performance.now();
      await act();
      return { ms: await worked(), seconds: (performance.now() - start) / 1000 };
    };
    const idle = await measure(() => delay(IDLE_MS));
    const busy = await measure(async () => {
      for (const token of tokens) {
        await post(ports.identity, '/auth/logout', bearer(token), {});
        await delay(REVOKING_MS / revocations);
      }
    });
    const perSecond = idle.ms / idle.seconds;
    const revocation = (busy.ms - perSecond * busy.seconds) / revocations;
    return { following: perSecond, revocation };
  } finally {
    await endFleet();
  }
}

/** @returns for each count: a check-in, following in a second, a revocation; processor time, milliseconds */
export async function measureInstances(counts, say) {
  const installation = await startInstallation({
    services: [],
    redis: true,
    identity: { PASSWORD_HASH_PROCESSES: '1' },
  });
  const database = new pg.Client(installation.databaseUrl);
  try {
    await database.connect();
    for (let warm = 0; warm < WARM_UP_CHECK_INS; warm += CHECK_INS)
      await checkIns(installation, database, 2);
    const measured = [];
    for (const count of counts) {
      const checkIn = await checkIns(installation, database, count);
      const figures = { checkIn, ...(await following(installation, database, count)) };
      say(
        `${count} instances: check-in ${checkIn.toFixed(2)} ms, following ${figures.following.toFixed(1)} ms/s, revocation ${figures.revocation.toFixed(1)} ms`,
      );
      measured.push({ count, ...figures });
    }
    return measured;
  } finally {
    await database.end();
    await installation.stop();
  }
}
