// Talks to identity for bench:issue, over connections that are kept alive.
import { createPublicKey, verify } from 'node:crypto';
import { Agent, request } from 'node:http';

/** @param installation as `startInstallation` answers */
export function createClient({ ports, account }) {
  const agent = new Agent({ keepAlive: true, maxSockets: 512, noDelay: true });

  function ask(method, path, { token, body } = {}) {
    const headers = {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const target = { host: '127.0.0.1', port: ports.identity, path, method, headers, agent };
    return new Promise((resolve, reject) => {
      const outgoing = request(target, (answer) => {
        const parts = [];
        answer.on('data', (part) => parts.push(part));
        answer.once('error', reject);
        answer.once('end', () =>
          resolve({ status: answer.statusCode, body: Buffer.concat(parts).toString() }),
        );
      });
      outgoing.setTimeout(30_000, () => outgoing.destroy(new Error(`${path}: no answer`)));
      outgoing.once('error', reject);
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /** The body of an answer that must be 200. */
  async function good(answering, what) {
    const { status, body } = await answering;
    if (status !== 200) throw new Error(`${what} was answered ${status}: ${body}`);
    return JSON.parse(body);
  }

  return {
    logIn: () => good(ask('POST', '/auth/login', { body: account }), 'a login'),
    /** @returns the status: also a login that is turned away is an answer */
    tryLogIn: async (password) =>
      (await ask('POST', '/auth/login', { body: { ...account, password } })).status,
    refresh: (token) =>
      good(ask('POST', '/auth/refresh', { body: { refresh_token: token } }), 'a refresh'),
    tryRefresh: async (token) =>
      (await ask('POST', '/auth/refresh', { body: { refresh_token: token } })).status,
    me: (token) => good(ask('GET', '/auth/me', { token }), '/auth/me'),
    keys: () => good(ask('GET', '/.well-known/jwks.json'), 'the key set'),
    stop: () => agent.destroy(),
  };
}

/** What an identity that does less than it should would get away with if nobody looked. @returns faults */
export async function gate(client) {
  const faults = [];
  const first = await client.logIn();
  const second = await client.refresh(first.refresh_token);
  const third = await client.refresh(second.refresh_token);
  const { keys } = await client.keys();
  for (const { access_token: token } of [first, second, third]) {
    const [header, payload, signature] = token.split('.');
    const { kid } = JSON.parse(Buffer.from(header, 'base64url'));
    const key = createPublicKey({ key: keys.find((one) => one.kid === kid), format: 'jwk' });
    const content = Buffer.from(`${header}.${payload}`);
    if (!verify('sha256', content, key, Buffer.from(signature, 'base64url')))
      faults.push('a token is not signed by a published key');
  }
  const tokens = [first, second, third];
  if (new Set(tokens.map((one) => one.refresh_token)).size !== 3)
    faults.push('a refresh did not move the session on');
  if ((await client.tryLogIn('a wrong password')) !== 401) faults.push('a wrong password is good');
  if ((await client.tryRefresh(first.refresh_token)) !== 401)
    faults.push('a spent refresh token is good');
  if ((await client.tryRefresh(third.refresh_token)) !== 401)
    faults.push('a replay did not end its session');
  return faults;
}
