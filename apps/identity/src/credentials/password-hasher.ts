import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Injectable } from '@nestjs/common';
import { IdentityConfig } from '../config/identity-config.js';
import { DomainError } from '../platform/domain-error.js';
import { isOutdated } from './phc-string.js';
import type { HashAnswer, HashRequest } from './hash-messages.js';

// The built file, also when the sources themselves run: a child process cannot load TypeScript.
const PROGRAM = fileURLToPath(new URL('../../dist/credentials/argon2-process.js', import.meta.url));

/** Hashing gives way to serving. */
const NICENESS = 5;

/** A process is given so many of those that wait at most: their answers come together, and what follows upon them costs less so. */
const MOST_IN_A_ROW = 4;

type Task = HashRequest extends infer R ? (R extends unknown ? Omit<R, 'id'> : never) : never;

interface Waiting {
  readonly request: HashRequest;
  readonly resolve: (answer: HashAnswer) => void;
  readonly reject: (error: Error) => void;
}

/** One hashing process and what it is busy with, in this order. */
interface Worker {
  readonly child: ChildProcess;
  current: readonly Waiting[];
}

/**
 * Hashes passwords with argon2id (RFC 9106) in processes of their own. So many at once, so many waiting; past that a
 * request is turned away at once, so that a flood of logins costs neither memory nor anybody else's time.
 */
@Injectable()
export class PasswordHasher {
  readonly #workers = new Set<Worker>();
  readonly #queue: Waiting[] = [];
  #lastId = 0;
  #decoy: Promise<string> | undefined;
  #closed = false;

  constructor(private readonly config: IdentityConfig) {}

  /** @returns a PHC string @throws {DomainError} `overloaded` */
  async hash(password: string): Promise<string> {
    const { ARGON2_MEMORY_KIB: memoryKiB, ARGON2_PASSES: passes } = this.config;
    const answer = await this.#ask({ op: 'hash', password, memoryKiB, passes });
    if (!('hash' in answer)) throw new Error(failureOf(answer));
    return answer.hash;
  }

  /**
   * Compares a password with a stored hash; `null` is compared with a decoy of the same cost, and never matches.
   *
   * @throws {DomainError} `overloaded`
   */
  async verify(hash: string | null, password: string): Promise<boolean> {
    // Waited for in any case: of those who ask at once nobody gets ahead of others by having an account.
    const decoy = await this.#decoyHash();
    const answer = await this.#ask({ op: 'verify', hash: hash ?? decoy, password });
    if (!('ok' in answer)) throw new Error(failureOf(answer));
    return answer.ok && hash !== null;
  }

  /**
   * For who has other things to do first: they are not worth doing when the hash would be turned away.
   *
   * @throws {DomainError} `overloaded`
   */
  requireRoom(): void {
    if (this.#closed || this.#queue.length >= this.config.PASSWORD_HASH_QUEUE) {
      throw new DomainError('overloaded', 'too many passwords at once; try again in a moment');
    }
  }

  /** Whether a stored hash was made another way than this one would make it now. */
  isOutdated(hash: string): boolean {
    const { ARGON2_MEMORY_KIB: memoryKiB, ARGON2_PASSES: passes } = this.config;
    return isOutdated(hash, { memoryKiB, passes });
  }

  /** Starts the processes and makes the decoy, so that the first login costs what the others do. */
  async start(): Promise<void> {
    await this.#decoyHash();
  }

  /** How many hashes wait for a process. */
  get queued(): number {
    return this.#queue.length;
  }

  close(): void {
    this.#closed = true;
    for (const { child } of this.#workers) child.disconnect();
    for (const { reject } of this.#queue.splice(0)) reject(new DomainError('overloaded'));
  }

  #decoyHash(): Promise<string> {
    this.#decoy ??= this.hash('no password has this hash').catch((error: unknown) => {
      this.#decoy = undefined;
      throw error;
    });
    return this.#decoy;
  }

  async #ask(task: Task): Promise<HashAnswer> {
    this.requireRoom();
    this.#lastId += 1;
    const request: HashRequest = { ...task, id: this.#lastId };
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, resolve, reject });
      this.#dispatch();
    });
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const worker = this.#idleWorker();
      if (!worker) return;
      const fair = Math.ceil(this.#queue.length / this.config.PASSWORD_HASH_PROCESSES);
      worker.current = this.#queue.splice(0, Math.min(fair, MOST_IN_A_ROW));
      worker.child.send(worker.current.map(({ request }) => request));
    }
  }

  #idleWorker(): Worker | undefined {
    for (const worker of this.#workers) if (worker.current.length === 0) return worker;
    return this.#workers.size < this.config.PASSWORD_HASH_PROCESSES
      ? this.#startWorker()
      : undefined;
  }

  #startWorker(): Worker {
    const child = fork(PROGRAM, { env: {}, execArgv: [], serialization: 'advanced' });
    const worker: Worker = { child, current: [] };
    this.#workers.add(worker);
    if (child.pid !== undefined) setPriority(child.pid, NICENESS);
    child.on('message', (answers: readonly HashAnswer[]) => {
      const done = worker.current.slice(0, answers.length);
      worker.current = worker.current.slice(answers.length);
      for (const [n, { request, resolve, reject }] of done.entries()) {
        const answer = answers[n];
        if (answer?.id === request.id) resolve(answer);
        else reject(new TypeError('a password hashing process answered something else'));
      }
      this.#dispatch();
    });
    const lost = () => {
      if (!this.#workers.delete(worker)) return;
      for (const { reject } of worker.current)
        reject(new DomainError('overloaded', 'the password could not be looked at; try again'));
      if (!this.#closed) this.#dispatch();
    };
    child.on('exit', lost);
    child.on('error', lost);
    return worker;
  }
}

function failureOf(answer: HashAnswer): string {
  return `password hashing failed: ${'error' in answer ? answer.error : 'unexpected answer'}`;
}
