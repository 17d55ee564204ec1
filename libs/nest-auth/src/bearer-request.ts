import { answerToUnreadableCredentials, readBearerCredentials } from '@countersign/token-verifier';
import { Refusal } from './refusal.js';

/** A request of Express, or of Fastify around the one of `node:http`. */
type FrameworkRequest =
  | { readonly rawHeaders: readonly string[] }
  | { readonly raw: { readonly rawHeaders: readonly string[] } };

/**
 * The encoded access token of a request, not verified. Reads the headers as they arrived: what frameworks hand on has
 * already lost a second `Authorization`.
 *
 * @throws {Refusal} 401 without credentials, 400 with malformed or several ones
 */
export function bearerTokenOf(request: object): string {
  const known = request as FrameworkRequest;
  const credentials = readBearerCredentials(
    'raw' in known ? known.raw.rawHeaders : known.rawHeaders,
  );
  if ('token' in credentials) return credentials.token;
  throw new Refusal(answerToUnreadableCredentials(credentials.missing));
}
