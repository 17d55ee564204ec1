import { Injectable } from '@nestjs/common';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { from, lastValueFrom } from 'rxjs';
import type { Observable } from 'rxjs';
import type { ProvedPassword } from '../accounts/accounts.js';
import { emailAddress } from '../accounts/email-address.js';
import { IdentityConfig } from '../config/identity-config.js';
import { onceNoMoreHashing } from '../platform/no-more-hashing.js';
import { readBasicCredentials } from '../relying-services/client-credentials.js';
import { addressClass } from './address-class.js';
import { AttemptKeys } from './attempt-keys.js';
import { AttemptLimits } from './attempt-limits.js';
import type { AdmittedAttempt } from './attempt-limits.js';
import type { AttemptKind, Outcome, Who } from './attempt-plan.js';
import { giveToDevice, heldByDevice } from './device-transport.js';
import { HashingShares } from './hashing-shares.js';
import { KnownDevices } from './known-devices.js';
import {
  HASHING_ROUTES,
  LIMITED_ROUTES,
  limitedRouteOf,
  OPTIONAL_PROOF_ROUTES,
} from './limited-routes.js';
import { outcomeOf } from './outcome-of.js';

/** Tells who has signed in. Given by the listener, which knows how people do. */
export abstract class SignedInAccount {
  /** The ids of the account and the session. @throws {TypeError} on a public route */
  abstract of(request: FastifyRequest): { readonly accountId: string; readonly sid: string };
  /** The password that was proved for an answer to a sign-in, or one like it. */
  abstract provedFor(answer: unknown): ProvedPassword | undefined;
}

/** Counts what is tried by requests to the public listener, before anything else is done about them. */
@Injectable()
export class AttemptLimitsInterceptor implements NestInterceptor {
  constructor(
    private readonly config: IdentityConfig,
    private readonly limits: AttemptLimits,
    private readonly keys: AttemptKeys,
    private readonly devices: KnownDevices,
    private readonly shares: HashingShares,
    private readonly signedIn: SignedInAccount,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const route = limitedRouteOf(request);
    const kinds = LIMITED_ROUTES[route];
    if (!kinds || (OPTIONAL_PROOF_ROUTES.has(route) && !givesPassword(request.body)))
      return next.handle();
    return from(this.#limit(route, kinds, request, http.getResponse<FastifyReply>(), next));
  }

  async #limit(
    route: string,
    kinds: readonly AttemptKind[],
    request: FastifyRequest,
    reply: FastifyReply,
    next: CallHandler,
  ): Promise<unknown> {
    const email = emailIn(request.body);
    const held = heldByDevice(request);
    const who = await this.#who(kinds, request, email, held);
    const admitted = await this.#begin(kinds, who);
    const settle = async (outcome: Outcome) => {
      await Promise.all(admitted.map((attempt) => attempt.settle(outcome)));
    };
    let answer: unknown;
    try {
      answer = await this.#handle(route, who, request, next);
    } catch (error) {
      await settle(outcomeOf(error));
      throw error;
    }
    await settle('accepted');
    this.#remember(held, answer, reply);
    return answer;
  }

  async #handle(route: string, { network }: Who, request: FastifyRequest, next: CallHandler) {
    const giveBack = HASHING_ROUTES.has(route) ? this.shares.take(network) : () => undefined;
    onceNoMoreHashing(request, giveBack);
    try {
      return (await lastValueFrom(next.handle(), { defaultValue: undefined })) as unknown;
    } finally {
      giveBack();
    }
  }

  /** From a proved password on the device is known. */
  #remember(held: string, answer: unknown, reply: FastifyReply): void {
    const proved = this.signedIn.provedFor(answer);
    if (!proved) return;
    const remembered = this.devices.remember(held, proved.email, proved.era);
    giveToDevice(reply, remembered, this.config.KNOWN_DEVICE_TTL_SECONDS);
  }

  async #begin(kinds: readonly AttemptKind[], who: Who): Promise<AdmittedAttempt[]> {
    const admitted: AdmittedAttempt[] = [];
    for (const kind of kinds) {
      try {
        admitted.push(await this.limits.begin(kind, who));
      } catch (error) {
        await Promise.all(admitted.map((attempt) => attempt.settle('untried')));
        throw error;
      }
    }
    return admitted;
  }

  async #who(
    kinds: readonly AttemptKind[],
    request: FastifyRequest,
    email: string | undefined,
    held: string,
  ): Promise<Who> {
    const { address, network } = addressClass(request.ip);
    const signedIn = kinds.includes('password_check') ? this.signedIn.of(request) : undefined;
    const client = readBasicCredentials(request.headers.authorization)?.clientId;
    const device = email === undefined ? undefined : await this.#device(held, email);
    return {
      address: this.keys.of('address', address),
      network: this.keys.of('network', network),
      email: email === undefined ? undefined : this.keys.of('email', email),
      device,
      account: signedIn && this.keys.of('account', signedIn.accountId),
      session: signedIn && this.keys.of('session', signedIn.sid),
      client: client === undefined ? undefined : this.keys.of('client', client, address),
    };
  }

  /** Ids are those of one account. */
  async #device(held: string, email: string): Promise<string | undefined> {
    const id = await this.devices.recognise(held, email);
    return id === undefined ? undefined : this.keys.of('device', email, id);
  }
}

/** Whether a body that has not been validated yet holds a current password, or something in its place. */
function givesPassword(body: unknown): boolean {
  return (
    (body as { readonly current_password?: unknown } | null | undefined)?.current_password !==
    undefined
  );
}

/** The e-mail address in a body that has not been validated yet, in the one spelling under which it is counted. */
function emailIn(body: unknown): string | undefined {
  const given = (body as { readonly email?: unknown } | null | undefined)?.email;
  return emailAddress.safeParse(given).data;
}
