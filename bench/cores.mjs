// Which processor core does what, where `taskset` can say so.
import { spawnSync } from 'node:child_process';

function taskset(...flags) {
  const { status, stdout } = spawnSync('taskset', flags, { encoding: 'utf8' });
  return status === 0 ? stdout : undefined;
}

/** The core for the server and the one for everything else; undefined when there are not two, or no `taskset`. */
export function pickCores() {
  const allowed = taskset('-cp', String(process.pid))?.split(': ')[1]?.trim();
  const cores = (allowed ?? '').split(',').flatMap((range) => {
    const [from, to = from] = range.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, n) => from + n);
  });
  return cores.length < 2 ? undefined : { server: cores[0], rest: cores.at(-1) };
}

/** Puts this process, all its threads and what it starts from now on, on one core. */
export function pinThisProcess(core) {
  taskset('-acp', String(core), String(process.pid));
}

/** The command that runs a program on one core. */
export const onCore = (core, program, ...flags) =>
  core === undefined ? [program, flags] : ['taskset', ['-c', String(core), program, ...flags]];
