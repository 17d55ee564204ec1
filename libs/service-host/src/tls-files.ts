import { readFileSync } from 'node:fs';
import type { Server } from 'node:https';
import { createSecureContext } from 'node:tls';
import { z } from 'zod';
import type { Logger } from './logger.js';

/** How often a renewed certificate is looked for. */
const LOOK_MS = 60_000;

/** Settings of a process that serves TLS itself. */
export const tlsSettings = {
  TLS_CERTIFICATE_FILE: z
    .string()
    .optional()
    .describe(
      'A file with the certificate and those between it and its authority (PEM): the public and the service listener speak https. A renewed one is taken up within a minute.',
    ),
  TLS_KEY_FILE: z.string().optional().describe('A file with its private key (PEM).'),
};

type TlsSettings = z.output<z.ZodObject<typeof tlsSettings>>;

/** What a listener needs to serve TLS. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
}

/** What is wrong with the settings, for who reads a list of faults. */
export function tlsFaults(
  settings: TlsSettings,
): readonly (readonly [name: string, why: string])[] {
  const { TLS_CERTIFICATE_FILE: certificate, TLS_KEY_FILE: key } = settings;
  if (certificate === undefined && key === undefined) return [];
  if (certificate === undefined)
    return [['TLS_CERTIFICATE_FILE', 'is missing beside TLS_KEY_FILE']];
  if (key === undefined) return [['TLS_KEY_FILE', 'is missing beside TLS_CERTIFICATE_FILE']];
  try {
    readTls(settings);
    return [];
  } catch (error) {
    const { code = 'error' } = error as NodeJS.ErrnoException;
    return [['TLS_CERTIFICATE_FILE', `it and its key cannot be used (${code})`]];
  }
}

/** Reads both files. `undefined` without the settings. @throws when they are no certificate with its key */
export function readTls(settings: TlsSettings): TlsMaterial | undefined {
  const { TLS_CERTIFICATE_FILE: certificate, TLS_KEY_FILE: key } = settings;
  if (certificate === undefined || key === undefined) return undefined;
  const material = { cert: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') };
  createSecureContext(material);
  return material;
}

/**
 * Lets listeners serve a certificate that was renewed in its file; connections that are open keep the old one. Files that do not
 * fit together, as while they are being replaced, are looked at again later.
 *
 * @returns ends it
 */
export function renewCertificates(
  servers: readonly Server[],
  settings: TlsSettings,
  logger: Logger,
  lookMs = LOOK_MS,
): () => void {
  let served = readTls(settings);
  if (!served) return () => undefined;
  const look = () => {
    try {
      const found = readTls(settings);
      if (!found || found.cert === served?.cert) return;
      for (const server of servers) server.setSecureContext(found);
      served = found;
      logger.info('a renewed certificate is served');
    } catch (error) {
      logger.warn({ err: error }, 'the renewed certificate cannot be used; the old one is served');
    }
  };
  const timer = setInterval(look, lookMs);
  timer.unref();
  return () => clearInterval(timer);
}
