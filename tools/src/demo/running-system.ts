import { setTimeout as delay } from 'node:timers/promises';
import type { DemoAccounts } from '../embedded-run/demo-accounts.js';

/** The demonstration cannot go on. The message says what to do. */
export class DemoFailure extends Error {
  override readonly name = 'DemoFailure';
}

/** What a request was answered. */
export interface Answer {
  readonly status: number;
  /** The stable code of a problem document; absent for a good answer. */
  readonly code?: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The running system, as its users see it: through the gateway. */
export class RunningSystem {
  constructor(private readonly gateway: string) {}

  async request(method: string, path: string, token?: string, body?: object): Promise<Answer> {
    const response = await fetch(`${this.gateway}${path}`, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    }).catch((error: unknown) => {
      throw new DemoFailure(
        `nothing answers at ${this.gateway}: start the system with "npm start" first`,
        { cause: error },
      );
    });
    const text = await response.text();
    const json = (text.startsWith('{') ? JSON.parse(text) : {}) as Record<string, unknown>;
    const { code } = json;
    return { status: response.status, body: json, ...(typeof code === 'string' && { code }) };
  }

  /** @returns an access token */
  async logIn({ email, password }: DemoAccounts['customer']): Promise<string> {
    const { status, body } = await this.request('POST', '/auth/login', undefined, {
      email,
      password,
    });
    const token = body['access_token'];
    if (typeof token !== 'string')
      throw new DemoFailure(`the login was answered ${String(status)}`);
    return token;
  }

  /** Reads orders with `token` until it is refused. @returns the refusal and how long it took, milliseconds */
  async untilRefused(
    token: string,
    limitMs: number,
  ): Promise<{ readonly answer: Answer; readonly ms: number }> {
    const start = performance.now();
    for (;;) {
      const answer = await this.request('GET', '/orders', token);
      const ms = performance.now() - start;
      if (answer.status === 401) return { answer, ms };
      if (ms > limitMs)
        throw new DemoFailure(
          `after the logout the token was still let in for ${String(limitMs)} ms`,
        );
      await delay(2);
    }
  }
}
