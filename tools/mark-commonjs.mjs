// Marks the CommonJS build of every library that has one: the packages are ES modules, and Node and TypeScript take the format
// of a file from the nearest package.json.
import { existsSync, readdirSync, writeFileSync } from 'node:fs';

const libs = new URL('../libs/', import.meta.url);

for (const name of readdirSync(libs)) {
  const folder = new URL(`${name}/dist/cjs/`, libs);
  if (existsSync(folder))
    writeFileSync(new URL('package.json', folder), '{ "type": "commonjs" }\n');
}
