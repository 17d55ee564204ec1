import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isSafeUrl } from '@countersign/token-verifier';
import type { CliSurroundings } from './cli-context.js';
import { CliFailure } from './cli-failure.js';

export const OPERATOR_ACCESS_HELP = `
Where identity is, and who you are:
  COUNTERSIGN_OPERATOR_URL         its operator listener; http://127.0.0.1:3010 when left out
  COUNTERSIGN_OPERATOR_TOKEN       your token, from "countersign operators add"
  COUNTERSIGN_OPERATOR_TOKEN_FILE  or a file with it that only you can read (mode 0600)
  ALLOW_INSECURE_HTTP=true         lets the token cross a network in clear
Without any of them, in the folder of an embedded run ("npm start"), that run is operated.`;

export interface OperatorAccess {
  readonly url: string;
  readonly token: string;
}

/**
 * Finds the operator listener and the token: in the environment, or in the state folder of an embedded run. The token of
 * an embedded run goes nowhere but to that run.
 *
 * @throws {CliFailure} saying what to set
 */
export function findOperatorAccess({ env, folder }: CliSurroundings): OperatorAccess {
  const given = nonEmpty(env['COUNTERSIGN_OPERATOR_URL']);
  const state = resolve(folder, nonEmpty(env['COUNTERSIGN_STATE_DIR']) ?? '.countersign');
  const embedded = given === undefined ? embeddedUrl(state) : undefined;
  const url = given ?? embedded ?? 'http://127.0.0.1:3010';
  if (!URL.canParse(url) || !isSafeUrl(url, env['ALLOW_INSECURE_HTTP'] === 'true')) {
    throw new CliFailure(
      'usage',
      'unsafe_url',
      'COUNTERSIGN_OPERATOR_URL must be https, or http on loopback (a forwarded port, say), unless ALLOW_INSECURE_HTTP=true',
    );
  }
  const tokenFile = nonEmpty(env['COUNTERSIGN_OPERATOR_TOKEN_FILE']);
  const token =
    nonEmpty(env['COUNTERSIGN_OPERATOR_TOKEN']) ??
    (tokenFile === undefined ? undefined : readTokenFile(resolve(folder, tokenFile))) ??
    (embedded === undefined ? undefined : embeddedToken(state));
  if (token === undefined) {
    throw new CliFailure(
      'usage',
      'no_operator_token',
      'there is no operator token: set COUNTERSIGN_OPERATOR_TOKEN, or COUNTERSIGN_OPERATOR_TOKEN_FILE. ' +
        'Whoever runs identity makes one with "countersign operators add <name> --role read". ' +
        'No embedded run ("npm start") is up in this folder',
    );
  }
  if (!/^[\w.-]{1,200}$/.test(token)) {
    throw new CliFailure('usage', 'malformed_operator_token', 'that is not an operator token');
  }
  return { url: url.replace(/\/+$/, ''), token };
}

function nonEmpty(text: string | undefined): string | undefined {
  const trimmed = text?.trim();
  return trimmed === '' ? undefined : trimmed;
}

/** @throws {CliFailure} when others can read the file too */
function readTokenFile(path: string): string {
  try {
    if ((statSync(path).mode & 0o077) !== 0) {
      throw new CliFailure(
        'usage',
        'token_file_not_private',
        `others can read the operator token: chmod 600 ${path}`,
      );
    }
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (error instanceof CliFailure) throw error;
    const why = (error as NodeJS.ErrnoException).code ?? 'error';
    throw new CliFailure('usage', 'token_file_unreadable', `${path} cannot be read (${why})`);
  }
}

function embeddedUrl(state: string): string | undefined {
  try {
    const run = JSON.parse(readFileSync(join(state, 'run.json'), 'utf8')) as {
      operator_url?: unknown;
    };
    return typeof run.operator_url === 'string' ? run.operator_url : undefined;
  } catch {
    return undefined;
  }
}

function embeddedToken(state: string): string | undefined {
  try {
    return readTokenFile(join(state, 'operator-token'));
  } catch (error) {
    if (error instanceof CliFailure && error.code === 'token_file_unreadable') return undefined;
    throw error;
  }
}
