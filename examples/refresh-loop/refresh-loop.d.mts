export type Delivery = 'bearer' | 'cookie' | 'session';

/** What a client keeps of its session. A plain object: it can be stored as JSON. */
export interface HeldSession {
  readonly turn: string;
  readonly access_token?: string;
  readonly refresh_token?: string;
  readonly ended?: string;
}

export interface SessionStore {
  read(): HeldSession | undefined | Promise<HeldSession | undefined>;
  write(state: HeldSession): void | Promise<void>;
}

export interface ClientOptions {
  readonly origin: string;
  readonly delivery?: Delivery;
  readonly store?: SessionStore;
  readonly lock?: (work: () => Promise<void>) => Promise<void>;
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  readonly sleep?: (ms: number) => Promise<void>;
  readonly tries?: number;
  readonly longestWait?: number;
}

export interface Client {
  fetch(path: string, init?: RequestInit): Promise<Response>;
  signedIn(answer: { access_token?: string; refresh_token?: string }): Promise<void>;
  signedOut(code?: string): Promise<void>;
}

export declare function createClient(options: ClientOptions): Client;

export declare class SignInNeeded extends Error {
  readonly code: string;
}

export declare class TryLater extends Error {}
