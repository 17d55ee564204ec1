import { readFileSync } from 'node:fs';

/** The commands of docs/operations/deploy.md that update what docker-compose.yml runs, as they stand there. */
export function updateLines(page = readFileSync('docs/operations/deploy.md', 'utf8')): string {
  const [, section = ''] = /^## [^\n]*compose\n([\s\S]*?)^## /m.exec(page) ?? [];
  const [, lines] = /^### Update\n[\s\S]*?^```sh\n([\s\S]*?)^```$/m.exec(section) ?? [];
  if (lines === undefined) throw new Error('docs/operations/deploy.md does not say how to update');
  return lines;
}
