// Where the processor time of a server goes, by V8's profiler: the two ends of `bench:guard -- --profile`.
import { Session } from 'node:inspector/promises';

const SAMPLE_EVERY_US = 200;

const session = new Session();

/** Switches the profiler of this process on. */
export async function startProfiler() {
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_EVERY_US });
  await session.post('Profiler.start');
  return {};
}

/** Switches it off. @returns what it has seen */
export async function stopProfiler() {
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  return profile;
}

const SYSTEM_CALLS = 'system calls: reading, writing';
const COLLECTING = 'garbage collection';
/** By where a function is written; the first that fits counts. */
const GROUPS = [
  ['crypto', /^node:internal\/crypto|^node:crypto/],
  ['node:http, streams, the rest of Node', /^node:/],
  ['verifier, nest-auth, passport', /\/libs\/|\/node_modules\/(@nestjs\/)?passport/],
  ['Nest', /\/node_modules\/(@nestjs|rxjs|reflect-metadata)\//],
  ['Fastify', /\/node_modules\/(fastify|@fastify|find-my-way|fast-|avvio|reusify)/],
];
const OTHER = 'the handler, and others';
export const GROUP_NAMES = [SYSTEM_CALLS, ...GROUPS.map(([name]) => name), OTHER, COLLECTING];

/** `(program)` is native code that V8 does not know: mostly the loop of libuv, which reads. */
const SYSTEM_FUNCTIONS = /^(\(program\)|writev|write(Buffer|Utf8String|Latin1String))$/;

/**
 * The group of a function. What is built into V8 or Node (`JSON.parse`, say) has no file, and counts for the function that has
 * called it.
 */
function groupOf({ functionName, url }, ofCaller) {
  if (functionName === '(garbage collector)') return COLLECTING;
  if (url === '' && SYSTEM_FUNCTIONS.test(functionName)) return SYSTEM_CALLS;
  if (url === '') return ofCaller;
  return GROUPS.find(([, files]) => files.test(url))?.[0] ?? OTHER;
}

/** Which share of the time that was not idle each group has. */
export function sharesOf({ nodes, samples, timeDeltas }) {
  const known = new Map(nodes.map((node) => [node.id, node]));
  const groups = new Map();
  const place = (node, ofCaller) => {
    const idle = node.callFrame.functionName === '(idle)';
    const group = idle ? undefined : groupOf(node.callFrame, ofCaller);
    groups.set(node.id, group);
    for (const id of node.children ?? []) place(known.get(id), group);
  };
  place(nodes[0], OTHER);
  const times = Object.fromEntries(GROUP_NAMES.map((name) => [name, 0]));
  let total = 0;
  samples.forEach((id, index) => {
    const group = groups.get(id);
    if (group === undefined) return;
    times[group] += timeDeltas[index];
    total += timeDeltas[index];
  });
  return Object.fromEntries(GROUP_NAMES.map((name) => [name, times[name] / total]));
}

/** Prints microseconds for each request; `columns`: those of each group, by the name of the run. */
export function printProfile(columns) {
  const names = Object.keys(columns);
  const width = Math.max(...GROUP_NAMES.map(({ length }) => length));
  const row = (name, cells) =>
    console.log(
      `${name.padEnd(width)}  ${cells.map((cell, n) => cell.padStart(Math.max(names[n].length, 8))).join('  ')}`,
    );
  row('microseconds a request', names);
  for (const group of GROUP_NAMES)
    row(
      group,
      names.map((name) => columns[name][group].toFixed(2)),
    );
  const sum = (groups) => Object.values(groups).reduce((total, us) => total + us, 0);
  row(
    'together',
    names.map((name) => sum(columns[name]).toFixed(2)),
  );
}
