import type { Sent } from './send.js';
import type { Credentials } from './world.js';

/** One request, and what every gateway must make of it. */
export interface Case {
  readonly name: string;
  readonly sent: Sent | ((given: Credentials & { readonly issuer: string }) => Sent);
  /** Status, and code where there is one. A gateway that reads a request by itself may find another fault first. */
  readonly expected: string | RegExp;
  /** Whether the relying service gets it. Default: as a 200 says. */
  readonly reaches?: boolean;
  /** Header lines that the relying service gets. */
  readonly arrives?: readonly string[];
  /** `Cache-Control` of the answer. */
  readonly kept?: string;
}

export const bearer = (token: string) => `Authorization: Bearer ${token}`;
export const cookie = (pair: string) => `Cookie: ${pair}`;
export const get = (headers: readonly string[], more: Partial<Sent> = {}): Sent => ({
  target: '/orders',
  headers,
  ...more,
});
export const post = (headers: readonly string[]): Sent => ({
  ...get(['Content-Type: application/json', ...headers]),
  method: 'POST',
  body: '{"item":"book"}',
});
export const webSocket = (headers: readonly string[]): Sent =>
  get(
    [
      ...headers,
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    ],
    { connection: 'Upgrade' },
  );
