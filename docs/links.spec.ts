import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], {
  cwd: root,
  encoding: 'utf8',
});
const pages = listed.trim().split('\n');
const read = (path: string) =>
  readFileSync(join(root, path), 'utf8').replace(/^```[\s\S]*?^```/gm, '');

/** The anchors of a page, as GitHub makes them of headings. */
function anchorsOf(path: string): Set<string> {
  const headings = [...read(path).matchAll(/^#+ (.+)$/gm)].map(([, text = '']) => text);
  return new Set(
    headings.map((text) =>
      text
        .toLowerCase()
        .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

it('there are pages', () => {
  expect(pages.length).toBeGreaterThan(30);
});

it.each(pages)('every link of %s leads somewhere in this repository', (page) => {
  const links = [...read(page).matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)];
  const dead = links.flatMap(([, link = '']) => {
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? page : join(dirname(page), path);
    if (!existsSync(join(root, target))) return [link];
    if (anchor === undefined) return [];
    const isFolder = statSync(join(root, target)).isDirectory();
    return anchorsOf(isFolder ? join(target, 'README.md') : target).has(anchor) ? [] : [link];
  });
  expect(dead).toEqual([]);
});
