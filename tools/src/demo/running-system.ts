import { setTimeout as delay } from 'node:timers/promises';
import type { DemoAccounts } from '../embedded-run/demo-accounts.js';

/** The demonstration cannot go on. The message says what to do. */
export class DemoFailure extends Error {
  override readonly name = 'DemoFailure';
}

/** An access token, or a cookie as a browser sends it: `name=value`. */
export type Credential = string | { readonly cookie: string };

/** What a request was answered. */
export interface Answer {
  readonly status: number;
  /** The stable code of a problem document; absent for a good answer. */
  readonly code?: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** The `Set-Cookie` headers. */
  readonly setCookies: readonly string[];
}

/** How to sign in: as the body of `POST /auth/login` says it, besides the address and the password. */
export interface SignInWishes {
  readonly delivery?: 'session';
  readonly remember?: true;
  readonly device_name?: string;
}

/** What a sign-in gave. */
export interface SignedIn {
  readonly sid: string;
  readonly credential: Credential;
  /** Of delivery `bearer`. */
  readonly refreshToken?: string;
  /** Seconds that a cookie is kept; absent when it dies with the browser, and without a cookie. */
  readonly keptFor?: number;
}

/** The running system, as its users see it: through the gateway. */
export class RunningSystem {
  constructor(private readonly gateway: string) {}

  async request(
    method: string,
    path: string,
    credential?: Credential,
    body?: object,
  ): Promise<Answer> {
    const response = await fetch(`${this.gateway}${path}`, {
      method,
      headers: {
        // As a browser on a page of the gateway.
        origin: this.gateway,
        ...(typeof credential === 'string' && { authorization: `Bearer ${credential}` }),
        ...(typeof credential === 'object' && { cookie: credential.cookie }),
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    }).catch((error: unknown) => {
      throw new DemoFailure(
        `nothing answers at ${this.gateway}: start the system with "npm start" first, or with "docker compose up"`,
        { cause: error },
      );
    });
    const text = await response.text();
    const json = (text.startsWith('{') ? JSON.parse(text) : {}) as Record<string, unknown>;
    const { code } = json;
    return {
      status: response.status,
      body: json,
      setCookies: response.headers.getSetCookie(),
      ...(typeof code === 'string' && { code }),
    };
  }

  /** Signs in: by default for an access token. */
  async signIn(
    { email, password }: DemoAccounts['customer'],
    wishes: SignInWishes = {},
  ): Promise<SignedIn> {
    const login = { email, password, ...wishes };
    const { status, body, setCookies } = await this.request(
      'POST',
      '/auth/login',
      undefined,
      login,
    );
    const { access_token: token, refresh_token: refreshToken, session } = body;
    const line = setCookies.find((one) => one.startsWith('__Host-countersign-session='));
    const [cookie] = line?.split(';') ?? [];
    const credential = typeof token === 'string' ? token : cookie && { cookie };
    if (!credential) throw new DemoFailure(`the login was answered ${String(status)}`);
    const [, keptFor] = /; Max-Age=(\d+)/.exec(line ?? '') ?? [];
    return {
      sid: (session as { sid: string }).sid,
      credential,
      ...(typeof refreshToken === 'string' && { refreshToken }),
      ...(keptFor !== undefined && { keptFor: Number(keptFor) }),
    };
  }

  /** Reads `path` until the credential is refused. @returns the refusal and how long it took, milliseconds */
  async untilRefused(
    credential: Credential,
    path: string,
    limitMs: number,
  ): Promise<{ readonly answer: Answer; readonly ms: number }> {
    const start = performance.now();
    for (;;) {
      const answer = await this.request('GET', path, credential);
      const ms = performance.now() - start;
      if (answer.status === 401) return { answer, ms };
      if (ms > limitMs)
        throw new DemoFailure(
          `after the logout it was still let in at ${path} for ${String(limitMs)} ms`,
        );
      await delay(2);
    }
  }
}
