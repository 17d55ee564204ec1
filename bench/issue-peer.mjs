// A peer for bench:issue: better-auth, in a schema of its own in the same Postgres, on the same core.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { onCore } from './cores.mjs';
import { freePorts } from './installation.mjs';

const SERVER = fileURLToPath(new URL('issue-peer-server.mjs', import.meta.url));

/** @returns its process id, a sign-in, and a check of a session; both throw unless they are answered as they should be */
export async function startPeer({ databaseUrl, account, core, argon2 }) {
  const [port] = await freePorts(1);
  const database = await databaseBeside(databaseUrl);
  const { ARGON2_MEMORY_KIB: memory, ARGON2_PASSES: passes } = argon2;
  const command = onCore(core, process.execPath, SERVER, String(port), database, memory, passes);
  const child = spawn(...command, {
    env: { PATH: process.env.PATH, NODE_ENV: 'production' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => Promise.reject(new Error('better-auth did not start'))),
  ]);
  const agent = new Agent({ keepAlive: true, maxSockets: 512, noDelay: true });
  const stop = () => {
    agent.destroy();
    child.kill();
  };
  const ask = (method, path, { cookie, body } = {}) => {
    const headers = {
      origin: `http://127.0.0.1:${port}`,
      ...(cookie === undefined ? {} : { cookie }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const target = { host: '127.0.0.1', port, path: `/api/auth/${path}`, method, headers, agent };
    return new Promise((resolve, reject) => {
      const outgoing = request(target, (answer) => {
        const parts = [];
        answer.on('data', (part) => parts.push(part));
        answer.once('error', reject);
        answer.once('end', () => {
          const cookies = (answer.headers['set-cookie'] ?? []).map((one) => one.split(';')[0]);
          const text = Buffer.concat(parts).toString();
          resolve({ status: answer.statusCode, cookie: cookies.join('; '), text });
        });
      });
      outgoing.once('error', reject);
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });
  };
  const tryLogIn = (password) => ask('POST', 'sign-in/email', { body: { ...account, password } });
  const peer = {
    pid: child.pid,
    /** @returns the cookie */
    async logIn() {
      const { status, cookie, text } = await tryLogIn(account.password);
      if (status !== 200 || cookie === '') throw new Error(`better-auth: ${status} ${text}`);
      return cookie;
    },
    async check(cookie) {
      const { text } = await ask('GET', 'get-session', { cookie });
      if (!text.includes(account.email)) throw new Error(`better-auth knows no session: ${text}`);
    },
    stop,
  };
  try {
    await ask('POST', 'sign-up/email', { body: { ...account, name: 'Ann' } });
    const cookie = await peer.logIn();
    await peer.check(cookie);
    if ((await tryLogIn('a wrong password')).status !== 401)
      throw new Error('better-auth takes a wrong password');
    await ask('POST', 'sign-out', { cookie, body: {} });
    const { text } = await ask('GET', 'get-session', { cookie });
    if (text !== 'null') throw new Error('better-auth keeps a session that was ended');
    return peer;
  } catch (error) {
    stop();
    throw error;
  }
}

/** The role may use another schema of its database, and nothing else: that is as far apart as it takes. */
async function databaseBeside(url) {
  const client = new pg.Client(url);
  await client.connect();
  await client.query('CREATE SCHEMA IF NOT EXISTS peer');
  await client.end();
  const beside = new URL(url);
  beside.searchParams.set('options', '-c search_path=peer');
  return beside.toString();
}
