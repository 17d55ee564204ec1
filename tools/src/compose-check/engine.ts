import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The check cannot go on. The message says why. */
export class CheckFailure extends Error {
  override readonly name = 'CheckFailure';
}

/** Docker or podman: what runs containers, and what understands docker-compose.yml. */
export interface Engine {
  readonly program: 'docker' | 'podman';
  readonly compose: readonly string[];
}

/**
 * Finds what runs containers here. `COMPOSE` names another command that takes the arguments of `docker compose`, on podman.
 *
 * @throws {CheckFailure} saying what to install
 */
export function findEngine(env: Readonly<Record<string, string | undefined>>): Engine {
  const given = env['COMPOSE']?.split(' ').filter((word) => word !== '') ?? [];
  if (given.length > 0) return onPodman(given);
  if (works('docker', 'info') && works('docker', 'compose', 'version'))
    return { program: 'docker', compose: ['docker', 'compose'] };
  if (works('podman', 'info') && works('podman-compose', '--version'))
    return onPodman(['podman-compose']);
  throw new CheckFailure(
    'this runs docker-compose.yml for real, and there is nothing here that runs containers. Install Docker Engine with ' +
      'its compose plugin, or podman and podman-compose.',
  );
}

function onPodman(compose: readonly string[]): Engine {
  return { program: 'podman', compose: [...compose, '-f', FOR_PODMAN] };
}

function works(program: string, ...args: string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore', timeout: 30_000 }).status === 0;
}

/** What podman-compose is given: it knows no addresses. */
const FOR_PODMAN = '.docker-compose.podman.yml';

/** What the engine knows about a container. */
interface Inspected {
  readonly Id: string;
  readonly Name: string;
  readonly HostsPath: string;
  readonly State: { readonly Running: boolean; readonly ExitCode: number };
  readonly Config: {
    readonly User: string;
    readonly Env: readonly string[];
    readonly Labels: Readonly<Record<string, string>>;
  };
  readonly NetworkSettings: {
    readonly Networks: Readonly<Record<string, { readonly IPAddress: string }>>;
    readonly Ports: Readonly<Record<string, readonly unknown[] | null>>;
  };
}

/** One container of the stack. */
export interface Container extends Inspected {
  readonly service: string;
}

/** The stack that docker-compose.yml describes. */
export class ComposeStack {
  constructor(
    readonly engine: Engine,
    private readonly project: string,
    /** What docker-compose.yml takes from the environment. */
    private readonly settings: Readonly<Record<string, string>>,
  ) {}

  /** @throws {CheckFailure} with what it wrote, unless it succeeded */
  compose(...args: readonly string[]): Promise<string> {
    const [program = '', ...before] = this.engine.compose;
    return run(program, [...before, '-p', this.project, ...args], this.settings);
  }

  /**
   * Makes the network `services` with its addresses where the engine's compose does not read them in the file. That gives no container
   * an address of its own either: the whole network is what identity believes then.
   *
   * @returns how to undo it
   */
  async prepareAddresses(subnet: string): Promise<() => Promise<unknown>> {
    if (this.engine.program === 'docker') return () => Promise.resolve();
    const name = `${this.project}_services`;
    const file = readFileSync('docker-compose.yml', 'utf8')
      .replace('{ services: { ipv4_address: *edge-address } }', '[services]')
      .replace(/(?<=&edge-address ).*/, subnet);
    writeFileSync(FOR_PODMAN, file);
    const remove = () => this.engineCommand('network', 'rm', '-f', name);
    await remove();
    await this.engineCommand('network', 'create', '--subnet', subnet, name);
    return () => {
      rmSync(FOR_PODMAN);
      return remove();
    };
  }

  /** Runs lines of a page, as somebody would who has docker. @throws {CheckFailure} with what they wrote, unless all succeeded */
  script(lines: string): Promise<string> {
    const before =
      this.engine.program === 'docker' ? '' : readFileSync('tools/docker-on-podman.sh', 'utf8');
    return run('bash', ['-euc', `${before}\n${lines}`], {
      ...this.settings,
      COMPOSE: this.engine.compose.join(' '),
      COMPOSE_PROJECT_NAME: this.project,
    });
  }

  /** Runs a command of the engine itself. @throws {CheckFailure} like {@link compose} */
  engineCommand(...args: readonly string[]): Promise<string> {
    return run(this.engine.program, args);
  }

  /** All containers of the stack, also those that have ended. */
  async containers(): Promise<readonly Container[]> {
    const label = `label=com.docker.compose.project=${this.project}`;
    const ids = (await this.engineCommand('ps', '-aq', '--filter', label)).trim().split('\n');
    if (ids.join('') === '') return [];
    const inspected = JSON.parse(await this.engineCommand('inspect', ...ids)) as Inspected[];
    return inspected.map((one) => ({
      ...one,
      service: one.Config.Labels['com.docker.compose.service'] ?? '',
    }));
  }

  /**
   * Tells the containers each other's names where the engine does not: podman has no name service on internal networks unless
   * it is set up for one. Call it again and again; a container that starts anew has forgotten them, and one that is gone is
   * forgotten.
   */
  async tellNames(): Promise<void> {
    if (this.engine.program === 'docker') return;
    const running = (await this.containers()).filter(({ State }) => State.Running);
    const services = new Set(running.map(({ service }) => service));
    for (const { HostsPath, NetworkSettings } of running) {
      // It has ended since.
      if (!existsSync(HostsPath)) continue;
      const known = readFileSync(HostsPath, 'utf8');
      const lines = running.flatMap(({ service, NetworkSettings: theirs }) =>
        Object.keys(NetworkSettings.Networks).flatMap((network) => {
          const address = theirs.Networks[network]?.IPAddress;
          return address ? [`${address} ${service}`] : [];
        }),
      );
      const others = known
        .split('\n')
        .filter((line) => line !== '' && !services.has(/^\S+ (\S+)$/.exec(line)?.[1] ?? ''));
      const text = `${[...others, ...lines].join('\n')}\n`;
      if (text !== known) writeFileSync(HostsPath, text);
    }
  }
}

/** What a container engine leaves running keeps the output open, so it goes to a file, and the end is that of the program. */
async function run(
  program: string,
  args: readonly string[],
  settings: Readonly<Record<string, string>> = {},
): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-compose-'));
  const [out, err] = ['out', 'err'].map((name) => join(folder, name)) as [string, string];
  const files = [openSync(out, 'w'), openSync(err, 'w')] as const;
  try {
    const child = spawn(program, args, {
      stdio: ['ignore', ...files],
      env: { ...process.env, ...settings },
    });
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code === 0) return readFileSync(out, 'utf8');
    const why = readFileSync(err, 'utf8').slice(-2000);
    throw new CheckFailure(`${program} ${args.join(' ')} ended with ${String(code)}:\n${why}`);
  } finally {
    for (const file of files) closeSync(file);
    rmSync(folder, { recursive: true });
  }
}
