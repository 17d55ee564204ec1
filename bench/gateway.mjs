// npm run bench:gateway [-- --self-check]: what asking identity about every request costs, at identity and at each gateway.
import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { PROGRAMS, startEdge } from './gateway-edges.mjs';
import { ask, closeConnections } from './http-client.mjs';
import { freePorts, startInstallation } from './installation.mjs';
import { load } from './load.mjs';
import { cpuMsOf } from './processes.mjs';

const LIMITS = { forward_auth_p99_ms: 5, session_over_bearer: 1.5 };
const PER_SECOND = 500;
const SECONDS = 10;
const ROUNDS = 3;
const ROUND_MS = 1_000;
const CONNECTIONS = 16;
const PEOPLE = 10;
const ORIGINAL = ['X-Original-Method: GET', 'X-Original-URL: http://localhost/orders'];
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const bytesOf = (path, headers) =>
  Buffer.from(
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n`,
  );

/** A relying service that does nothing, so that what is left is the gateway. */
async function startUpstream() {
  const server = createServer((_request, response) => {
    response.setHeader('content-length', 2).end('{}');
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** Signs people in. @returns the header lines that show each, with a token and with an opaque cookie */
async function signIn({ ports, account, issuer }) {
  const logIn = async (delivery) => {
    const answer = await ask(ports.identity, '/auth/login', {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: issuer },
      body: JSON.stringify({ ...account, delivery }),
    });
    if (answer.status !== 200) throw new Error(`nobody can sign in: ${answer.body}`);
    return answer;
  };
  const bearers = [];
  const sessions = [];
  for (let n = 0; n < PEOPLE; n += 1) {
    bearers.push(`Authorization: Bearer ${JSON.parse((await logIn('bearer')).body).access_token}`);
    const cookies = (await logIn('session')).headers['set-cookie'];
    const [pair] = cookies.find((line) => /-session=/.test(line)).split(';');
    sessions.push(`Cookie: ${pair}`);
  }
  return { bearers, sessions };
}

/** What a gateway, or identity itself, must say before anything is timed. */
async function gate(name, port, path, more, { bearers, sessions }) {
  const statusOf = async (...lines) => {
    const pairs = [...more, ...lines].map((line) => line.split(': '));
    return (await ask(port, path, { headers: Object.fromEntries(pairs) })).status;
  };
  const faults = [];
  const expect = (what, is, should) => {
    if (is !== should) faults.push(`${name}: ${what} is answered ${is}, not ${should}`);
  };
  expect('a request without credentials', await statusOf(), 401);
  expect('a forged token', await statusOf(`${bearers[0].slice(0, -6)}AAAAAA`), 401);
  expect('a token', await statusOf(bearers[0]), 200);
  expect('a session', await statusOf(sessions[0]), 200);
  return faults;
}

/** Asks identity at a steady pace, whether it keeps up or not. @returns milliseconds, sorted */
async function openLoop(port, people) {
  const agent = new Agent({ keepAlive: true, noDelay: true, maxSockets: 128 });
  const lines = [...people.sessions, ...people.bearers];
  const times = [];
  let failed = 0;
  const one = (n) =>
    new Promise((resolve) => {
      const [name, value] = lines[n % lines.length].split(': ');
      const headers = {
        'x-original-method': 'GET',
        'x-original-url': 'http://localhost/orders',
        [name]: value,
      };
      const sent = performance.now();
      const asking = request({
        host: '127.0.0.1',
        port,
        path: '/auth-request?audience=orders',
        headers,
        agent,
      });
      const end = (isGood) => {
        if (!isGood) failed += 1;
        times.push(performance.now() - sent);
        resolve();
      };
      asking.once('error', () => end(false));
      asking.once('response', (answer) =>
        answer.resume().once('end', () => end(answer.statusCode === 200)),
      );
      asking.end();
    });
  const start = performance.now();
  const all = [];
  while (all.length < PER_SECOND * SECONDS) {
    const due = Math.min(((performance.now() - start) / 1000) * PER_SECOND, PER_SECOND * SECONDS);
    while (all.length < due) all.push(one(all.length));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(all);
  agent.destroy();
  return { times: times.slice(PER_SECOND).sort((a, b) => a - b), failed };
}

/** Processor time of identity for one session's request over that for one token's. */
async function compareCredentials({ ports, identityPid }, people, rounds) {
  const costs = { sessions: [], bearers: [] };
  for (let round = 0; round < rounds; round += 1) {
    for (const kind of Object.keys(costs)) {
      const requests = people[kind].map((line) =>
        bytesOf('/auth-request?audience=orders', [...ORIGINAL, line]),
      );
      const before = cpuMsOf(identityPid);
      const { answered } = await load({
        port: ports.service,
        requests,
        connections: CONNECTIONS,
        ms: ROUND_MS * 2,
      });
      costs[kind].push((cpuMsOf(identityPid) - before) / answered);
    }
  }
  return { session: median(costs.sessions), bearer: median(costs.bearers) };
}

/** Requests per second through a gateway. */
async function throughput(port, path, people) {
  const requests = people.sessions.map((line) => bytesOf(path, [line]));
  const { answered, ms } = await load({ port, requests, connections: CONNECTIONS, ms: ROUND_MS });
  return (answered / ms) * 1000;
}

/** Each gateway with forward auth and without, in turns. The Node gateway cannot be without: its other way is a path that it does not judge. */
async function compareGateways(pairs, people) {
  const seen = Object.fromEntries(pairs.map(({ name }) => [name, { asking: [], open: [] }]));
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const { name, asking, open } of pairs) {
      const one = {
        asking: await throughput(...asking, people),
        open: await throughput(...open, people),
      };
      // The first warms up.
      if (round > 0) for (const way of ['asking', 'open']) seen[name][way].push(one[way]);
    }
    process.stderr.write(`gateways: round ${round} of ${ROUNDS}\n`);
  }
  return Object.entries(seen).map(([name, { asking, open }]) => ({
    name,
    asking: median(asking),
    open: median(open),
    ratio: median(asking.map((value, round) => value / open[round])),
  }));
}

/** Starts everything, measures, and stops it again. */
async function measure({ fault, withGateways = !fault } = {}) {
  const stopping = [];
  try {
    const upstream = await startUpstream();
    stopping.push(() => {
      upstream.close();
      upstream.closeAllConnections();
    });
    const upstreamAt = `127.0.0.1:${upstream.address().port}`;
    const installation = await startInstallation({
      services: withGateways ? ['gateway'] : [],
      identity: { FORWARD_AUTH_PEERS: '127.0.0.0/8,::1', ...(fault ? { BENCH_FAULT: fault } : {}) },
      identityFlags: fault
        ? ['--import', fileURLToPath(new URL('gateway-fault.mjs', import.meta.url))]
        : [],
      serviceSettings: { IDENTITY_URL: `http://${upstreamAt}`, ORDERS_URL: `http://${upstreamAt}` },
    });
    stopping.push(() => installation.stop());
    const { ports } = installation;
    const people = await signIn(installation);
    const asked = ['identity', ports.service, '/auth-request?audience=orders', ORIGINAL];
    const faults = await gate(...asked, people);
    const pairs = [];
    if (withGateways) {
      const settings = {
        IDENTITY_PUBLIC: `127.0.0.1:${ports.identity}`,
        IDENTITY_SERVICE: `127.0.0.1:${ports.service}`,
        ORDERS: upstreamAt,
        PAYMENTS: upstreamAt,
      };
      for (const program of PROGRAMS) {
        const pair = { name: program };
        for (const asks of [true, false]) {
          const [port, management] = await freePorts(2);
          const all = { ...settings, MANAGEMENT_PORT: String(management) };
          const edge = await startEdge(program, { port, asks, settings: all });
          stopping.push(() => edge.stop());
          pair[asks ? 'asking' : 'open'] = [port, '/orders'];
        }
        pairs.push(pair);
      }
      pairs.push({
        name: 'node',
        asking: [ports.gateway, '/orders'],
        open: [ports.gateway, '/auth/nothing'],
      });
      for (const { name, asking, open } of pairs) {
        faults.push(...(await gate(name, ...asking, [], people)));
        const { status } = await ask(...open);
        if (status !== 200)
          faults.push(`${name}, open: it is answered ${status}, not 200, so it may ask`);
      }
    }
    if (faults.length > 0) return { faults };
    const { times, failed } = await openLoop(ports.service, people);
    if (failed > 0)
      return { faults: [`${failed} of ${PER_SECOND * SECONDS} questions were not answered 200`] };
    const cost = await compareCredentials(installation, people, fault ? 1 : ROUNDS);
    return {
      faults,
      cost,
      median: times[Math.floor(times.length / 2)],
      p99: times[Math.floor(times.length * 0.99)],
      gateways: withGateways ? await compareGateways(pairs, people) : [],
    };
  } finally {
    closeConnections();
    for (const stop of stopping.reverse()) await stop();
  }
}

function failsOf({ faults, p99, cost }) {
  if (faults.length > 0) return faults;
  const ratio = cost.session / cost.bearer;
  return [
    ...(p99 <= LIMITS.forward_auth_p99_ms
      ? []
      : [`forward_auth_p99_ms is ${p99.toFixed(2)}, above ${LIMITS.forward_auth_p99_ms}`]),
    ...(ratio <= LIMITS.session_over_bearer
      ? []
      : [`session_over_bearer is ${ratio.toFixed(2)}, above ${LIMITS.session_over_bearer}`]),
  ];
}

/** Each fault, and what has to be said of it. */
const FAULTS = [
  ['slow', 'forward auth that takes 30 ms', /forward_auth_p99_ms/],
  ['dear', 'a session that is found in half a millisecond', /session_over_bearer/],
  [
    'lets-everybody-in',
    'an identity that lets everybody in',
    /without credentials is answered 200/,
  ],
];

async function selfCheck() {
  for (const [fault, name, expected] of FAULTS) {
    const fails = failsOf(await measure({ fault }));
    const found = fails.find((fail) => expected.test(fail));
    console.log(`${found ? 'caught' : 'MISSED'}: ${name} ${found ?? fails.join('; ')}`);
    if (!found) process.exitCode = 1;
  }
}

async function report() {
  const measured = await measure();
  for (const fail of failsOf(measured)) {
    console.log(`FAILED: ${fail}`);
    process.exitCode = 1;
  }
  const { p99, cost, gateways } = measured;
  if (!gateways) return;
  console.log(
    `node ${process.version}; ${PER_SECOND} questions a second for ${SECONDS} s: median ${measured.median.toFixed(2)} ms`,
  );
  console.log(
    `identity's processor time: ${cost.session.toFixed(3)} ms for a session, ${cost.bearer.toFixed(3)} ms for a token`,
  );
  console.table(
    Object.fromEntries(
      gateways.map(({ name, asking, open }) => [
        name,
        { 'asking, a second': asking.toFixed(0), 'open, a second': open.toFixed(0) },
      ]),
    ),
  );
  const ratios = gateways.map(({ name, ratio }) => `${name}_ratio=${ratio.toFixed(2)}`).join(' ');
  console.log(
    `forward_auth_p99_ms=${p99.toFixed(2)} session_over_bearer=${(cost.session / cost.bearer).toFixed(2)} ${ratios}`,
  );
}

await (process.argv.includes('--self-check') ? selfCheck : report)();
