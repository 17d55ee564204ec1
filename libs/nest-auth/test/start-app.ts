import { request } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { DynamicModule, LoggerService, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { INestApplication } from '@nestjs/common';
import type { TestIssuer } from '@countersign/test-kit';
import { createTokenVerifier } from '@countersign/token-verifier';
import type { TokenVerifier, VerifierSettings } from '@countersign/token-verifier';

export const PLATFORMS = ['fastify', 'express'] as const;
export type Platform = (typeof PLATFORMS)[number];

/** An application that is not listening yet. */
export function makeApp(
  module: Type | DynamicModule,
  platform: Platform,
  logger: LoggerService | false = false,
): Promise<INestApplication> {
  const adapter = platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
  return NestFactory.create(module, adapter, { logger, forceCloseConnections: true });
}

/** Listens on a free port. @returns the origin */
export async function listen(app: INestApplication): Promise<string> {
  await app.listen(0, '127.0.0.1');
  const server = app.getHttpServer() as Server;
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

export function verifierOptions(issuer: TestIssuer): VerifierSettings {
  return {
    issuer: issuer.issuer,
    audience: 'orders',
    discoveryUrl: issuer.discoveryUrl,
    credentials: issuer.credentials,
  };
}

export function makeVerifier(
  issuer: TestIssuer,
  overrides: Partial<VerifierSettings> = {},
): TokenVerifier {
  return createTokenVerifier({ ...verifierOptions(issuer), ...overrides });
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Asks with headers exactly as given, names and values in turn: `fetch` would join or drop some. */
export function ask(url: string, headers: readonly string[] = [], method = 'GET'): Promise<Answer> {
  const { host } = new URL(url);
  return new Promise((resolve, reject) => {
    const raw = ['Host', host, 'Connection', 'close', 'Content-Length', '0', ...headers];
    const asking = request(url, { method, headers: raw }, (response) => {
      text(response).then(
        (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        reject,
      );
    });
    asking.once('error', reject).end();
  });
}

export async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
