import { z } from 'zod';
import type { EdgeAnswer } from '../edge/answers.js';
import type { JsonAnswer } from './post-json.js';

/** An access token for the way behind the gateway, not verified; or the answer that the client is to get. */
export type SwapAnswer =
  | { readonly token: string; readonly refusal?: undefined }
  | { readonly token?: undefined; readonly refusal: EdgeAnswer };

const swapped = z.object({ authorization: z.string().regex(/^Bearer [\w-]+\.[\w-]+\.[\w-]+$/) });

const refused = z.object({
  type: z.string(),
  title: z.string(),
  status: z.union([z.literal(400), z.literal(401), z.literal(403), z.literal(503)]),
  code: z.string(),
});

/** Codes that are about the gateway itself, not about who it asks for. */
const ABOUT_US: ReadonlySet<string> = new Set([
  'client_credentials_rejected',
  'forbidden',
  'invalid_input',
  'invalid_json',
  'bad_request',
]);

/**
 * Reads what identity's forward auth has answered. Of a refusal only what clients are meant to see goes on to them.
 *
 * @throws {Error} for an answer that is none
 */
export function readSwapAnswer({ status, headers, body }: JsonAnswer): SwapAnswer {
  if (status === 200) {
    const { data } = swapped.safeParse(body);
    if (!data) throw new Error('the answer to a swap holds no token');
    return { token: data.authorization.slice('Bearer '.length) };
  }
  const { data: problem } = refused.safeParse(body);
  if (problem?.status !== status || ABOUT_US.has(problem.code)) {
    throw new Error(`a swap was answered ${String(status)} ${problem?.code ?? ''}`.trim());
  }
  const kept = (['www-authenticate', 'retry-after'] as const).flatMap((name) => {
    const value = headers[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { refusal: { problem, headers: Object.fromEntries(kept) } };
}
